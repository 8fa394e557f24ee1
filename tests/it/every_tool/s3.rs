//! S3.

use serde_json::{Value, json};

use crate::support::{calls::Calls, text, unique};

use super::{Step, Things, here};

const BUCKET: &str = "acme-dev-config-444444444444";
const UPLOADS: &str = "acme-dev-uploads-444444444444";
const KEY: &str = "flags.json";
const TAGGED: &str = "reports/tagged.csv";

/// A bucket's name is nobody else's, in no account: each round makes one of its own.
pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    things.set("bucket made", unique("acme-every"));
    let versions = json!({ "bucket": UPLOADS, "prefix": TAGGED });
    let versions = world.ok("list_object_versions", here(versions)).await;
    things.set("version tagged", text(&versions["versions"][0], "version_id"));
}

pub(crate) async fn forget(world: &impl Calls) {
    for key in ["it-proof", "it-copy"] {
        let arguments = json!({ "bucket": BUCKET, "key": key });
        world.call("delete_object", here(arguments)).await;
    }
}

pub(crate) fn steps(things: &Things) -> Vec<Step> {
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
    let copy = |bucket: &str, key: &str, version: Option<&str>| {
        let mut arguments = json!({ "source_bucket": bucket, "source_key": key, "bucket": BUCKET, "key": "it-copy" });
        if let Some(version) = version {
            arguments["source_version_id"] = json!(version);
        }
        arguments
    };
    vec![
        Step::new("list_buckets", json!({}), &["s3:ListAllMyBuckets"], "ok"),
        Step::new("get_bucket_posture", json!({}), &["s3:ListAllMyBuckets"], "ok")
            .tells(&[
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketPolicyStatus",
                "s3:GetBucketAcl",
                "s3:GetBucketOwnershipControls",
                "s3:GetEncryptionConfiguration",
                "s3:GetBucketVersioning",
                "s3:GetBucketLogging",
                "s3:GetLifecycleConfiguration",
            ])
            .only_here("it answers GetBucketPolicyStatus with the list of the objects"),
        Step::new(
            "get_bucket_posture",
            json!({ "bucket": "acme-no-such-bucket" }),
            &["s3:ListAllMyBuckets"],
            "not_found",
        ),
        Step::new(
            "create_bucket",
            json!({ "bucket": things.get("bucket made"), "versioning": true }),
            &[
                "s3:CreateBucket",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutEncryptionConfiguration",
                "s3:PutBucketVersioning",
            ],
            "ok",
        )
        .unasked(&["s3:PutBucketOwnershipControls"]),
        Step::new(
            "create_bucket",
            json!({ "bucket": BUCKET }),
            &["s3:ListBucket"],
            "conflict",
        ),
        Step::new("list_objects", json!({ "bucket": BUCKET }), &["s3:ListBucket"], "ok"),
        // Paging through a bucket without versions the other emulator gives the same one again and again.
        Step::new(
            "list_object_versions",
            json!({ "bucket": UPLOADS }),
            &["s3:ListBucketVersions"],
            "ok",
        ),
        Step::new("head_object", object(KEY), &["s3:GetObject"], "ok"),
        Step::new("get_object", object(KEY), &["s3:GetObject"], "ok"),
        absent("head_object"),
        absent("get_object"),
        Step::new("head_object", version(KEY), &["s3:GetObjectVersion"], "ok"),
        Step::new("get_object", version(KEY), &["s3:GetObjectVersion"], "ok"),
        Step::new("put_object", body(object("it-proof")), &["s3:PutObject"], "ok"),
        Step::new(
            "copy_object",
            copy(BUCKET, KEY, None),
            &["s3:GetObject", "s3:PutObject"],
            "ok",
        ),
        Step::new(
            "copy_object",
            copy(BUCKET, "no/such/key", None),
            &["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
            "not_found",
        )
        .unasked(&["s3:ListBucket"]),
        // Tags are copied too: "you must have s3:GetObjectTagging permission for the source" (CopyObject).
        Step::new(
            "copy_object",
            copy(UPLOADS, TAGGED, None),
            &[
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            "ok",
        )
        .unasked(&["s3:GetObjectTagging", "s3:PutObjectTagging"]),
        Step::new(
            "copy_object",
            copy(UPLOADS, TAGGED, Some(things.get("version tagged"))),
            &[
                "s3:GetObjectVersion",
                "s3:GetObjectVersionTagging",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            "ok",
        )
        .unasked(&["s3:GetObjectVersionTagging", "s3:PutObjectTagging"]),
        Step::new("presign_put_object", object("it-link"), &["s3:ListBucket"], "ok").hands_out(&["s3:PutObject"]),
        Step::new("delete_object", version("it-proof"), &["s3:DeleteObjectVersion"], "ok"),
        Step::new("delete_object", object("it-proof"), &["s3:DeleteObject"], "ok"),
    ]
}
