//! S3.

use serde_json::{Value, json};

use super::Step;

const BUCKET: &str = "acme-dev-config-444444444444";
const KEY: &str = "flags.json";

pub(crate) fn steps() -> Vec<Step> {
    let object = |key: &str| json!({ "bucket": BUCKET, "key": key });
    // A version that is given by number is another resource to IAM, and may have another policy.
    let version = |key: &str| json!({ "bucket": BUCKET, "key": key, "version_id": "null" });
    let body = |mut object: Value| {
        object["body"] = json!("x");
        object
    };
    // Only who may list a bucket learns that a key isn't there; others are denied, and would look for a missing permission: "If you
    // don't have the s3:ListBucket permission, Amazon S3 returns 403" (GetObject, HeadObject).
    let absent = |tool| {
        let needs = &["s3:GetObject", "s3:ListBucket"];
        Step::new(tool, object("no/such/key"), needs, "not_found").unasked(&["s3:ListBucket"])
    };
    vec![
        Step::new("list_buckets", json!({}), &["s3:ListAllMyBuckets"], "ok"),
        Step::new("list_objects", json!({ "bucket": BUCKET }), &["s3:ListBucket"], "ok"),
        Step::new("head_object", object(KEY), &["s3:GetObject"], "ok"),
        Step::new("get_object", object(KEY), &["s3:GetObject"], "ok"),
        absent("head_object"),
        absent("get_object"),
        Step::new("head_object", version(KEY), &["s3:GetObjectVersion"], "ok"),
        Step::new("get_object", version(KEY), &["s3:GetObjectVersion"], "ok"),
        Step::new("put_object", body(object("it-proof")), &["s3:PutObject"], "ok"),
        Step::new("delete_object", version("it-proof"), &["s3:DeleteObjectVersion"], "ok"),
        Step::new("delete_object", object("it-proof"), &["s3:DeleteObject"], "ok"),
    ]
}
