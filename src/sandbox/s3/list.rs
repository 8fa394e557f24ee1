//! `ListObjectsV2`: the emulator tells of a folder again on every page that its objects reach.

use aws_smithy_types::{DateTime, date_time::Format};
use awsim_core::{AwsError, decode_token, encode_token};
use awsim_s3::state::{Bucket, S3Object};
use serde_json::{Value, json};

use crate::sandbox::{
    signature::encode,
    value::{set, text},
};

pub(super) const PAGE: usize = 1000;

pub(super) fn objects(bucket: &Bucket, input: &Value, owner: &str) -> Result<Value, AwsError> {
    let prefix = text(input, "prefix").unwrap_or_default();
    let delimiter = text(input, "delimiter").unwrap_or_default();
    let url = text(input, "encoding-type") == Some("url");
    let shown = |name: &str| if url { encode(name) } else { name.to_owned() };
    let limit = limit(input)?;
    let token = text(input, "continuation-token");
    let after = match token {
        Some(token) => decode_token(token).map_err(|_| argument("The continuation token provided is incorrect"))?,
        None => text(input, "start-after").unwrap_or_default().to_owned(),
    };

    let mut keys: Vec<String> = bucket.objects.iter().map(|entry| entry.key().clone()).collect();
    keys.retain(|key| key.starts_with(prefix) && *key > after);
    keys.sort();
    let (mut contents, mut folders, mut last) = (Vec::new(), Vec::new(), String::new());
    let mut truncated = false;
    for key in keys {
        let folder = folder(&key, prefix, delimiter);
        // What this page or the one before has told of is not told again.
        if folder
            .as_ref()
            .is_some_and(|folder| *folder == last || (token.is_some() && *folder == after))
        {
            continue;
        }
        let object = bucket
            .objects
            .get(&key)
            .and_then(|versions| versions.current().cloned());
        let Some(object) = object else { continue };
        if contents.len() + folders.len() >= limit {
            truncated = limit > 0;
            break;
        }
        last = folder.clone().unwrap_or(key);
        match folder {
            Some(folder) => folders.push(json!({ "Prefix": shown(&folder) })),
            None => contents.push(entry(&object, &shown(&object.key), input, owner)),
        }
    }

    let mut answer = json!({
        "__xml_root": "ListBucketResult",
        "Name": bucket.name,
        "Prefix": shown(prefix),
        "KeyCount": contents.len() + folders.len(),
        "MaxKeys": limit,
        "IsTruncated": truncated,
        "Contents": contents,
        "CommonPrefixes": folders,
    });
    for (name, from) in [
        ("ContinuationToken", "continuation-token"),
        ("EncodingType", "encoding-type"),
    ] {
        text(input, from)
            .into_iter()
            .for_each(|value| set(&mut answer, name, value));
    }
    for (name, from) in [("Delimiter", "delimiter"), ("StartAfter", "start-after")] {
        text(input, from)
            .into_iter()
            .for_each(|value| set(&mut answer, name, shown(value)));
    }
    if truncated {
        set(&mut answer, "NextContinuationToken", encode_token(&last));
    }
    Ok(answer)
}

/// What a key counts as: all of it up to the first delimiter after the prefix, or itself.
fn folder(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let rest = key.strip_prefix(prefix).filter(|_| !delimiter.is_empty())?;
    let end = rest.find(delimiter)? + delimiter.len();
    Some(format!("{prefix}{}", rest.get(..end)?))
}

fn entry(object: &S3Object, key: &str, input: &Value, owner: &str) -> Value {
    let modified = DateTime::from_str(&object.last_modified, Format::HttpDate).ok();
    let mut entry = json!({
        "Key": key,
        "LastModified": modified.and_then(|at| at.fmt(Format::DateTime).ok()),
        "ETag": object.etag,
        "Size": object.content_length,
        "StorageClass": "STANDARD",
    });
    if text(input, "fetch-owner") == Some("true") {
        set(&mut entry, "Owner", json!({ "ID": owner }));
    }
    entry
}

pub(super) fn limit(input: &Value) -> Result<usize, AwsError> {
    let Some(asked) = text(input, "max-keys") else {
        return Ok(PAGE);
    };
    let wrong = |_| argument("Argument maxKeys must be an integer between 0 and 2147483647");
    asked.parse().map(|asked: usize| asked.min(PAGE)).map_err(wrong)
}

fn argument(text: &str) -> AwsError {
    AwsError::bad_request("InvalidArgument", text)
}
