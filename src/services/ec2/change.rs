//! Starting, stopping, rebooting: each is asked first whether it may, for all of the instances, and only then done.

use aws_sdk_ec2::{
    Client,
    config::{self, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::InstanceStateChange,
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::OpError;

use super::check_ids;

/// How many instances one call changes: the session's policy names each of them, and has room for no more.
const MOST: usize = 20;

/// Arguments of `start_instances`, `stop_instances` and `reboot_instances`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceIds {
    /// At most 20
    instance_ids: Vec<String>,
}

/// Answer of `start_instances`, `stop_instances` and `reboot_instances`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    instances: Vec<Change>,
}

/// One instance.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Change {
    instance_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_state: Option<String>,
    /// describe_instances shows when it has got there
    #[serde(skip_serializing_if = "Option::is_none")]
    current_state: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reboot_requested: bool,
}

pub(super) async fn start(client: &Client, input: InstanceIds) -> Result<Changed, OpError> {
    let ids = ids(input)?;
    let request = client.start_instances().set_instance_ids(Some(ids));
    let answer = twice(|dry| request.clone().dry_run(dry).send()).await?;
    Ok(changed(answer.starting_instances))
}

pub(super) async fn stop(client: &Client, input: InstanceIds) -> Result<Changed, OpError> {
    let ids = ids(input)?;
    let request = client.stop_instances().set_instance_ids(Some(ids));
    let answer = twice(|dry| request.clone().dry_run(dry).send()).await?;
    Ok(changed(answer.stopping_instances))
}

pub(super) async fn reboot(client: &Client, input: InstanceIds) -> Result<Changed, OpError> {
    let ids = ids(input)?;
    let request = client.reboot_instances().set_instance_ids(Some(ids.clone()));
    twice(|dry| {
        let request = request.clone().dry_run(dry);
        async move {
            match dry {
                true => request.send().await,
                // After an answer that got lost, a repeated request would be a second reboot.
                false => request.customize().config_override(once()).send().await,
            }
        }
    })
    .await?;
    let requested = |instance_id| Change {
        instance_id,
        previous_state: None,
        current_state: None,
        reboot_requested: true,
    };
    Ok(Changed {
        instances: ids.into_iter().map(requested).collect(),
    })
}

fn once() -> config::Builder {
    config::Config::builder().retry_config(RetryConfig::disabled())
}

/// The request as a dry run, and then for good if AWS says that it would do it.
async fn twice<T, E, R, F>(send: impl Fn(bool) -> F) -> Result<T, OpError>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata,
    SdkError<E, R>: Into<OpError>,
{
    match send(true).await {
        Err(SdkError::ServiceError(would)) if would.err().code() == Some("DryRunOperation") => {
            send(false).await.map_err(Into::into)
        }
        Err(error) => Err(error.into()),
        // Whoever doesn't know dry runs has done it.
        Ok(done) => Ok(done),
    }
}

fn ids(input: InstanceIds) -> Result<Vec<String>, OpError> {
    let mut ids = input.instance_ids;
    check_ids("instance_ids", "i-", &ids)?;
    ids.sort();
    ids.dedup();
    match ids.len() {
        0 => Err(OpError::InvalidInput(
            "instance_ids is empty: name the instances".to_owned(),
        )),
        1..=MOST => Ok(ids),
        many => Err(OpError::InvalidInput(format!(
            "instance_ids names {many} instances; one call changes at most {MOST}: make several calls"
        ))),
    }
}

fn changed(changes: Option<Vec<InstanceStateChange>>) -> Changed {
    let changes = changes.unwrap_or_default().into_iter().map(|c| Change {
        instance_id: c.instance_id.unwrap_or_default(),
        previous_state: c.previous_state.and_then(|s| s.name).map(|n| n.as_str().to_owned()),
        current_state: c.current_state.and_then(|s| s.name).map(|n| n.as_str().to_owned()),
        reboot_requested: false,
    });
    Changed {
        instances: changes.collect(),
    }
}
