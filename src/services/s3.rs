//! Amazon S3: buckets and objects.

mod object;

use aws_sdk_s3::{Client, config::Builder};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{Access, Declare, Json, OpError, Ops, Page, Reply, declare, declare::idempotent, iso, ok};

use object::{DeleteObject, DeletedObject, GetObject, HeadObject, ObjectContent, ObjectHead, PutObject, PuttedObject};

/// One object. A bucket is named plainly: access points have ARNs of another form.
const OBJECT: &str = "arn:{partition}:s3:::{bucket|segment}/{key}";

/// Arguments of `list_buckets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListBuckets {
    /// Only names that begin so
    prefix: Option<String>,
    /// Only buckets in this region
    bucket_region: Option<String>,
    /// At most this many (default 1000, at most 10000)
    max_results: Option<u32>,
    /// Cursor of the previous answer
    next_token: Option<String>,
}

/// Answer of `list_buckets`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BucketList {
    buckets: Vec<Bucket>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One bucket.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bucket {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<String>,
}

/// Arguments of `list_objects`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListObjects {
    bucket: String,
    /// Only keys that begin so
    prefix: Option<String>,
    /// Usually /: groups keys into common_prefixes, like folders
    delimiter: Option<String>,
    /// Only keys after this one
    start_after: Option<String>,
    /// At most this many (default 1000, at most 10000)
    max_results: Option<u32>,
    /// Cursor of the previous answer
    next_token: Option<String>,
}

/// Answer of `list_objects`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ObjectList {
    objects: Vec<ObjectSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    common_prefixes: Vec<String>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One object.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ObjectSummary {
    key: String,
    /// Bytes
    size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
}

/// What a page of `ListObjectsV2` holds: objects and prefixes are counted together.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed {
    Object(ObjectSummary),
    Prefix(String),
}

