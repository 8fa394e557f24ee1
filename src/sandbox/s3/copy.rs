//! `CopyObject`: the emulator takes its source as it stands in the header, without decoding it or asking whose it is.

use awsim_core::AwsError;
use serde_json::Value;

use super::{S3, no_such_bucket};
use crate::sandbox::{signature::decode, value::text};

/// The largest source. Source: S3, CopyObject.
const LARGEST: u64 = 5 << 30;

/// The source with its percent signs read; what follows the first `?` is the version's name.
pub(super) fn decoded(source: &str) -> String {
    match source.split_once('?') {
        Some((path, query)) => format!("{}?{}", decode(path), decode(query)),
        None => decode(source),
    }
}

impl S3 {
    /// What a copy needs besides reading and writing, or why its source can't be one.
    pub(super) fn copy_checks(&self, input: &Value) -> Result<Vec<(String, String)>, AwsError> {
        let Some(source) = text(input, "CopySource") else {
            return Ok(Vec::new());
        };
        let (path, query) = source.trim_start_matches('/').split_once('?').unwrap_or((source, ""));
        let Some((name, key)) = path.trim_start_matches('/').split_once('/') else {
            return Ok(Vec::new());
        };
        let owner = self.owner(name).ok_or_else(|| no_such_bucket(name))?;
        let expected = text(input, "SourceExpectedBucketOwner");
        if expected.is_some_and(|expected| expected != owner) {
            return Err(AwsError::forbidden("AccessDenied", "Access Denied"));
        }
        let state = self.store.get(&owner, "global");
        let version = query.strip_prefix("versionId=");
        let object = state.buckets.get(name).and_then(|bucket| {
            let versions = bucket.objects.get(key)?;
            match version {
                Some(version) => versions.find(version).cloned(),
                None => versions.current().cloned(),
            }
        });
        let Some(object) = object else {
            return Ok(Vec::new());
        };
        if object.content_length > LARGEST {
            let text =
                "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
            return Err(AwsError::bad_request("InvalidRequest", text));
        }
        if object.tags.is_empty() {
            return Ok(Vec::new());
        }
        let read = if version.is_some() {
            "s3:GetObjectVersionTagging"
        } else {
            "s3:GetObjectTagging"
        };
        let target = format!(
            "arn:aws:s3:::{}/{}",
            super::bucket(input),
            text(input, "Key").unwrap_or_default()
        );
        Ok(vec![
            (read.to_owned(), format!("arn:aws:s3:::{path}")),
            ("s3:PutObjectTagging".to_owned(), target),
        ])
    }
}
