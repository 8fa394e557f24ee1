//! Amazon S3: buckets and objects.

mod bucket;
mod copy;
mod list;
mod object;
mod posture;

use aws_sdk_s3::{Client, config::Builder};
use rmcp::{handler::server::wrapper::Parameters, tool, tool_router};

use crate::ops::{Access, Declare, Json, OpError, Ops, Reply, declare, declare::idempotent, ok};

use bucket::{CreateBucket, CreatedBucket};
use copy::{CopiedObject, CopyObject, PresignPutObject, UploadLink};
use list::{BucketList, ListBuckets, ListObjectVersions, ListObjects, ObjectList, VersionList};
use object::{DeleteObject, DeletedObject, GetObject, HeadObject, ObjectContent, ObjectHead, PutObject, PuttedObject};
use posture::{GetBucketPosture, Postures};

/// One object. A bucket is named plainly: access points have ARNs of another form.
const OBJECT: &str = "arn:{partition}:s3:::{bucket|segment}/{key}";
const BUCKET: &str = "arn:{partition}:s3:::{bucket|segment}";
/// What a copy only reads, and by which actions.
const SOURCE: [&str; 2] = [
    "arn:{partition}:s3:::{source_bucket|segment}/{source_key}",
    "arn:{partition}:s3:::{source_bucket|segment}",
];
const FROM_SOURCE: [&str; 5] = [
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectTagging",
    "s3:GetObjectVersionTagging",
    "s3:ListBucket",
];

