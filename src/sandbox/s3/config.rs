//! Buckets' configurations: what new buckets have, and answers where the emulator's differ.

use awsim_core::AwsError;
use awsim_iam_policy::{Effect, Principal};
use awsim_s3::state::Bucket;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::versions;

const SPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What every bucket has since April 2023: the whole block, S3's own encryption, and no ACLs unless asked for.
pub(in crate::sandbox) fn as_new(bucket: &mut Bucket, ownership: Option<&str>) {
    let block = [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ];
    let block: Value = block
        .iter()
        .map(|name| ((*name).to_owned(), json!("true")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    bucket
        .configs
        .insert("public-access-block".to_owned(), block.to_string());
    own(bucket, ownership.unwrap_or("BucketOwnerEnforced"));
    let rule =
        json!({ "ApplyServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" }, "BucketKeyEnabled": "false" });
    bucket.encryption = Some(json!({ "Rule": [rule] }).to_string());
}

/// Who owns the objects that others upload.
pub(in crate::sandbox) fn own(bucket: &mut Bucket, ownership: &str) {
    let rule = json!({ "Rule": [{ "ObjectOwnership": ownership }] });
    bucket.configs.insert("ownership-controls".to_owned(), rule.to_string());
}

/// The answers that are made here.
pub(super) fn answer(operation: &str, bucket: &Bucket, input: &Value, owner: &str) -> Option<Result<Value, AwsError>> {
    Some(match operation {
        "ListObjectVersions" => versions::versions(bucket, input),
        "GetBucketAcl" => Ok(acl(bucket, owner)),
        "GetBucketPolicyStatus" => match &bucket.policy {
            Some(policy) => Ok(json!({ "__xml_root": "PolicyStatus", "IsPublic": is_public(policy) })),
            None => Err(worded(AwsError::not_found("NoSuchBucketPolicy", ""))),
        },
        _ => return None,
    })
}

/// AWS's own sentences, and nothing of the emulator's.
pub(super) fn worded(error: AwsError) -> AwsError {
    let message = match error.code.as_str() {
        "NoSuchPublicAccessBlockConfiguration" => "The public access block configuration was not found",
        "NoSuchBucketPolicy" => "The bucket policy does not exist",
        "ServerSideEncryptionConfigurationNotFoundError" => "The server side encryption configuration was not found",
        "NoSuchLifecycleConfiguration" => "The lifecycle configuration does not exist",
        "OwnershipControlsNotFoundError" => "The bucket ownership controls were not found",
        _ => return error,
    };
    AwsError {
        message: message.to_owned(),
        ..error
    }
}

/// Whether AWS would call it public: it lets in anybody, and no condition says whom. The conditions that AWS counts as saying so
/// are fixed values of a list of keys; here any condition does.
fn is_public(policy: &str) -> bool {
    let Ok(policy) = awsim_iam_policy::parse(policy) else {
        return false;
    };
    policy.statements.iter().any(|s| {
        let anybody = match &s.principal {
            Some(Principal::Wildcard) => true,
            Some(Principal::Aws(list) | Principal::Mixed { aws: list, .. }) => list.iter().any(|p| p == "*"),
            _ => false,
        };
        s.effect == Effect::Allow && anybody && s.condition.is_none()
    })
}

/// By hand, since what kind of grantee it is stands in an attribute.
fn acl(bucket: &Bucket, owner: &str) -> Value {
    let stored: Value = bucket
        .acl
        .as_deref()
        .and_then(|acl| serde_json::from_str(acl).ok())
        .unwrap_or_default();
    let groups = stored.get("Groups").and_then(Value::as_array).into_iter().flatten();
    let space = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let group = groups.filter_map(Value::as_str).map(|uri| {
        format!(
            "<Grant><Grantee {space} xsi:type=\"Group\"><URI>{uri}</URI></Grantee><Permission>READ</Permission></Grant>"
        )
    });
    let grants: String = group.collect();
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AccessControlPolicy xmlns=\"{SPACE}\"><Owner><ID>{owner}</ID></Owner>\
         <AccessControlList><Grant><Grantee {space} xsi:type=\"CanonicalUser\"><ID>{owner}</ID></Grantee>\
         <Permission>FULL_CONTROL</Permission></Grant>{grants}</AccessControlList></AccessControlPolicy>"
    );
    json!({ "__raw_body": BASE64_STANDARD.encode(xml), "ContentType": "application/xml" })
}
