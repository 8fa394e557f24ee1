//! What the replicas of one server share.

use super::value::Secret;

/// Redis or Valkey, for servers of more than one replica.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Replicas")]
pub struct StateConfig {
    /// Redis or Valkey in which replicas share sessions and the callers' rates, `rediss://` with TLS; without it each replica is alone
    #[arg(
        long,
        env = "STATE_URL",
        hide_env_values = true,
        value_name = "redis[s]://[USER:PASSWORD@]HOST[:PORT][/DB]"
    )]
    pub state_url: Option<Secret>,

    /// What the names of all keys and channels there begin with
    #[arg(long, env = "STATE_PREFIX", default_value = "aws-ops-mcp:", value_name = "PREFIX")]
    pub state_prefix: String,

    /// How many replicas there are at most: the share of a caller's rate that each gives while STATE_URL does not answer
    #[arg(long, env = "STATE_REPLICAS", default_value_t = 4, value_parser = replicas, value_name = "NUMBER")]
    pub state_replicas: u32,
}

fn replicas(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|n| (1..=1000).contains(n));
    number.ok_or_else(|| "expected a whole number from 1 to 1000".to_owned())
}