#[tool_router(router = s3_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists an account's S3 buckets. Example: {"account": "production"}
    #[tool(meta = declare(Access::Read, &["s3:ListAllMyBuckets"]))]
    async fn list_buckets(
        &self,
        Parameters(input): Parameters<ListBuckets>,
    ) -> Result<Json<Reply<BucketList>>, OpError> {
        let client = self.s3()?;
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
                    creation_date: bucket.creation_date.as_ref().map(iso),
                });
                Ok(Page {
                    items: items.collect(),
                    next: answer.continuation_token.filter(|t| !t.is_empty()),
                })
            }
        };
        let Page { items, next } = self
            .pager(input.max_results, input.next_token)
            .collect(1000, page)
            .await?;
        ok(BucketList {
            buckets: items,
            next_token: next,
        })
    }

    /// Lists a bucket's objects. With delimiter "/" it shows one folder. Example: {"account": "production", "bucket": "logs", "prefix": "2026/11/"}
    #[tool(meta = declare(Access::Read, &["s3:ListBucket"]))]
    async fn list_objects(
        &self,
        Parameters(input): Parameters<ListObjects>,
    ) -> Result<Json<Reply<ObjectList>>, OpError> {
        let client = self.s3()?;
        let owner = self.account_id().map(ToString::to_string);
        let page = |token, size| {
            let request = client
                .list_objects_v2()
                .bucket(&input.bucket)
                .set_prefix(input.prefix.clone())
                .set_delimiter(input.delimiter.clone())
                .set_start_after(input.start_after.clone())
                .set_expected_bucket_owner(owner.clone());
            async move {
                let answer = request.max_keys(size).set_continuation_token(token).send().await?;
                let objects = answer.contents.unwrap_or_default().into_iter().map(|object| {
                    Listed::Object(ObjectSummary {
                        key: object.key.unwrap_or_default(),
                        size: object.size.unwrap_or_default(),
                        last_modified: object.last_modified.as_ref().map(iso),
                        storage_class: object.storage_class.map(|c| c.as_str().to_owned()),
                    })
                });
                let prefixes = answer.common_prefixes.unwrap_or_default();
                let prefixes = prefixes.into_iter().filter_map(|p| p.prefix).map(Listed::Prefix);
                Ok(Page {
                    items: objects.chain(prefixes).collect(),
                    next: answer.next_continuation_token,
                })
            }
        };
        let Page { items, next } = self
            .pager(input.max_results, input.next_token)
            .collect(1000, page)
            .await?;
        let mut list = ObjectList {
            objects: Vec::new(),
            common_prefixes: Vec::new(),
            next_token: next,
        };
        for item in items {
            match item {
                Listed::Object(object) => list.objects.push(object),
                Listed::Prefix(prefix) => list.common_prefixes.push(prefix),
            }
        }
        ok(list)
    }

    /// Shows an object's size, type and metadata without reading it. Example: {"account": "production", "bucket": "logs", "key": "2026/11/21.json"}
    #[tool(meta = declare(Access::Read, &["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]).with_key(&["kms:Decrypt"]))]
    async fn head_object(&self, Parameters(input): Parameters<HeadObject>) -> Result<Json<Reply<ObjectHead>>, OpError> {
        ok(object::head(&self.s3()?, self.account_id(), input).await?)
    }

    /// Reads an object: text inline (go on with next_range), anything else as a link that is valid for 15 minutes. Example: {"account": "production", "bucket": "config", "key": "app.json"}
    #[tool(meta = declare(Access::Read, &["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]).with_key(&["kms:Decrypt"]))]
    async fn get_object(
        &self,
        Parameters(input): Parameters<GetObject>,
    ) -> Result<Json<Reply<ObjectContent>>, OpError> {
        ok(object::get(&self.s3()?, self.account_id(), input, self.data_limit() / 2).await?)
    }

    /// Writes an object; an existing one is replaced unless if_none_match is "*". Example: {"account": "development", "bucket": "config", "key": "app.json", "body": "{}", "content_type": "application/json"}
    #[tool(meta = idempotent(declare(Access::Write, &["s3:PutObject"]).on(&[OBJECT]).with_key(&["kms:GenerateDataKey", "kms:Decrypt"])))]
    async fn put_object(&self, Parameters(input): Parameters<PutObject>) -> Result<Json<Reply<PuttedObject>>, OpError> {
        ok(object::put(&self.s3()?, self.account_id(), input).await?)
    }

    /// Deletes an object; in a versioned bucket it can be brought back, unless version_id names the version to erase. Example: {"account": "development", "bucket": "config", "key": "app.json"}
    #[tool(meta = idempotent(declare(Access::Destroy, &["s3:DeleteObject", "s3:DeleteObjectVersion"]).on(&[OBJECT])))]
    async fn delete_object(
        &self,
        Parameters(input): Parameters<DeleteObject>,
    ) -> Result<Json<Reply<DeletedObject>>, OpError> {
        ok(object::delete(&self.s3()?, self.account_id(), input).await?)
    }

    /// The client; an endpoint that is an address has no bucket subdomains.
    fn s3(&self) -> Result<Client, OpError> {
        let path_style = self.session()?.path_style();
        self.client(|config| Client::from_conf(Builder::from(config).force_path_style(path_style).build()))
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use serde_json::json;

    use crate::{
        ops::ErrorCode,
        testing::{data, input, ops},
    };

    const BUCKET: &str = "acme-dev-config-444444444444";

    #[tokio::test]
    async fn written_listed_read_and_deleted() {
        let ops = ops("development").await;
        let buckets = data(ops.list_buckets(input(json!({}))).await).unwrap();
        assert!(
            buckets["buckets"]
                .as_array()
                .unwrap()
                .iter()
                .any(|b| b["name"] == BUCKET),
            "{buckets}"
        );
        let at = json!({"bucket": BUCKET, "key": "t/größe.txt"});
        let mut new = at.clone();
        new["body"] = json!("größe");
        new["content_type"] = json!("text/plain");
        new["if_none_match"] = json!("*");
        assert_eq!(data(ops.put_object(input(new.clone())).await).unwrap()["size"], 7);
        assert!(
            data(ops.put_object(input(new)).await).is_err(),
            "if_none_match protects what exists"
        );
        let head = data(ops.head_object(input(at.clone())).await).unwrap();
        assert_eq!(
            (&head["content_length"], &head["content_type"]),
            (&json!(7), &json!("text/plain"))
        );
        let read = data(ops.get_object(input(at.clone())).await).unwrap();
        assert_eq!((&read["body"], read.get("next_range")), (&json!("größe"), None));
        let folder = json!({"bucket": BUCKET, "delimiter": "/"});
        let folder = data(ops.list_objects(input(folder)).await).unwrap();
        assert!(
            folder["common_prefixes"].as_array().unwrap().contains(&json!("t/")),
            "{folder}"
        );
        data(ops.delete_object(input(at.clone())).await).unwrap();
        assert_eq!(
            data(ops.get_object(input(at.clone())).await).unwrap_err().code(),
            ErrorCode::NotFound
        );
        assert_eq!(
            data(ops.head_object(input(at)).await).unwrap_err().code(),
            ErrorCode::NotFound
        );
    }

    #[tokio::test]
    async fn long_text_goes_on_binary_is_a_link_and_empty_is_empty() {
        let ops = ops("development").await;
        let long = "0123456789abcdef".repeat(40_000);
        for (key, field, body) in [
            ("long", "body", long.as_str()),
            ("binary", "body_base64", "H4sIAAAA"),
            ("empty", "body", ""),
        ] {
            data(
                ops.put_object(input(json!({"bucket": BUCKET, "key": key, field: body})))
                    .await,
            )
            .unwrap();
        }
        let get = |json| ops.get_object(input(json));
        let (mut text, mut range) = (String::new(), json!(null));
        loop {
            let part = data(get(json!({"bucket": BUCKET, "key": "long", "range": range})).await).unwrap();
            text.push_str(part["body"].as_str().unwrap());
            range = part["next_range"].clone();
            if range.is_null() {
                break;
            }
            assert!(part["presigned_url"].is_string());
        }
        assert!(text == long, "{} of {} bytes", text.len(), long.len());
        let binary = data(get(json!({"bucket": BUCKET, "key": "binary"})).await).unwrap();
        assert!(binary.get("body").is_none() && binary["presigned_url"].as_str().unwrap().contains("X-Amz-Signature="));
        assert_eq!(
            data(get(json!({"bucket": BUCKET, "key": "empty"})).await).unwrap()["body"],
            ""
        );
    }

    #[tokio::test]
    async fn a_bucket_of_another_account_is_refused() {
        let ops = ops("development").await;
        let foreign = json!({"bucket": "acme-staging-config-333333333333", "key": "config/app.json"});
        let error = data(ops.get_object(input(foreign)).await).unwrap_err();
        assert_eq!(error.code(), ErrorCode::AccessDenied, "{error}");
    }
}
