//! Volumes.

use std::{collections::BTreeMap, time::SystemTime};

use aws_sdk_ec2::{Client, types::Volume};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated, size};

use super::{check_ids, filter, named, page::cut};

/// Arguments of `describe_volumes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribeVolumes {
    #[serde(default)]
    volume_ids: Vec<String>,
    /// Only those attached to it
    instance_id: Option<String>,
    /// Only those attached to nothing
    #[serde(default)]
    unattached: bool,
    /// true or false: only such
    encrypted: Option<bool>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `describe_volumes`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VolumeList {
    summary: VolumeSummary,
    volumes: Vec<VolumeEntry>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The listed volumes, counted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VolumeSummary {
    volumes: usize,
    total_size: String,
    unattached: usize,
    unattached_size: String,
    unencrypted: usize,
}

/// One volume.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VolumeEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    volume_id: String,
    size: String,
    state: String,
    /// Instances and devices
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attached_to: Vec<String>,
    volume_type: String,
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    iops: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip)]
    bytes: u64,
}

pub(super) async fn describe(ops: &Ops, client: &Client, input: DescribeVolumes) -> Result<VolumeList, OpError> {
    check_ids("volume_ids", "vol-", &input.volume_ids)?;
    if let (Some(instance), true) = (&input.instance_id, input.unattached) {
        return Err(OpError::InvalidInput(format!(
            "unattached volumes are attached to nothing, so not to instance_id {instance}: give one of the two"
        )));
    }
    let now = ops.now();
    let filters: Vec<_> = [
        filter("attachment.instance-id", input.instance_id.as_ref()),
        filter("status", input.unattached.then(|| "available".to_owned()).as_ref()),
        filter("encrypted", input.encrypted.map(|e| e.to_string()).as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let request = client
        .describe_volumes()
        .set_filters((!filters.is_empty()).then_some(filters));
    let fetch = |token, size| {
        let request = request.clone();
        let ids = input.volume_ids.clone();
        async move {
            let request = match ids.is_empty() {
                true => request.max_results(size).set_next_token(token),
                false => request.set_volume_ids(Some(ids)),
            };
            let answer = request.send().await?;
            let volumes = answer.volumes.unwrap_or_default().into_iter();
            Ok(Page {
                items: volumes.map(|v| entry(v, now)).collect(),
                next: answer.next_token.filter(|t| !t.is_empty()),
            })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token.clone());
    let Page { items, next } = pager.collect(500, |cursor, size| cut(cursor, size, fetch)).await?;
    let unattached = || items.iter().filter(|v| v.attached_to.is_empty());
    Ok(VolumeList {
        summary: VolumeSummary {
            volumes: items.len(),
            total_size: size(items.iter().map(|v| v.bytes).sum()),
            unattached: unattached().count(),
            unattached_size: size(unattached().map(|v| v.bytes).sum()),
            unencrypted: items.iter().filter(|v| !v.encrypted).count(),
        },
        volumes: items,
        next_token: next,
    })
}

fn entry(volume: Volume, now: SystemTime) -> VolumeEntry {
    let (name, tags) = named(volume.tags);
    let bytes = u64::try_from(volume.size.unwrap_or_default()).unwrap_or_default() << 30;
    let attached = volume.attachments.unwrap_or_default().into_iter().map(|a| {
        let (instance, device) = (a.instance_id.unwrap_or_default(), a.device.unwrap_or_default());
        format!("{instance} as {device}")
    });
    VolumeEntry {
        name,
        volume_id: volume.volume_id.unwrap_or_default(),
        size: size(bytes),
        state: volume.state.map(|s| s.as_str().to_owned()).unwrap_or_default(),
        attached_to: attached.collect(),
        volume_type: volume.volume_type.map(|t| t.as_str().to_owned()).unwrap_or_default(),
        encrypted: volume.encrypted.unwrap_or_default(),
        iops: volume.iops,
        availability_zone: volume.availability_zone,
        created: volume.create_time.map(|t| dated(&t, now)),
        snapshot_id: volume.snapshot_id.filter(|s| !s.is_empty()),
        tags,
        bytes,
    }
}
