//! `ListObjectVersions`: the emulator loses a version at each end of a page, and tells the marker of the wrong one.

use aws_smithy_types::{DateTime, date_time::Format};
use awsim_core::AwsError;
use awsim_s3::state::{Bucket, S3Object};
use serde_json::{Value, json};

use super::list::{PAGE, limit};
use crate::sandbox::{
    signature::encode,
    value::{set, text},
};

pub(super) fn versions(bucket: &Bucket, input: &Value) -> Result<Value, AwsError> {
    let prefix = text(input, "prefix").unwrap_or_default();
    let url = text(input, "encoding-type") == Some("url");
    let shown = |name: &str| if url { encode(name) } else { name.to_owned() };
    let limit = limit(input)?.min(PAGE);
    let after = text(input, "key-marker").filter(|key| !key.is_empty());
    let after_version = text(input, "version-id-marker").filter(|id| !id.is_empty());

    let mut keys: Vec<String> = bucket.objects.iter().map(|entry| entry.key().clone()).collect();
    keys.retain(|key| key.starts_with(prefix));
    keys.sort();
    // Every version in AWS's order: by key, and the newest first.
    let mut all: Vec<(S3Object, bool)> = Vec::new();
    for key in &keys {
        let Some(versions) = bucket.objects.get(key) else {
            continue;
        };
        let newest_first = versions.versions.iter().rev().enumerate();
        all.extend(newest_first.map(|(n, version)| (version.clone(), n == 0)));
    }
    // The markers name the last version of the page before; without a version, its key's are all told.
    let start = match (after, after_version) {
        (None, _) => 0,
        (Some(key), None) => all.iter().take_while(|(o, _)| o.key.as_str() <= key).count(),
        (Some(key), Some(version)) => all
            .iter()
            .position(|(o, _)| o.key == key && id(o) == version)
            .map_or_else(
                || all.iter().take_while(|(o, _)| o.key.as_str() < key).count(),
                |at| at + 1,
            ),
    };
    let page: Vec<&(S3Object, bool)> = all.iter().skip(start).take(limit).collect();
    let truncated = limit > 0 && start + page.len() < all.len();
    let (mut kept, mut markers) = (Vec::new(), Vec::new());
    for (object, latest) in &page {
        let modified = DateTime::from_str(&object.last_modified, Format::HttpDate).ok();
        let mut entry = json!({
            "Key": shown(&object.key),
            "VersionId": id(object),
            "IsLatest": latest,
            "LastModified": modified.and_then(|at| at.fmt(Format::DateTime).ok()),
        });
        if object.is_delete_marker {
            markers.push(entry);
        } else {
            set(&mut entry, "ETag", object.etag.as_str());
            set(&mut entry, "Size", object.content_length);
            set(&mut entry, "StorageClass", "STANDARD");
            kept.push(entry);
        }
    }
    let mut answer = json!({
        "__xml_root": "ListVersionsResult",
        "Name": bucket.name,
        "Prefix": shown(prefix),
        "KeyMarker": shown(after.unwrap_or_default()),
        "VersionIdMarker": after_version.unwrap_or_default(),
        "MaxKeys": limit,
        "IsTruncated": truncated,
        "Version": kept,
        "DeleteMarker": markers,
    });
    if let (true, Some((last, _))) = (truncated, page.last()) {
        set(&mut answer, "NextKeyMarker", shown(&last.key));
        set(&mut answer, "NextVersionIdMarker", id(last));
    }
    if url {
        set(&mut answer, "EncodingType", "url");
    }
    Ok(answer)
}

fn id(object: &S3Object) -> &str {
    object.version_id.as_deref().unwrap_or("null")
}
