//! One object: head, get, put, delete.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::{
    Client, error::ProvideErrorMetadata, operation::get_object::GetObjectOutput, presigning::PresigningConfig,
    primitives::ByteStream,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, dated, size};

/// How long a presigned link works.
pub(super) const LINK_VALID: Duration = Duration::from_secs(900);

/// Arguments of `head_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeadObject {
    bucket: String,
    key: String,
    version_id: Option<String>,
}

/// Answer of `head_object`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ObjectHead {
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_side_encryption: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// Arguments of `get_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetObject {
    bucket: String,
    key: String,
    version_id: Option<String>,
    /// Such as bytes=0-65535; next_range of the previous answer goes on
    range: Option<String>,
}

/// Answer of `get_object`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ObjectContent {
    /// Of the whole object
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    /// The text, or the part of it that was read
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// There is more: send this as range
    #[serde(skip_serializing_if = "Option::is_none")]
    next_range: Option<String>,
    /// Link to the whole object, valid for 15 minutes, for whoever has it
    #[serde(skip_serializing_if = "Option::is_none")]
    presigned_url: Option<String>,
}

/// Arguments of `put_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutObject {
    bucket: String,
    key: String,
    /// Text
    body: Option<String>,
    /// Binary, instead of body
    body_base64: Option<String>,
    content_type: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    if_none_match: Option<String>,
}

/// Answer of `put_object`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PuttedObject {
    size: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

/// Arguments of `delete_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteObject {
    bucket: String,
    key: String,
    /// Erases this version for good
    version_id: Option<String>,
}

/// Answer of `delete_object`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeletedObject {
    bucket: String,
    key: String,
    /// True: hidden behind a delete marker, and can be brought back
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_marker: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

pub(super) async fn head(ops: &Ops, client: &Client, input: HeadObject) -> Result<ObjectHead, OpError> {
    let request = client
        .head_object()
        .bucket(input.bucket)
        .key(input.key)
        .set_version_id(input.version_id);
    let answer = request.set_expected_bucket_owner(ops.bucket_owner()).send().await?;
    Ok(ObjectHead {
        size: shown(answer.content_length.unwrap_or_default()),
        content_type: answer.content_type,
        content_encoding: answer.content_encoding,
        last_modified: answer.last_modified.map(|t| dated(&t, ops.now())),
        e_tag: answer.e_tag,
        version_id: answer.version_id,
        storage_class: answer.storage_class.map(|c| c.as_str().to_owned()),
        server_side_encryption: answer.server_side_encryption.map(|e| e.as_str().to_owned()),
        metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
    })
}

pub(super) async fn get(ops: &Ops, client: &Client, input: GetObject) -> Result<ObjectContent, OpError> {
    let limit = ops.data_limit() / 2;
    let from = input.range.as_deref().map(range_start).transpose()?.unwrap_or(0);
    let first = input
        .range
        .clone()
        .unwrap_or_else(|| format!("bytes=0-{}", limit.saturating_sub(1)));
    let request = |range: Option<String>| {
        let request = client
            .get_object()
            .bucket(&input.bucket)
            .key(&input.key)
            .set_version_id(input.version_id.clone());
        request.set_expected_bucket_owner(ops.bucket_owner()).set_range(range)
    };
    let answer = match request(Some(first)).send().await {
        // An empty object has no first byte, so S3 refuses any range of it.
        Err(e) if input.range.is_none() && e.code() == Some("InvalidRange") => request(None).send().await?,
        answer => answer?,
    };
    let whole = whole_size(&answer);
    let mut content = ObjectContent {
        size: shown(whole),
        content_type: answer.content_type.clone(),
        last_modified: answer.last_modified.map(|t| dated(&t, ops.now())),
        body: None,
        next_range: None,
        presigned_url: None,
    };
    let bytes = read(answer.body, limit).await?;
    let read = match text(&bytes) {
        Some(text) => {
            content.body = Some(text.to_owned());
            text.len()
        }
        None => 0,
    };
    let end = from + i64::try_from(read).unwrap_or(i64::MAX);
    if content.body.is_none() || end < whole {
        content.next_range = content.body.as_ref().map(|_| next_range(end, limit));
        content.presigned_url = Some(link(client, &input).await?);
    }
    Ok(content)
}

