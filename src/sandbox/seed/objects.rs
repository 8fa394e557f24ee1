//! The accounts' buckets and objects.

use awsim_s3::state::{Bucket, ObjectVersions, S3Object};

use super::{Inner, SandboxError};
use crate::sandbox::signature::sha256_hex;

/// Development's artifacts: enough for a second page of `ListObjectsV2`.
const ARTIFACTS: usize = 1_100;
/// Large enough that nobody wants all of it in an answer.
const LONG_LOG: usize = 3 << 20;
const MADE: &str = "Sun, 01 Nov 2026 06:00:00 GMT";

pub(super) async fn fill(sandbox: &Inner) -> Result<(), SandboxError> {
    let bucket = |account: &str, name: &str, objects: Vec<S3Object>| {
        let bucket = Bucket::new(name, "us-east-1", "2026-01-12T08:30:00.000Z");
        for object in objects {
            bucket
                .objects
                .insert(object.key.clone(), ObjectVersions { versions: vec![object] });
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
    bucket("333333333333", "acme-staging-logs-333333333333", logs("staging"));
    bucket("333333333333", "acme-staging-config-333333333333", config("staging"));
    bucket("444444444444", "acme-dev-config-444444444444", config("development"));
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