#[tool_router(router = s3_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists an account's S3 buckets. For who can read them use get_bucket_posture. Example: {"account": "production"}
    #[tool(meta = declare(Access::Read, &["s3:ListAllMyBuckets"]))]
    async fn list_buckets(
        &self,
        Parameters(input): Parameters<ListBuckets>,
    ) -> Result<Json<Reply<BucketList>>, OpError> {
        ok(list::buckets(self, &self.s3()?, input).await?)
    }

    /// Tells which buckets are public and why, with encryption, versioning, logging and lifecycle; of one bucket or all. Example: {"accounts": ["all"], "only_public": true}
    #[tool(meta = declare(Access::Read, &[
        "s3:ListAllMyBuckets", "s3:GetBucketPublicAccessBlock", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl",
        "s3:GetBucketOwnershipControls", "s3:GetEncryptionConfiguration", "s3:GetBucketVersioning", "s3:GetBucketLogging",
        "s3:GetLifecycleConfiguration",
    ]))]
    async fn get_bucket_posture(
        &self,
        Parameters(input): Parameters<GetBucketPosture>,
    ) -> Result<Json<Reply<Postures>>, OpError> {
        ok(posture::get(self, &self.s3()?, input).await?)
    }

    /// Creates a private, encrypted bucket in the call's region. Example: {"account": "development", "region": "eu-west-1", "bucket": "acme-dev-reports", "versioning": true}
    #[tool(meta = declare(Access::Write, &[
        "s3:ListBucket", "s3:CreateBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock",
        "s3:PutEncryptionConfiguration", "s3:PutBucketVersioning",
    ]).on(&[BUCKET]))]
    async fn create_bucket(
        &self,
        Parameters(input): Parameters<CreateBucket>,
    ) -> Result<Json<Reply<CreatedBucket>>, OpError> {
        ok(bucket::create(self, &self.s3()?, input).await?)
    }

    /// Lists a bucket's objects. With delimiter "/" it shows one folder. Example: {"account": "production", "bucket": "acme-prod-logs-222222222222", "prefix": "logs/2026/"}
    #[tool(meta = declare(Access::Read, &["s3:ListBucket"]))]
    async fn list_objects(
        &self,
        Parameters(input): Parameters<ListObjects>,
    ) -> Result<Json<Reply<ObjectList>>, OpError> {
        ok(list::objects(self, &self.s3()?, input).await?)
    }

    /// Lists versions and delete markers of a versioned bucket's objects, newest first, to find what was overwritten or deleted. Example: {"account": "production", "bucket": "acme-prod-config-222222222222", "prefix": "flags.json"}
    #[tool(meta = declare(Access::Read, &["s3:ListBucketVersions"]))]
    async fn list_object_versions(
        &self,
        Parameters(input): Parameters<ListObjectVersions>,
    ) -> Result<Json<Reply<VersionList>>, OpError> {
        ok(list::versions(self, &self.s3()?, input).await?)
    }

    /// Shows an object's size, type and metadata without reading it. Example: {"account": "production", "bucket": "acme-prod-config-222222222222", "key": "flags.json"}
    #[tool(meta = declare(Access::Read, &["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]).with_key(&["kms:Decrypt"]))]
    async fn head_object(&self, Parameters(input): Parameters<HeadObject>) -> Result<Json<Reply<ObjectHead>>, OpError> {
        ok(object::head(self, &self.s3()?, input).await?)
    }

    /// Reads an object: text inline (go on with next_range), anything else as a link that is valid for 15 minutes. Example: {"account": "production", "bucket": "acme-prod-config-222222222222", "key": "flags.json"}
    #[tool(meta = declare(Access::Read, &["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]).with_key(&["kms:Decrypt"]))]
    async fn get_object(
        &self,
        Parameters(input): Parameters<GetObject>,
    ) -> Result<Json<Reply<ObjectContent>>, OpError> {
        ok(object::get(self, &self.s3()?, input).await?)
    }

    /// Writes an object; an existing one is replaced unless if_none_match is "*". For files use presign_put_object. Example: {"account": "development", "bucket": "acme-dev-config-444444444444", "key": "app.json", "body": "{}"}
    #[tool(meta = idempotent(declare(Access::Write, &["s3:PutObject"]).on(&[OBJECT]).with_key(&["kms:GenerateDataKey", "kms:Decrypt"])))]
    async fn put_object(&self, Parameters(input): Parameters<PutObject>) -> Result<Json<Reply<PuttedObject>>, OpError> {
        ok(object::put(self, &self.s3()?, input).await?)
    }

    /// Copies an object, up to 5 GiB, within an account; an existing one is replaced. With source_version_id it restores an old version. Example: {"account": "production", "source_bucket": "acme-prod-config-222222222222", "source_key": "flags.json", "bucket": "acme-prod-config-222222222222", "key": "flags.old.json"}
    #[tool(meta = idempotent(declare(Access::Write, &[
        "s3:PutObject", "s3:PutObjectTagging", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging", "s3:ListBucket",
    ]).on(&[OBJECT]).apart(&FROM_SOURCE, &SOURCE).with_key(&["kms:GenerateDataKey", "kms:Decrypt"])))]
    async fn copy_object(
        &self,
        Parameters(input): Parameters<CopyObject>,
    ) -> Result<Json<Reply<CopiedObject>>, OpError> {
        ok(copy::copy(self, &self.s3()?, input).await?)
    }

    /// Makes a link with which anybody can upload this one object for 15 minutes, by PUT with the headers that it names. Example: {"account": "development", "bucket": "acme-dev-uploads-444444444444", "key": "dump.gz", "content_type": "application/gzip"}
    #[tool(meta = idempotent(declare(Access::Write, &["s3:PutObject", "s3:ListBucket"]).on(&[OBJECT, BUCKET]).with_key(&["kms:GenerateDataKey", "kms:Decrypt"])))]
    async fn presign_put_object(
        &self,
        Parameters(input): Parameters<PresignPutObject>,
    ) -> Result<Json<Reply<UploadLink>>, OpError> {
        ok(copy::presign(self, &self.s3()?, input).await?)
    }

    /// Deletes an object; in a versioned bucket it can be brought back, unless version_id names the version to erase. Example: {"account": "development", "bucket": "acme-dev-uploads-444444444444", "key": "reports/2026-10.csv"}
    #[tool(meta = idempotent(declare(Access::Destroy, &["s3:DeleteObject", "s3:DeleteObjectVersion"]).on(&[OBJECT])))]
    async fn delete_object(
        &self,
        Parameters(input): Parameters<DeleteObject>,
    ) -> Result<Json<Reply<DeletedObject>>, OpError> {
        ok(object::delete(&self.s3()?, self.bucket_owner(), input).await?)
    }

    /// The client; an endpoint that is an address has no bucket subdomains.
    fn s3(&self) -> Result<Client, OpError> {
        let path_style = self.session()?.path_style();
        self.client(|config| Client::from_conf(Builder::from(config).force_path_style(path_style).build()))
    }

    /// Who must own every bucket that a call names.
    fn bucket_owner(&self) -> Option<String> {
        self.account_id().map(ToString::to_string)
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
