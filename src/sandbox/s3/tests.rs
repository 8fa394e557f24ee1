use aws_sdk_s3::{error::ProvideErrorMetadata as _, primitives::ByteStream, types::ChecksumAlgorithm};

use crate::sandbox::{
    Sandbox,
    testing::{Clients, DEVELOPMENT, PRODUCTION, STAGING, failure},
};

const ARTIFACTS: &str = "acme-dev-artifacts-444444444444";
const CONFIG: &str = "acme-dev-config-444444444444";

async fn read(clients: &Clients, bucket: &str, key: &str) -> String {
    let object = clients.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
    String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn listings_page_by_thousands_and_by_folders() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.s3;
    let first = dev.list_objects_v2().bucket(ARTIFACTS).send().await.unwrap();
    assert_eq!((first.contents().len(), first.is_truncated()), (1000, Some(true)));
    let token = first.next_continuation_token().unwrap();
    let rest = dev
        .list_objects_v2()
        .bucket(ARTIFACTS)
        .continuation_token(token)
        .send()
        .await
        .unwrap();
    assert_eq!((rest.contents().len(), rest.is_truncated()), (100, Some(false)));
    assert_eq!(sandbox.calls("s3", "ListObjectsV2"), 2);

    // A folder is one entry, on one page only.
    let mut folders = Vec::new();
    let mut pages = dev
        .list_objects_v2()
        .bucket("acme-dev-config-444444444444")
        .delimiter("/")
        .max_keys(1)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        folders.extend(page.common_prefixes().iter().map(|p| p.prefix().unwrap().to_owned()));
        folders.extend(page.contents().iter().map(|o| o.key().unwrap().to_owned()));
    }
    assert_eq!(folders, ["README.md", "flags.json", "grüße/", "nginx/"]);

    let staging = sandbox.target(STAGING).await.s3;
    let logs = staging
        .list_objects_v2()
        .bucket("acme-staging-logs-333333333333")
        .prefix("logs/2026/")
        .delimiter("/");
    let mut pages = logs.max_keys(1).into_paginator().send();
    let mut months = Vec::new();
    while let Some(page) = pages.next().await {
        months.extend(
            page.unwrap()
                .common_prefixes()
                .iter()
                .map(|p| p.prefix().unwrap().to_owned()),
        );
    }
    assert_eq!(months, ["logs/2026/10/", "logs/2026/11/"]);
}

#[tokio::test]
async fn buckets_belong_to_one_account_of_all() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.s3;
    let listed = dev.list_buckets().send().await.unwrap();
    assert_eq!(listed.buckets().len(), 3);

    let foreign = dev
        .list_objects_v2()
        .bucket("acme-prod-config-222222222222")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&foreign).0, "AccessDenied");
    // Not even the owner of one account reaches into another.
    let admin = sandbox.admin(DEVELOPMENT).s3;
    let foreign = admin
        .get_object()
        .bucket("acme-prod-config-222222222222")
        .key("flags.json")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&foreign).0, "AccessDenied");

    let missing = dev.list_objects_v2().bucket("acme-nowhere").send().await.unwrap_err();
    assert_eq!(
        failure(&missing),
        (
            "NoSuchBucket".to_owned(),
            "The specified bucket does not exist".to_owned()
        )
    );
    let missing = dev.get_object().bucket(CONFIG).key("nothing").send().await.unwrap_err();
    assert_eq!(
        failure(&missing),
        ("NoSuchKey".to_owned(), "The specified key does not exist.".to_owned())
    );
    let taken = admin
        .create_bucket()
        .bucket("acme-prod-config-222222222222")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&taken).0, "BucketAlreadyExists");
    admin
        .create_bucket()
        .bucket("acme-dev-new-444444444444")
        .send()
        .await
        .unwrap();

    let place = dev.get_bucket_location().bucket(CONFIG).send().await.unwrap();
    assert!(place.location_constraint().is_none_or(|l| l.as_str().is_empty()));
    assert_eq!(
        dev.head_bucket().bucket(CONFIG).send().await.unwrap().bucket_region(),
        Some("us-east-1")
    );
    let head = dev.head_bucket().bucket("acme-nowhere").send().await.unwrap_err();
    assert!(head.as_service_error().unwrap().is_not_found());
}

#[tokio::test]
async fn a_bucket_answers_in_its_own_region() {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let sandbox = Sandbox::new().await.unwrap();
    let name = "acme-dev-eu-444444444444";
    let admin = sandbox
        .clients_in(sandbox.admin_credentials(DEVELOPMENT), "eu-west-1")
        .s3;
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuWest1)
        .build();
    admin
        .create_bucket()
        .bucket(name)
        .create_bucket_configuration(place)
        .send()
        .await
        .unwrap();

    let session = sandbox.assume(DEVELOPMENT, None).await;
    let here = sandbox.clients(session.clone()).s3;
    let (code, _) = failure(&here.list_objects_v2().bucket(name).send().await.unwrap_err());
    assert_eq!(code, "PermanentRedirect");
    let head = here.head_bucket().bucket(name).send().await.unwrap_err();
    assert_eq!(
        head.raw_response().unwrap().headers().get("x-amz-bucket-region"),
        Some("eu-west-1")
    );
    let place = here.get_bucket_location().bucket(name).send().await.unwrap();
    assert_eq!(place.location_constraint(), Some(&BucketLocationConstraint::EuWest1));
    sandbox
        .clients_in(session, "eu-west-1")
        .s3
        .list_objects_v2()
        .bucket(name)
        .send()
        .await
        .unwrap();

    let some = here.list_buckets().max_buckets(2).send().await.unwrap();
    let regions: Vec<_> = some.buckets().iter().map(|b| b.bucket_region().unwrap()).collect();
    assert_eq!(regions, ["us-east-1", "us-east-1"]);
    let rest = here
        .list_buckets()
        .max_buckets(2)
        .continuation_token(some.continuation_token().unwrap());
    assert_eq!(
        rest.send().await.unwrap().buckets()[0].bucket_region(),
        Some("eu-west-1")
    );
}

