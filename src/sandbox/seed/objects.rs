//! The accounts' buckets and objects.

use awsim_s3::state::{Bucket, S3Object, VersioningStatus};
use serde_json::{Value, json};

use super::{Inner, SandboxError};
use crate::sandbox::{s3::config, signature::sha256_hex};

/// Development's artifacts: enough for a second page of `ListObjectsV2`.
const ARTIFACTS: usize = 1_100;
/// Large enough that nobody wants all of it in an answer.
const LONG_LOG: usize = 3 << 20;
const MADE: &str = "Sun, 01 Nov 2026 06:00:00 GMT";

/// What the tools need of the target role.
pub(super) fn operate(account: &str) -> Vec<Value> {
    let own = json!({ "StringEquals": { "aws:ResourceAccount": account } });
    vec![
        json!({
            "Effect": "Allow",
            "Action": [
                "s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion",
                "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObject", "s3:PutObjectTagging",
                "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketPolicyStatus", "s3:GetBucketAcl", "s3:GetBucketOwnershipControls",
                "s3:GetEncryptionConfiguration", "s3:GetBucketVersioning", "s3:GetBucketLogging",
                "s3:GetLifecycleConfiguration", "s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock",
                "s3:PutEncryptionConfiguration", "s3:PutBucketVersioning",
            ],
            "Resource": ["arn:aws:s3:::*"],
            "Condition": own,
        }),
        json!({ "Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "arn:aws:s3:::*" }),
    ]
}

pub(super) async fn fill(sandbox: &Inner) -> Result<(), SandboxError> {
    let bucket = |account: &str, name: &str, objects: Vec<S3Object>| {
        let mut bucket = Bucket::new(name, "us-east-1", "2026-01-12T08:30:00.000Z");
        config::as_new(&mut bucket, None);
        configure(&mut bucket);
        for object in objects {
            let mut versions = bucket.objects.entry(object.key.clone()).or_default();
            versions.push(object);
        }
        sandbox
            .s3
            .store()
            .get(account, "global")
            .buckets
            .insert(name.to_owned(), bucket);
    };
    bucket("222222222222", "acme-prod-logs-222222222222", logs("production"));
    bucket("222222222222", "acme-prod-config-222222222222", config("production"));
    bucket("222222222222", "acme-prod-website-222222222222", website());
    bucket("333333333333", "acme-staging-assets-333333333333", website());
    bucket("333333333333", "acme-staging-logs-333333333333", logs("staging"));
    bucket("333333333333", "acme-staging-config-333333333333", config("staging"));
    bucket("444444444444", "acme-dev-config-444444444444", config("development"));
    bucket("444444444444", "acme-dev-uploads-444444444444", uploads());
    let artifact = |n: usize| {
        object(
            &format!("builds/{n:05}/manifest.txt"),
            "text/plain",
            format!("build {n}\n"),
        )
    };
    bucket(
        "444444444444",
        "acme-dev-artifacts-444444444444",
        (1..=ARTIFACTS).map(artifact).collect(),
    );
    Ok(())
}

/// What makes each bucket another one than S3 makes it.
fn configure(bucket: &mut Bucket) {
    let rule = |id: &str, days: u32| json!({ "ID": id, "Status": "Enabled", "Filter": { "Prefix": "" }, "Expiration": { "Days": days } });
    let off = |open: [&str; 2], shut: [&str; 2]| {
        let flags = open
            .into_iter()
            .map(|name| (name, "false"))
            .chain(shut.into_iter().map(|name| (name, "true")));
        let flags = flags.map(|(name, value)| (name.to_owned(), json!(value)));
        Value::Object(flags.collect()).to_string()
    };
    let (acls, policies) = (
        ["BlockPublicAcls", "IgnorePublicAcls"],
        ["BlockPublicPolicy", "RestrictPublicBuckets"],
    );
    let name = bucket.name.clone();
    let is = |part: &str| name.contains(part);
    if is("-logs-") {
        let rules = json!({ "Rule": [rule("expire-after-a-year", 365), rule("incomplete-uploads", 7)] });
        bucket.lifecycle = Some(rules.to_string());
    }
    if is("-prod-config-") {
        bucket.versioning = VersioningStatus::Enabled;
        let to = json!({ "TargetBucket": "acme-prod-logs-222222222222", "TargetPrefix": "s3-access/config/" });
        bucket.logging = Some(json!({ "BucketLoggingStatus": { "LoggingEnabled": to } }).to_string());
        let key = json!({ "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/platform" });
        let rule = json!({ "ApplyServerSideEncryptionByDefault": key, "BucketKeyEnabled": "true" });
        bucket.encryption = Some(json!({ "Rule": [rule] }).to_string());
    }
    if is("-uploads-") {
        bucket.versioning = VersioningStatus::Enabled;
    }
    // The marketing site: public on purpose, by its policy.
    if is("-website-") {
        bucket
            .configs
            .insert("public-access-block".to_owned(), off(policies, acls));
        let statement = json!({
            "Sid": "EverybodyReadsTheSite", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{name}/*"),
        });
        bucket.policy = Some(json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string());
    }
    // Older than the block, and forgotten: public by its ACL.
    if is("-staging-assets-") {
        bucket
            .configs
            .insert("public-access-block".to_owned(), off(acls, policies));
        config::own(bucket, "ObjectWriter");
        let groups = ["http://acs.amazonaws.com/groups/global/AllUsers"];
        bucket.acl = Some(json!({ "Groups": groups }).to_string());
        bucket.encryption = None;
    }
}

fn website() -> Vec<S3Object> {
    let page = "<!doctype html><title>Acme</title><h1>Acme pays on time</h1>\n";
    vec![
        object("index.html", "text/html", page),
        object("robots.txt", "text/plain", "User-agent: *\nAllow: /\n"),
    ]
}

/// Written over, deleted by mistake, and tagged.
fn uploads() -> Vec<S3Object> {
    let version = |key: &str, n: u32, day: u32, body: Option<&str>| S3Object {
        version_id: Some(format!("v{n:031}")),
        last_modified: format!(
            "{} Nov 2026 06:00:00 GMT",
            ["Sun, 01", "Mon, 02", "Tue, 03"]
                .get(day as usize)
                .unwrap_or(&"Sun, 01")
        ),
        is_delete_marker: body.is_none(),
        ..object(key, "text/csv", body.unwrap_or_default())
    };
    let mut tagged = version("reports/tagged.csv", 6, 0, Some("id,amount\n1,10\n"));
    tagged.tags = [("retention".to_owned(), "7y".to_owned())].into();
    vec![
        version("reports/2026-10.csv", 1, 0, Some("id,amount\n1,10\n")),
        version("reports/2026-10.csv", 2, 1, Some("id,amount\n1,10\n2,20\n")),
        version("reports/2026-10.csv", 3, 2, Some("id,amount\n1,10\n2,20\n3,30\n")),
        version("reports/2026-09.csv", 4, 0, Some("id,amount\n9,90\n")),
        version("reports/2026-09.csv", 5, 2, None),
        tagged,
    ]
}

fn logs(environment: &str) -> Vec<S3Object> {
    let mut objects: Vec<_> = (1..=25)
        .map(|day| {
            let key = format!("logs/2026/11/{day:02}/web.log");
            let line = format!("2026-11-{day:02}T06:00:00Z {environment} web GET /health 200 3ms\n");
            object(&key, "text/plain", line.repeat(20))
        })
        .collect();
    let line = format!("2026-11-20T06:00:00Z {environment} payments INFO settled batch in 412ms\n");
    objects.push(object(
        "logs/2026/11/20/payments.log",
        "text/plain",
        line.repeat(LONG_LOG / line.len() + 1),
    ));
    let zipped = vec![
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x03, 0x00, 0xde, 0xad, 0xbe, 0xef,
    ];
    objects.push(object("logs/2026/10/archive.log.gz", "application/gzip", zipped));
    objects
}

fn config(environment: &str) -> Vec<S3Object> {
    let flags = format!(
        "{{\n  \"environment\": \"{environment}\",\n  \"new_checkout\": {},\n  \"max_batch\": 500\n}}\n",
        environment != "production"
    );
    let readme =
        format!("# Configuration of {environment}\n\nWritten by the deployment pipeline; don't edit by hand.\n");
    vec![
        object("flags.json", "application/json", flags),
        object("README.md", "text/markdown", readme),
        object(
            "nginx/sites/web.conf",
            "text/plain",
            "server { listen 8080; location / { proxy_pass http://web; } }\n",
        ),
        object(
            "grüße/ausnahmen.txt",
            "text/plain; charset=utf-8",
            "Überweisungen über 10 000 € prüfen\n",
        ),
    ]
}

/// The tag is no MD5, which would take most of the seeding's time; AWS too gives others for encrypted objects.
fn object(key: &str, content_type: &str, body: impl Into<Vec<u8>>) -> S3Object {
    let body = body.into();
    let tag = sha256_hex(key.as_bytes());
    S3Object {
        key: key.to_owned(),
        content_type: content_type.to_owned(),
        content_length: u64::try_from(body.len()).unwrap_or_default(),
        body: awsim_core::Body::InMemory(body),
        etag: format!("\"{}\"", tag.get(..32).unwrap_or_default()),
        last_modified: MADE.to_owned(),
        metadata: [].into(),
        version_id: None,
        tags: [].into(),
        content_encoding: None,
        cache_control: None,
        content_disposition: None,
        content_language: None,
        expires: None,
        checksum_algorithm: None,
        checksum_value: None,
        sse_algorithm: None,
        sse_kms_key_id: None,
        sse_customer_algorithm: None,
        sse_customer_key_md5: None,
        is_delete_marker: false,
    }
}
