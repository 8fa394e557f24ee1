//! From settings to a server: real accounts, or the sandbox's.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::Args;

use crate::{
    auth::Caller,
    aws::{Aws, Base, Resolver, registry},
    config::{AccountVariables, AwsConfig},
    server::{Catalogue, Server},
};

/// Where AWS is.
#[derive(Clone, Debug, Args)]
pub struct AwsOptions {
    /// Run on four accounts in this process instead of AWS; nothing real is read or changed
    #[cfg(feature = "sandbox")]
    #[arg(long)]
    pub sandbox: bool,

    /// The real one.
    #[command(flatten)]
    pub aws: AwsConfig,
}

/// Accounts and the way to them.
pub struct Connected {
    /// The accounts.
    pub resolver: Resolver,
    /// The way to them.
    pub aws: Aws,
    #[cfg(feature = "sandbox")]
    _sandbox: Option<crate::sandbox::SandboxServer>,
}

impl AwsOptions {
    /// Whether the sandbox stands in for AWS.
    pub fn is_sandbox(&self) -> bool {
        #[cfg(feature = "sandbox")]
        return self.sandbox;
        #[cfg(not(feature = "sandbox"))]
        return false;
    }

    /// Reads the registry and makes the way to AWS. AWS itself is not asked anything yet.
    ///
    /// # Errors
    /// A wrong setting, in one line.
    pub async fn connect(&self) -> Result<Connected> {
        #[cfg(feature = "sandbox")]
        if self.sandbox {
            return self.connect_sandbox().await;
        }
        let accounts = registry::load(&self.aws, &AccountVariables::from_environment())?;
        Ok(Connected {
            resolver: Resolver::new(Arc::new(accounts), self.aws.region, self.aws.profiles()).with_settings(&self.aws),
            aws: Aws::new(&self.aws, Base::Chain)?,
            #[cfg(feature = "sandbox")]
            _sandbox: None,
        })
    }

    #[cfg(feature = "sandbox")]
    async fn connect_sandbox(&self) -> Result<Connected> {
        use anyhow::Context;

        use crate::sandbox::Sandbox;

        let sandbox = Sandbox::new().await?;
        let server = sandbox
            .listen()
            .await
            .context("the sandbox can't listen on 127.0.0.1")?;
        let mut config = self.aws.clone();
        config.endpoint_url = Some(server.endpoint.clone());
        config.ca_bundle = None;
        let aws = Aws::new(&config, Base::Fixed(sandbox.base_credentials()))?;
        // Profiles would send a real profile's signature to the sandbox, and the user would take its answers for real.
        let resolver = Resolver::new(Arc::new(sandbox_accounts()?), config.region, false).with_settings(&config);
        Ok(Connected {
            resolver,
            aws,
            _sandbox: Some(server),
        })
    }
}

/// The sandbox's accounts as a registry.
#[cfg(feature = "sandbox")]
fn sandbox_accounts() -> Result<crate::aws::Accounts> {
    let entries: Vec<serde_json::Value> = crate::sandbox::Sandbox::accounts()
        .into_iter()
        .map(|a| {
            let kind = if a.central { "central" } else { "workload" };
            serde_json::json!({ "name": a.name, "id": a.id, "environment": a.environment, "kind": kind, "role_arn": a.role_arn })
        })
        .collect();
    registry::parse(&serde_json::to_string(&entries)?).map_err(|e| anyhow!("the sandbox's accounts: {e}"))
}

impl Connected {
    /// The MCP server over these accounts. `local` is the caller of a transport without authentication.
    ///
    /// # Errors
    /// Tools that contradict each other: a mistake in the program.
    pub fn server(self, local: Option<Caller>) -> Result<(Server, ConnectedGuard)> {
        let catalogue =
            Catalogue::new(self.resolver.profiles()).map_err(|e| anyhow!("the tools contradict each other: {e}"))?;
        let server = Server::new(catalogue, self.resolver, self.aws, local);
        #[cfg(feature = "sandbox")]
        return Ok((
            server,
            ConnectedGuard {
                _sandbox: self._sandbox,
            },
        ));
        #[cfg(not(feature = "sandbox"))]
        return Ok((server, ConnectedGuard {}));
    }
}

/// Keeps the sandbox alive; it ends when this is dropped.
pub struct ConnectedGuard {
    #[cfg(feature = "sandbox")]
    _sandbox: Option<crate::sandbox::SandboxServer>,
}