pub(super) async fn put(ops: &Ops, client: &Client, input: PutObject) -> Result<PuttedObject, OpError> {
    let body = match (input.body, input.body_base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(binary)) => BASE64_STANDARD
            .decode(binary.trim())
            .map_err(|_| OpError::InvalidInput("body_base64 is not valid base64".to_owned()))?,
        (Some(_), Some(_)) => {
            return Err(OpError::InvalidInput(
                "body and body_base64 exclude each other".to_owned(),
            ));
        }
        (None, None) => return Err(OpError::InvalidInput("give body or body_base64".to_owned())),
    };
    if input.if_none_match.as_deref().is_some_and(|m| m != "*") {
        return Err(OpError::InvalidInput("if_none_match takes only \"*\"".to_owned()));
    }
    let written = size(u64::try_from(body.len()).unwrap_or_default());
    let metadata = input.metadata.map(|m| m.into_iter().collect());
    let request = client
        .put_object()
        .bucket(input.bucket)
        .key(input.key)
        .body(ByteStream::from(body));
    let answer = request
        .set_content_type(input.content_type)
        .set_metadata(metadata)
        .set_if_none_match(input.if_none_match)
        .set_expected_bucket_owner(ops.bucket_owner())
        .send()
        .await?;
    Ok(PuttedObject {
        size: written,
        e_tag: answer.e_tag,
        version_id: answer.version_id,
    })
}

pub(super) async fn delete(
    client: &Client,
    owner: Option<String>,
    input: DeleteObject,
) -> Result<DeletedObject, OpError> {
    let request = client
        .delete_object()
        .bucket(&input.bucket)
        .key(&input.key)
        .set_version_id(input.version_id);
    let answer = request.set_expected_bucket_owner(owner).send().await?;
    Ok(DeletedObject {
        bucket: input.bucket,
        key: input.key,
        delete_marker: answer.delete_marker,
        version_id: answer.version_id,
    })
}

/// A size as AWS sends it, for people.
pub(super) fn shown(bytes: i64) -> String {
    size(u64::try_from(bytes).unwrap_or_default())
}

/// The first byte of a range. Only the plain form is taken, since what goes on from it must be known.
fn range_start(range: &str) -> Result<i64, OpError> {
    let plain = || {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        let start: i64 = from.parse().ok().filter(|n| *n >= 0)?;
        (to.is_empty() || to.parse::<i64>().is_ok_and(|to| to >= start)).then_some(start)
    };
    plain().ok_or_else(|| OpError::InvalidInput(format!("range `{range}`: expected bytes=FROM-TO or bytes=FROM-")))
}

fn next_range(from: i64, limit: usize) -> String {
    format!(
        "bytes={from}-{}",
        from.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX))
            .saturating_sub(1)
    )
}

/// The size of the whole object: what follows the slash of `Content-Range`, else the length of the answer.
fn whole_size(answer: &GetObjectOutput) -> i64 {
    let total = answer
        .content_range()
        .and_then(|r| r.rsplit('/').next())
        .and_then(|n| n.parse().ok());
    total.or(answer.content_length()).unwrap_or_default()
}

/// Reads at most `limit` bytes, whatever the other side sends.
async fn read(mut body: ByteStream, limit: usize) -> Result<Vec<u8>, OpError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| OpError::Unreachable(format!("the object's content broke off: {e}")))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= limit {
            bytes.truncate(limit);
            break;
        }
    }
    Ok(bytes)
}

/// The bytes as text, cut back to a whole character; `None` if they are not text.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // Only the end may be broken: a character that the limit cut in two.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(bytes.get(..e.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    let binary = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}');
    (!text.contains(binary)).then_some(text)
}

/// A link for this object. It names no bucket owner: a browser could not send that header, and the read before has checked it.
async fn link(client: &Client, input: &GetObject) -> Result<String, OpError> {
    let valid = PresigningConfig::expires_in(LINK_VALID).map_err(OpError::internal)?;
    let request = client
        .get_object()
        .bucket(&input.bucket)
        .key(&input.key)
        .set_version_id(input.version_id.clone());
    Ok(request.presigned(valid).await?.uri().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character_and_binary_is_none() {
        assert_eq!(text("größe".as_bytes()), Some("größe"));
        assert_eq!(text(&"größe".as_bytes()[..3]), Some("gr"));
        assert_eq!(text(&[0x1f, 0x8b, 0x08, 0x00]), None);
        assert_eq!(text(b"a\0b"), None);
        assert_eq!(text(b""), Some(""));
    }

    #[test]
    fn ranges_are_plain() {
        assert_eq!(range_start("bytes=100-199").unwrap(), 100);
        assert_eq!(range_start("bytes=7-").unwrap(), 7);
        assert_eq!(next_range(100, 50), "bytes=100-149");
        for wrong in ["bytes=-5", "0-5", "bytes=5-1", "bytes=0-1,3-4", "bytes=a-b"] {
            assert!(range_start(wrong).is_err(), "{wrong}");
        }
    }
}
