//! From settings to a server: real accounts, or the sandbox's.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use clap::Args;
use tokio::{sync::mpsc, task::AbortHandle};

use crate::{
    auth::Caller,
    aws::{Aws, Base, Resolver, refresh::Refresher, registry},
    config::{AccountVariables, AwsConfig, AwsMcpConfig, ToolsConfig},
    server::{Catalogue, CatalogueOptions, Server},
    upstream::Forwarder,
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

    /// Which tools.
    #[command(flatten)]
    pub tools: ToolsConfig,

    /// What is forwarded.
    #[command(flatten)]
    pub aws_mcp: AwsMcpConfig,
}

/// Accounts and the way to them.
pub struct Connected {
    /// The accounts.
    pub resolver: Resolver,
    /// The way to them.
    pub aws: Arc<Aws>,
    /// What keeps the accounts current; `None` for the sandbox's, which never change.
    pub refresher: Option<Refresher>,
    /// The way to the AWS MCP Server; `None` if nothing is forwarded.
    pub forwarder: Option<Arc<Forwarder>>,
    tools: ToolsConfig,
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
        let variables = AccountVariables::from_environment();
        let accounts = registry::load(&self.aws, &variables)?;
        let resolver = Resolver::new(Arc::new(accounts), self.aws.region, self.aws.profiles()).with_settings(&self.aws);
        let refresher = Refresher::new(self.aws.clone(), variables, resolver.clone());
        let aws = Arc::new(Aws::new(&self.aws, Base::Chain)?);
        Ok(Connected {
            resolver,
            forwarder: Forwarder::new(&self.aws_mcp, &self.aws, aws.clone())?,
            aws,
            refresher: Some(refresher),
            tools: self.tools.clone(),
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
        config.account_registry = Some(sandbox_registry().to_string());
        config.organizations_account = None;
        // The organization's own tools work in its management account, which is no workload and so has no name to call it by.
        config.allowed_role_arns.push(Sandbox::ORGANIZATION_ROLE.to_owned());
        let aws = Arc::new(Aws::new(&config, Base::Fixed(sandbox.base_credentials()))?);
        // Profiles would send a real profile's signature to the sandbox, and the user would take its answers for real.
        let accounts = registry::load(&config, &AccountVariables::default())?;
        let resolver = Resolver::new(Arc::new(accounts), config.region, false).with_settings(&config);
        Ok(Connected {
            resolver,
            forwarder: Forwarder::new(&self.aws_mcp, &config, aws.clone())?,
            aws,
            refresher: None,
            tools: self.tools.clone(),
            _sandbox: Some(server),
        })
    }
}

/// The sandbox's accounts as a registry.
#[cfg(feature = "sandbox")]
fn sandbox_registry() -> serde_json::Value {
    let accounts = crate::sandbox::Sandbox::accounts().into_iter().map(|a| {
        let kind = if a.central { "central" } else { "workload" };
        serde_json::json!({ "name": a.name, "id": a.id, "environment": a.environment, "kind": kind, "role_arn": a.role_arn })
    });
    accounts.collect()
}

impl Connected {
    /// The MCP server over these accounts. `local` is the caller of a transport without authentication.
    ///
    /// # Errors
    /// A filter that names no tool.
    pub fn server(self, local: Option<Caller>) -> Result<(Server, ConnectedGuard)> {
        let keep = self.refresher.map(|refresher| {
            let (now, asked) = mpsc::channel(1);
            on_hangup(now);
            tokio::spawn(refresher.run(self.aws.clone(), asked)).abort_handle()
        });
        let options = CatalogueOptions {
            profiles: self.resolver.profiles().clone(),
            tools: self.tools,
        };
        let catalogue = Catalogue::new(options).map_err(|e| anyhow!(e))?;
        let server = Server::new(catalogue, self.resolver, self.aws, local, self.forwarder);
        #[cfg(feature = "sandbox")]
        return Ok((
            server,
            ConnectedGuard {
                keep,
                _sandbox: self._sandbox,
            },
        ));
        #[cfg(not(feature = "sandbox"))]
        return Ok((server, ConnectedGuard { keep }));
    }
}

/// Asks for the registry to be read again whenever the process gets SIGHUP. From its return on, SIGHUP no longer ends the
/// process, whether there is anything to read or not: who sends it to a server means "read again".
fn on_hangup(now: mpsc::Sender<()>) {
    #[cfg(unix)]
    let hangups = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
    tokio::spawn(async move {
        #[cfg(unix)]
        match hangups {
            Ok(mut hangups) => while hangups.recv().await.is_some() && now.send(()).await.is_ok() {},
            Err(error) => tracing::error!(%error, "SIGHUP can't be waited for"),
        }
        // The channel must stay open: its end would end the refreshing.
        now.closed().await;
    });
}

/// Keeps the sandbox and the refreshing alive; both end when this is dropped.
pub struct ConnectedGuard {
    keep: Option<AbortHandle>,
    #[cfg(feature = "sandbox")]
    _sandbox: Option<crate::sandbox::SandboxServer>,
}

impl Drop for ConnectedGuard {
    fn drop(&mut self) {
        if let Some(keep) = &self.keep {
            keep.abort();
        }
    }
}
