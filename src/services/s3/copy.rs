//! Objects that come from elsewhere: copied, or uploaded by whoever has a link.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::{Client, config::RequestChecksumCalculation, presigning::PresigningConfig, primitives::DateTime};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, dated};

use super::object::LINK_VALID;

/// Arguments of `copy_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyObject {
    source_bucket: String,
    source_key: String,
    source_version_id: Option<String>,
    bucket: String,
    key: String,
}

/// Answer of `copy_object`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CopiedObject {
    bucket: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_version_id: Option<String>,
}

/// Arguments of `presign_put_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PresignPutObject {
    bucket: String,
    key: String,
    content_type: Option<String>,
    /// Seconds, 60 to 900 (default)
    expires_in: Option<u64>,
}

/// Answer of `presign_put_object`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UploadLink {
    method: String,
    /// Works for whoever has it
    presigned_url: String,
    /// The upload must send these, exactly so
    headers: BTreeMap<String, String>,
    expires: String,
}

pub(super) async fn copy(ops: &Ops, client: &Client, input: CopyObject) -> Result<CopiedObject, OpError> {
    let version = input.source_version_id.as_deref();
    let answer = client
        .copy_object()
        .copy_source(source(&input.source_bucket, &input.source_key, version))
        .bucket(&input.bucket)
        .key(&input.key)
        .set_expected_bucket_owner(ops.bucket_owner())
        .set_expected_source_bucket_owner(ops.bucket_owner())
        .send()
        .await
        .map_err(|error| too_large(error.into(), &input))?;
    Ok(CopiedObject {
        bucket: input.bucket,
        key: input.key,
        version_id: answer.version_id,
        e_tag: answer.copy_object_result.and_then(|r| r.e_tag),
        source_version_id: answer.copy_source_version_id,
    })
}

/// The header's value: its parts are encoded, since a `?` in a key would begin the version.
fn source(bucket: &str, key: &str, version: Option<&str>) -> String {
    let mut text = format!("{bucket}/{}", encoded(key));
    if let Some(version) = version {
        text.push_str("?versionId=");
        text.push_str(&encoded(version));
    }
    text
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// AWS's refusal of a source over 5 GiB, with what to do instead.
fn too_large(error: OpError, input: &CopyObject) -> OpError {
    match &error {
        OpError::Aws { aws_code, message, .. }
            if aws_code == "InvalidRequest" && message.contains("copy source is larger") =>
        {
            OpError::InvalidInput(format!(
                "the source is larger than 5 GiB, which S3 copies in parts only. Copy it with `aws s3 cp s3://{}/{} \
                 s3://{}/{}`, or with S3 Batch Operations or replication if it is one of many",
                input.source_bucket, input.source_key, input.bucket, input.key
            ))
        }
        _ => error,
    }
}

/// A link for uploading this object, with the bucket's owner in it: whoever took over the bucket's name gets nothing.
pub(super) async fn presign(ops: &Ops, client: &Client, input: PresignPutObject) -> Result<UploadLink, OpError> {
    let seconds = input.expires_in.unwrap_or(LINK_VALID.as_secs());
    if !(60..=LINK_VALID.as_secs()).contains(&seconds) {
        return Err(OpError::InvalidInput(format!(
            "expires_in is {seconds}; allowed are 60 to {} seconds, as long as the session lasts that signs the link",
            LINK_VALID.as_secs()
        )));
    }
    // Signing asks nobody. What would make the link useless is better said now: no such bucket, another region, another's bucket.
    let head = client.head_bucket().bucket(&input.bucket);
    head.set_expected_bucket_owner(ops.bucket_owner()).send().await?;
    let valid = Duration::from_secs(seconds);
    // The checksum that the SDK adds otherwise would be that of an empty body.
    let plain = client.config().to_builder();
    let plain = plain.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    let request = Client::from_conf(plain.build())
        .put_object()
        .bucket(input.bucket)
        .key(input.key)
        .set_content_type(input.content_type)
        .set_expected_bucket_owner(ops.bucket_owner());
    let config = PresigningConfig::expires_in(valid).map_err(OpError::internal)?;
    let signed = request.presigned(config).await?;
    let now = ops.now();
    // Nobody sends an upload without its length, and clients send it on their own.
    let headers = signed
        .headers()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    Ok(UploadLink {
        method: signed.method().to_owned(),
        presigned_url: signed.uri().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        expires: ends(now + valid, now),
    })
}

/// To the second: parts of seconds say nothing here.
fn ends(end: std::time::SystemTime, now: std::time::SystemTime) -> String {
    let end = DateTime::from_secs(DateTime::from(end).secs() + 1);
    dated(&end, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_one_bucket_key_and_version_whatever_is_in_the_key() {
        assert_eq!(
            source("b", "a/größe?versionId=x&y z", None),
            "b/a/gr%C3%B6%C3%9Fe%3FversionId%3Dx%26y%20z"
        );
        assert_eq!(source("b", "k", Some("v+1")), "b/k?versionId=v%2B1");
    }

    #[test]
    fn a_source_that_is_too_large_is_refused_with_what_to_do() {
        let input = CopyObject {
            source_bucket: "a".to_owned(),
            source_key: "dump".to_owned(),
            source_version_id: None,
            bucket: "b".to_owned(),
            key: "dump".to_owned(),
        };
        let aws = |message: &str| OpError::Aws {
            aws_code: "InvalidRequest".to_owned(),
            message: message.to_owned(),
            request_id: None,
            status: 400,
        };
        let large = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        let said = too_large(aws(large), &input);
        assert!(
            matches!(&said, OpError::InvalidInput(why) if why.contains("aws s3 cp s3://a/dump s3://b/dump")),
            "{said}"
        );
        assert!(matches!(too_large(aws("something else"), &input), OpError::Aws { .. }));
    }
}
