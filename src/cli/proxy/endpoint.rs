//! `proxy ENDPOINT`.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result, anyhow};
use rmcp::model::JsonObject;
use serde_json::Value;

use crate::{
    aws::{Aws, Base, Identity, http_client, profile},
    config::{AwsConfig, ProxyConfig, ProxyEnvironment},
    http::shutdown_signal,
    upstream::{
        Endpoint, Keys, Patience, Sender,
        proxy::{Dialler, FreshKeys, Options, serve},
    },
};

/// Everything that a conversation needs.
pub(super) struct Ready {
    pub(super) options: Options,
    pub(super) dialler: Dialler,
    /// What is signed for whom, in words.
    pub(super) identity: Vec<(&'static str, String)>,
}

pub(super) async fn run(config: ProxyConfig) -> Result<ExitCode> {
    let stop = shutdown_signal().context("can't wait for signals")?;
    let ready = ready(config)?;
    let stdin = crate::cli::stdin::take().context("can't take standard input")?;
    serve(ready.options, ready.dialler, stdin, tokio::io::stdout(), stop).await;
    Ok(ExitCode::SUCCESS)
}

/// Checks the settings. Neither ~/.aws nor the network is looked at yet.
///
/// # Errors
/// A wrong setting, in one line.
pub(super) fn ready(mut config: ProxyConfig) -> Result<Ready> {
    let endpoint = Endpoint::parse(&config.take_endpoint()?).map_err(|e| anyhow!(e))?;
    let service = config.service.clone().unwrap_or_else(|| endpoint.service().to_owned());
    let region = config
        .region
        .clone()
        .or_else(|| endpoint.region().map(str::to_owned))
        .or_else(|| config.environment.region.clone());
    let region = region.ok_or_else(|| {
        anyhow!(
            "Could not determine AWS region from endpoint '{}' or from environment variable AWS_REGION. \
             Please provide the region explicitly using --region argument.",
            endpoint.url()
        )
    })?;
    let profiles = config.all_profiles();
    let profile = profiles.first().cloned();
    let identity = vec![
        ("endpoint", endpoint.url().to_owned()),
        ("service", service.clone()),
        ("signing region", region.clone()),
        (
            "profile",
            profile.unwrap_or_else(|| "none: the default credentials".to_owned()),
        ),
    ];
    let environment = config.environment.clone();
    let http = http_client::connector(
        environment.ca_bundle.as_deref(),
        !endpoint.is_here(),
        config.connect_timeout.0,
    )?;
    let patience = Patience {
        read: config.read_timeout.0,
    };
    let nobody = Keys::new(Nobody);
    let sender = Sender::new(http, endpoint.clone(), (service, region), nobody, patience);
    let aws_config = AwsConfig::plain(environment.ca_bundle.clone())?;
    let text = |(key, value): (String, String)| (key, Value::String(value));
    let metadata: JsonObject = config.metadata().into_iter().map(text).collect();
    let headers = config.headers()?;
    let default_region = environment.default_region.clone();
    let dialler = Dialler {
        endpoint,
        sender,
        keys: keys(environment.clone(), aws_config, config.skip_auth),
        region: Box::new(move |profile| {
            let default_region = default_region.clone();
            Box::pin(async move {
                let named = profile::region(profile).await?;
                Ok(default_region.or(named))
            })
        }),
        environment_region: environment.region,
        metadata,
        headers,
        telemetry: !config.disable_telemetry,
    };
    let options = Options {
        profiles,
        read_only: config.read_only,
        retries: config.retries,
        tool_timeout: config.tool_timeout.0,
        ..Options::default()
    };
    Ok(Ready {
        options,
        dialler,
        identity,
    })
}

/// The keys of each profile, followed as ~/.aws changes.
fn keys(environment: ProxyEnvironment, config: AwsConfig, unsigned: bool) -> crate::upstream::proxy::dial::KeysOf {
    let config = Arc::new(config);
    Box::new(move |profile| {
        let identity = match profile {
            Some(name) => Identity::Profile(name.parse().map_err(|e| format!("profile '{name}': {e}"))?),
            None => Identity::Default,
        };
        let config = config.clone();
        let make = move || Aws::new(&config, Base::Chain).map_err(|e| e.to_string());
        Ok(Keys::new(FreshKeys::new(
            Box::new(make),
            identity,
            environment.files(),
            unsigned,
        )))
    })
}

/// Keys of a sender that is given others before it sends.
struct Nobody;

impl crate::upstream::keys::Source for Nobody {
    fn keys(
        &self,
    ) -> futures::future::BoxFuture<'_, Result<Option<aws_credential_types::Credentials>, crate::upstream::UpstreamError>>
    {
        Box::pin(std::future::ready(Ok(None)))
    }
}