#[tokio::test]
async fn the_expected_owner_must_be_the_owner() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.s3;
    let expect = |owner: &str| {
        dev.get_object()
            .bucket(CONFIG)
            .key("flags.json")
            .expected_bucket_owner(owner)
            .send()
    };
    expect(DEVELOPMENT).await.unwrap();
    assert_eq!(failure(&expect(PRODUCTION).await.unwrap_err()).0, "AccessDenied");
    let list = dev
        .list_objects_v2()
        .bucket(CONFIG)
        .expected_bucket_owner(PRODUCTION)
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&list).0, "AccessDenied");
    let put = dev
        .put_object()
        .bucket(CONFIG)
        .key("x")
        .expected_bucket_owner(PRODUCTION)
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&put).0, "AccessDenied");
}

#[tokio::test]
async fn objects_come_back_as_they_went() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await;
    for (key, body) in [
        ("page.html", "<html><body>an object, not parameters</body></html>"),
        ("öäü/ß + % & = ?.txt", "grüße"),
        ("empty", ""),
        ("folder/", ""),
        ("a//b/../c", "slashes"),
    ] {
        for algorithm in [None, Some(ChecksumAlgorithm::Sha256), Some(ChecksumAlgorithm::Crc32)] {
            let put = dev.s3.put_object().bucket(CONFIG).key(key).content_type("text/x-test");
            let put = put
                .set_checksum_algorithm(algorithm)
                .body(ByteStream::from(body.as_bytes().to_vec()));
            put.send().await.unwrap();
            assert_eq!(read(&dev, CONFIG, key).await, body);
        }
        let head = dev.s3.head_object().bucket(CONFIG).key(key).send().await.unwrap();
        assert_eq!(
            (head.content_length(), head.content_type()),
            (i64::try_from(body.len()).ok(), Some("text/x-test"))
        );
        let listed = dev
            .s3
            .list_objects_v2()
            .bucket(CONFIG)
            .prefix(key)
            .send()
            .await
            .unwrap();
        assert_eq!(listed.contents().first().and_then(|o| o.key()), Some(key));
        dev.s3.delete_object().bucket(CONFIG).key(key).send().await.unwrap();
        let gone = dev.s3.head_object().bucket(CONFIG).key(key).send().await.unwrap_err();
        assert!(gone.as_service_error().unwrap().is_not_found());
    }
    assert!(
        read(&dev, CONFIG, "grüße/ausnahmen.txt")
            .await
            .starts_with("Überweisungen")
    );
}

#[tokio::test]
async fn an_object_without_a_type_is_bytes() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.s3;
    dev.put_object().bucket(CONFIG).key("untyped").send().await.unwrap();
    let head = dev.head_object().bucket(CONFIG).key("untyped").send().await.unwrap();
    assert!(head.content_type().unwrap().ends_with("octet-stream"), "{head:?}");
}

#[tokio::test]
async fn streamed_bodies_lose_their_framing() {
    let sandbox = Sandbox::new().await.unwrap();
    let server = sandbox.listen().await.unwrap();
    let http = aws_smithy_http_client::Builder::new().build_http();
    let credentials = sandbox.assume(DEVELOPMENT, None).await;
    let dev = crate::sandbox::testing::clients(http, &server.endpoint, credentials, "us-east-1");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let body = "a line of a larger file\n".repeat(10_000);
    std::io::Write::write_all(&mut file, body.as_bytes()).unwrap();
    let stream = ByteStream::from_path(file.path()).await.unwrap();
    let put = dev
        .s3
        .put_object()
        .bucket(CONFIG)
        .key("large.txt")
        .checksum_algorithm(ChecksumAlgorithm::Crc32);
    put.body(stream).send().await.unwrap();
    assert_eq!(read(&dev, CONFIG, "large.txt").await, body);
}

#[tokio::test]
async fn ranges_are_parts() {
    let sandbox = Sandbox::new().await.unwrap();
    let production = sandbox.target(PRODUCTION).await.s3;
    let log = || {
        production
            .get_object()
            .bucket("acme-prod-logs-222222222222")
            .key("logs/2026/11/20/payments.log")
    };
    let part = log().range("bytes=0-9").send().await.unwrap();
    assert!(part.content_range().unwrap().starts_with("bytes 0-9/31457"));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"2026-11-20");
    let end = log().range("bytes=-5").send().await.unwrap();
    assert_eq!(end.body.collect().await.unwrap().to_vec(), b"12ms\n");
    let beyond = log().range("bytes=99999999-").send().await.unwrap_err();
    assert_eq!(beyond.code(), Some("InvalidRange"));
}

#[tokio::test]
async fn only_who_may_list_learns_what_is_not_there() {
    let sandbox = Sandbox::new().await.unwrap();
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{CONFIG}/*") },
    ]});
    let narrow = sandbox.clients(sandbox.assume(DEVELOPMENT, Some(policy)).await);
    let missing = narrow
        .s3
        .get_object()
        .bucket(CONFIG)
        .key("nothing")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&missing).0, "AccessDenied");
    assert!(read(&narrow, CONFIG, "flags.json").await.contains("new_checkout"));
}

mod settings;
