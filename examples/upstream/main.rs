//! A stand-in for AWS's managed MCP endpoints, to point a proxy at: `cargo run --example upstream -- --help`.

#![expect(clippy::print_stdout, reason = "whoever starts it reads the address from stdout")]

#[expect(dead_code, reason = "the tests turn the same switches through the handle")]
#[path = "upstream.rs"]
mod upstream;

use clap::Parser;

use aws_ops_mcp::sandbox::Sandbox;
use upstream::{Caller, Era, Options, Quotas, RUNTIME_ARN, Upstream, signers_of};

/// An AWS MCP Server and an AgentCore runtime on 127.0.0.1 that check signatures, record requests and fail on demand.
///
/// While it runs, GET /_upstream shows the requests so far, and POST /_upstream turns switches:
/// {"fault": "throttled", "count": 2, "on": "tools/call"}, {"pages": true}, {"lose_sessions": true}, …
#[derive(Parser)]
struct Cli {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Which revisions of MCP it speaks.
    #[arg(long, value_enum, default_value_t = Era::Both)]
    era: Era,
    /// Serve the sandbox's AWS accounts beside it: what its STS gives out is taken here, in place of --account.
    #[arg(long)]
    sandbox: bool,
    /// The region that signatures must be scoped to.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// An account whose credentials it takes; can be repeated.
    #[arg(long = "account", default_values = ["111111111111", "222222222222"])]
    accounts: Vec<String>,
    /// Keep AWS's quotas: 3 requests a second, 27 at once, 180 sessions.
    #[arg(long)]
    quotas: bool,
    /// Have the tools that need no account for unsigned requests too.
    #[arg(long)]
    unsigned: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    let callers: Vec<_> = cli.accounts.iter().map(|account| Caller::of(account)).collect();
    let (callers, lookup, _accounts) = if cli.sandbox {
        let sandbox = Sandbox::new().await?;
        let accounts = sandbox.listen().await?;
        let base = sandbox.base_credentials();
        println!("AWS: AWS_ENDPOINT_URL={}", accounts.endpoint);
        let base = Caller::in_sandbox(&sandbox, base.access_key_id());
        (base.into_iter().collect(), Some(signers_of(&sandbox)), Some(accounts))
    } else {
        (callers, None, None)
    };
    let upstream = Upstream::start(Options {
        era: cli.era,
        region: cli.region,
        callers: callers.clone(),
        lookup,
        quotas: if cli.quotas { Quotas::real() } else { Quotas::default() },
        unsigned: cli.unsigned,
        port: cli.port,
        ..Options::default()
    })
    .await?;
    println!("AWS MCP Server: {}", upstream.url());
    println!("AgentCore: {} ({RUNTIME_ARN})", upstream.base());
    for caller in callers {
        let token = caller.token.map(|token| format!(" AWS_SESSION_TOKEN={token}"));
        println!(
            "account {}: AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={}{}",
            caller.account,
            caller.access_key,
            caller.secret,
            token.unwrap_or_default()
        );
    }
    Ok(tokio::signal::ctrl_c().await?)
}
