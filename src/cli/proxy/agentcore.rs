//! `proxy --agent-arn`: settings become a relay on standard input and output.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use tokio::io::BufReader;

use crate::{
    auth::Caller,
    aws::{
        Allow, Aws, Base, Identity, Policy, RoleArn, RoleSession,
        cache::SystemClock,
        http_client::{connector, https},
    },
    config::{AgentArn, AgentCoreConfig, AwsConfig, ConfigError},
    http::shutdown_signal,
    upstream::{
        Endpoint,
        agentcore::{self, Acting, Runtime, Settings},
    },
};

/// What a session may do with the runtime. Source: AgentCore's service authorization reference.
const ACTIONS: [&str; 2] = [
    "bedrock-agentcore:InvokeAgentRuntime",
    "bedrock-agentcore:InvokeAgentRuntimeForUser",
];

pub(super) async fn run(config: AgentCoreConfig) -> Result<ExitCode> {
    let runtime = runtime(&config, AwsConfig::from_environment()?)?;
    let signalled = shutdown_signal().context("can't wait for signals")?;
    let stdin = crate::cli::stdin::take().context("can't take standard input")?;
    let relayed = agentcore::run(runtime, BufReader::new(stdin), tokio::io::stdout());
    tokio::select! {
        ended = relayed => ended.context("can't write to standard output")?,
        () = signalled => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing is asked of AWS yet: whoever has to sign in first can do so while the client waits for its first answer.
pub(super) fn runtime(config: &AgentCoreConfig, mut aws: AwsConfig) -> Result<Runtime> {
    let arn = config
        .arn()
        .context("AGENTCORE_AGENT_ARN (--agent-arn): it is missing")?;
    let endpoint = endpoint(config, &aws, arn)?;
    // STS is asked where the runtime is, which also is the right partition.
    aws.region = aws.region.or(Some(arn.region()));
    let identity = identity(config, arn)?;
    let http = connector(
        aws.ca_bundle.as_deref(),
        !endpoint.is_here(),
        config.agentcore_connect_timeout.get(),
    )?;
    let sts_is_here = aws
        .endpoint_url
        .as_deref()
        .is_some_and(|url| Endpoint::parse(url).is_ok_and(|e| e.is_here()));
    let sdk_http = https(aws.ca_bundle.as_deref(), !sts_is_here)?;
    let settings = Settings {
        qualifier: qualifier(config, arn)?,
        arn: arn.clone(),
        mode: config.session_mode,
        mcp_session_id: config.mcp_session_id,
        read_timeout: config.agentcore_read_timeout.get(),
        endpoint,
    };
    tracing::info!(
        arn = %arn, qualifier = settings.qualifier, endpoint = settings.endpoint.url(), mode = ?settings.mode,
        role = config.assume_role_arn, "relaying to an AgentCore runtime"
    );
    let make = move || {
        Arc::new(Aws::with_http_client(
            &aws,
            Base::Chain,
            sdk_http.clone(),
            Arc::new(SystemClock),
        ))
    };
    Ok(Runtime::new(settings, http, Acting::new(make, identity)))
}

fn endpoint(config: &AgentCoreConfig, aws: &AwsConfig, arn: &AgentArn) -> Result<Endpoint, ConfigError> {
    let (name, url) = match (&config.agentcore_endpoint_url, &aws.endpoint_url) {
        (Some(url), _) => ("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", url.clone()),
        (None, Some(url)) => ("AWS_ENDPOINT_URL", url.clone()),
        (None, None) => ("AGENTCORE_AGENT_ARN", format!("https://{}", arn.host())),
    };
    if url.contains(['?', '#']) {
        return Err(ConfigError::wrong(name, url, "expected a URL without `?` and `#`"));
    }
    Endpoint::parse(&url).map_err(|right| ConfigError::wrong(name, url, right))
}

fn qualifier(config: &AgentCoreConfig, arn: &AgentArn) -> Result<String, ConfigError> {
    match (config.qualifier.as_deref(), arn.qualifier()) {
        (Some(given), Some(named)) if given != named => Err(ConfigError::wrong(
            "AGENTCORE_QUALIFIER (--qualifier)",
            given,
            format!("expected none, or `{named}`, which is the endpoint that AGENTCORE_AGENT_ARN names"),
        )),
        (given, named) => Ok(given.or(named).unwrap_or("DEFAULT").to_owned()),
    }
}

fn identity(config: &AgentCoreConfig, arn: &AgentArn) -> Result<Identity, ConfigError> {
    let Some(role) = &config.assume_role_arn else {
        return Ok(Identity::Default);
    };
    let wrong = |right: String| ConfigError::wrong("AGENTCORE_ASSUME_ROLE_ARN (--assume-role-arn)", role, right);
    let role: RoleArn = role.parse().map_err(wrong)?;
    // An endpoint of the runtime is a resource below it.
    let policy = Policy::new(&[Allow::on(ACTIONS, [arn.runtime().to_owned(), format!("{arn}/*")])]);
    Ok(Identity::Role(Arc::new(RoleSession {
        role,
        caller: Caller::local(),
        session_name: config.assume_role_session_name.clone(),
        external_id: None,
        source_identity: None,
        tags: Vec::new(),
        policy: policy.map_err(wrong)?,
        seconds: RoleSession::LONGEST,
        once: false,
    })))
}
