//! Making a bucket that nobody else can read.

use aws_sdk_s3::{
    Client,
    config::{self, retry::RetryConfig},
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, ObjectOwnership,
        PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
        ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
    },
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops};

/// The region whose buckets name none.
const NAMELESS: &str = "us-east-1";

/// Arguments of `create_bucket`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBucket {
    bucket: String,
    /// Instead of S3's own keys
    kms_key_id: Option<String>,
    versioning: Option<bool>,
}

/// Answer of `create_bucket`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreatedBucket {
    bucket: String,
    region: String,
    public_access_block: &'static str,
    object_ownership: &'static str,
    encryption: String,
    versioning: &'static str,
}

pub(super) async fn create(ops: &Ops, client: &Client, input: CreateBucket) -> Result<CreatedBucket, OpError> {
    let (name, region) = (input.bucket, ops.session()?.region());
    free(client, &name).await?;
    let place = (region.as_str() != NAMELESS).then(|| {
        CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region.as_str()))
            .build()
    });
    let request = client
        .create_bucket()
        .bucket(&name)
        .set_create_bucket_configuration(place)
        .object_ownership(ObjectOwnership::BucketOwnerEnforced);
    // After an answer that got lost, a repeated request would find the bucket that the first one made, and take it for another's.
    let once = config::Config::builder().retry_config(RetryConfig::disabled());
    request.customize().config_override(once).send().await?;
    let mut done = vec!["no ACLs (BucketOwnerEnforced)"];
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true);
    let request = client.put_public_access_block().bucket(&name);
    let request = request.public_access_block_configuration(block.build());
    let sent = request.set_expected_bucket_owner(ops.bucket_owner()).send().await;
    sent.map_err(|e| half_made(&name, &done, "the public access block", e.into()))?;
    done.push("all of public access blocked");

    let (rules, encryption) = encryption(input.kms_key_id)?;
    let request = client.put_bucket_encryption().bucket(&name);
    let request = request.server_side_encryption_configuration(rules);
    let sent = request.set_expected_bucket_owner(ops.bucket_owner()).send().await;
    sent.map_err(|e| half_made(&name, &done, "the encryption asked for", e.into()))?;
    done.push("the encryption asked for");

    let versioning = input.versioning.unwrap_or_default();
    if versioning {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let request = client
            .put_bucket_versioning()
            .bucket(&name)
            .versioning_configuration(on.build());
        let sent = request.set_expected_bucket_owner(ops.bucket_owner()).send().await;
        sent.map_err(|e| half_made(&name, &done, "versioning", e.into()))?;
    }
    Ok(CreatedBucket {
        bucket: name,
        region: region.to_string(),
        public_access_block: "on",
        object_ownership: "BucketOwnerEnforced",
        encryption,
        versioning: if versioning { "Enabled" } else { "off" },
    })
}

/// Asks first, because in us-east-1 creating one's own bucket once more succeeds, and the steps after it would change it.
async fn free(client: &Client, name: &str) -> Result<(), OpError> {
    let Err(error) = client.head_bucket().bucket(name).send().await.map_err(OpError::from) else {
        return Err(taken(
            "BucketAlreadyOwnedByYou",
            name,
            "in this account. Nothing was changed",
        ));
    };
    match error {
        OpError::Aws { status: 404, .. } => Ok(()),
        OpError::Aws { status: 301 | 307, .. } => Err(taken("BucketAlreadyExists", name, "in another region")),
        error => {
            Err(error
                .although("Either the bucket exists and is somebody else's, or the role lacks s3:ListBucket on it"))
        }
    }
}

fn taken(code: &str, name: &str, whose: &str) -> OpError {
    OpError::Aws {
        aws_code: code.to_owned(),
        message: format!("the bucket {name} exists already {whose}"),
        request_id: None,
        status: 409,
    }
}

fn half_made(name: &str, done: &[&str], missing: &str, error: OpError) -> OpError {
    error.although(&format!(
        "The bucket {name} was created and is empty; it has: {}; it lacks: {missing} and what comes after it. S3's own \
         defaults keep new buckets private and encrypted. Repeating the call won't finish it: delete the bucket first",
        done.join(", ")
    ))
}

/// The rules, and what they are in words.
fn encryption(key: Option<String>) -> Result<(ServerSideEncryptionConfiguration, String), OpError> {
    let words = key
        .as_ref()
        .map_or_else(|| "SSE-S3".to_owned(), |key| format!("aws:kms {key}"));
    let algorithm = if key.is_some() {
        ServerSideEncryption::AwsKms
    } else {
        ServerSideEncryption::Aes256
    };
    // With a bucket key S3 asks KMS once for many objects; without KMS it means nothing.
    let rule = ServerSideEncryptionRule::builder().bucket_key_enabled(key.is_some());
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(algorithm)
        .set_kms_master_key_id(key)
        .build()
        .map_err(OpError::internal)?;
    let rule = rule.apply_server_side_encryption_by_default(by_default).build();
    let rules = ServerSideEncryptionConfiguration::builder().rules(rule).build();
    Ok((rules.map_err(OpError::internal)?, words))
}
