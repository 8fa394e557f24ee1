//! What there is: buckets, objects, their versions.

use aws_sdk_s3::Client;
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{
    OpError, Ops, Page, dated,
    page::{pack, unpack},
};

use super::object::shown;

/// Arguments of `list_buckets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListBuckets {
    prefix: Option<String>,
    bucket_region: Option<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_buckets`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BucketList {
    /// How many are in this answer
    count: usize,
    buckets: Vec<Bucket>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Bucket {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<String>,
}

/// Arguments of `list_objects`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListObjects {
    bucket: String,
    prefix: Option<String>,
    delimiter: Option<String>,
    start_after: Option<String>,
    /// Default 1000, at most 10000
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_objects`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ObjectList {
    /// How many objects are in this answer
    count: usize,
    /// Of these objects together
    total_size: String,
    objects: Vec<ObjectSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    common_prefixes: Vec<String>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ObjectSummary {
    key: String,
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
}

/// What a page of `ListObjectsV2` holds: objects and prefixes are counted together.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed {
    Object(ObjectSummary, #[serde(skip)] i64),
    Prefix(String),
}

/// Arguments of `list_object_versions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListObjectVersions {
    bucket: String,
    prefix: Option<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_object_versions`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct VersionList {
    /// How many versions and delete markers are in this answer
    count: usize,
    /// Of these
    delete_markers: usize,
    /// Keys whose latest version is a delete marker: copy_object or deleting the marker brings them back
    deleted_keys: usize,
    /// Of the versions together
    total_size: String,
    versions: Vec<Version>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Version {
    key: String,
    version_id: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_latest: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    delete_marker: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    #[serde(skip)]
    bytes: i64,
    #[serde(skip)]
    nanos: i128,
}

pub(super) async fn buckets(ops: &Ops, client: &Client, input: ListBuckets) -> Result<BucketList, OpError> {
    let now = ops.now();
    let page = |token, size| {
        let request = client
            .list_buckets()
            .set_prefix(input.prefix.clone())
            .set_bucket_region(input.bucket_region.clone());
        async move {
            let answer = request.max_buckets(size).set_continuation_token(token).send().await?;
            let items = answer.buckets.unwrap_or_default().into_iter().map(|bucket| Bucket {
                name: bucket.name.unwrap_or_default(),
                bucket_region: bucket.bucket_region,
                creation_date: bucket.creation_date.map(|t| dated(&t, now)),
            });
            Ok(Page {
                items: items.collect(),
                next: answer.continuation_token.filter(|t| !t.is_empty()),
            })
        }
    };
    let Page { items, next } = ops
        .pager(input.max_results, input.next_token)
        .collect(1000, page)
        .await?;
    Ok(BucketList {
        count: items.len(),
        buckets: items,
        next_token: next,
    })
}

pub(super) async fn objects(ops: &Ops, client: &Client, input: ListObjects) -> Result<ObjectList, OpError> {
    let now = ops.now();
    let page = |token, size| {
        let request = client
            .list_objects_v2()
            .bucket(&input.bucket)
            .set_prefix(input.prefix.clone())
            .set_delimiter(input.delimiter.clone())
            .set_start_after(input.start_after.clone())
            .set_expected_bucket_owner(ops.bucket_owner());
        async move {
            let answer = request.max_keys(size).set_continuation_token(token).send().await?;
            let objects = answer.contents.unwrap_or_default().into_iter().map(|object| {
                let bytes = object.size.unwrap_or_default();
                let summary = ObjectSummary {
                    key: object.key.unwrap_or_default(),
                    size: shown(bytes),
                    last_modified: object.last_modified.map(|t| dated(&t, now)),
                    storage_class: object.storage_class.map(|c| c.as_str().to_owned()),
                };
                Listed::Object(summary, bytes)
            });
            let prefixes = answer.common_prefixes.unwrap_or_default();
            let prefixes = prefixes.into_iter().filter_map(|p| p.prefix).map(Listed::Prefix);
            Ok(Page {
                items: objects.chain(prefixes).collect(),
                next: answer.next_continuation_token,
            })
        }
    };
    let Page { items, next } = ops
        .pager(input.max_results, input.next_token)
        .collect(1000, page)
        .await?;
    let (mut objects, mut prefixes, mut total) = (Vec::new(), Vec::new(), 0_i64);
    for item in items {
        match item {
            Listed::Object(object, bytes) => {
                total = total.saturating_add(bytes);
                objects.push(object);
            }
            Listed::Prefix(prefix) => prefixes.push(prefix),
        }
    }
    Ok(ObjectList {
        count: objects.len(),
        total_size: shown(total),
        objects,
        common_prefixes: prefixes,
        next_token: next,
    })
}

pub(super) async fn versions(ops: &Ops, client: &Client, input: ListObjectVersions) -> Result<VersionList, OpError> {
    let now = ops.now();
    let page = |token: Option<String>, size| {
        let request = client
            .list_object_versions()
            .bucket(&input.bucket)
            .set_prefix(input.prefix.clone())
            .set_expected_bucket_owner(ops.bucket_owner());
        async move {
            // Where a page ends is said by two markers; one cursor holds both.
            let (key, version): (Option<String>, Option<String>) =
                token.as_deref().map(unpack).transpose()?.unwrap_or_default();
            let request = request.set_key_marker(key).set_version_id_marker(version);
            let answer = request.max_keys(size).send().await?;
            let kept = answer.versions.unwrap_or_default().into_iter().map(|v| Version {
                key: v.key.unwrap_or_default(),
                version_id: v.version_id.unwrap_or_default(),
                is_latest: v.is_latest.unwrap_or_default(),
                delete_marker: false,
                size: v.size.map(shown),
                nanos: v.last_modified.map_or(0, |t| t.as_nanos()),
                last_modified: v.last_modified.map(|t| dated(&t, now)),
                storage_class: v.storage_class.map(|c| c.as_str().to_owned()),
                bytes: v.size.unwrap_or_default(),
            });
            let markers = answer.delete_markers.unwrap_or_default().into_iter().map(|m| Version {
                key: m.key.unwrap_or_default(),
                version_id: m.version_id.unwrap_or_default(),
                is_latest: m.is_latest.unwrap_or_default(),
                delete_marker: true,
                size: None,
                nanos: m.last_modified.map_or(0, |t| t.as_nanos()),
                last_modified: m.last_modified.map(|t| dated(&t, now)),
                storage_class: None,
                bytes: 0,
            });
            // AWS sends two lists, each in order; what happened to a key is read in one.
            let mut items: Vec<Version> = kept.chain(markers).collect();
            items.sort_by(|a, b| (&a.key, !a.is_latest, -a.nanos).cmp(&(&b.key, !b.is_latest, -b.nanos)));
            let more = answer.is_truncated.unwrap_or_default();
            let next = (answer.next_key_marker, answer.next_version_id_marker);
            Ok(Page {
                items,
                next: more.then(|| pack(&next)).transpose()?,
            })
        }
    };
    let Page { items, next } = ops
        .pager(input.max_results, input.next_token)
        .collect(1000, page)
        .await?;
    let count = |which: fn(&Version) -> bool| items.iter().filter(|v| which(v)).count();
    Ok(VersionList {
        count: items.len(),
        delete_markers: count(|v| v.delete_marker),
        deleted_keys: count(|v| v.delete_marker && v.is_latest),
        total_size: shown(items.iter().fold(0, |sum, v| sum.saturating_add(v.bytes))),
        versions: items,
        next_token: next,
    })
}
