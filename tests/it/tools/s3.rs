//! S3.

mod buckets;

use serde_json::{Value, json};

use crate::support::{
    client::{download, upload},
    text, texts, unique,
    world::{ACCOUNTS, World},
};

const ARTIFACTS: &str = "acme-dev-artifacts-444444444444";
const LOGS: &str = "acme-staging-logs-333333333333";
const LONG: &str = "logs/2026/11/20/payments.log";

pub(super) fn config_of(account: &str) -> Value {
    let (_, id, short, _) = ACCOUNTS.iter().find(|a| a.0 == account).unwrap();
    json!({ "account": account, "bucket": format!("acme-{short}-config-{id}") })
}

/// An object of an account's configuration bucket.
pub(super) fn object(account: &str, key: &str) -> Value {
    let mut arguments = config_of(account);
    arguments["key"] = json!(key);
    arguments
}

/// Writes an object of development with this content, and gives how to address it.
async fn put(world: &World, content: Value) -> Value {
    let at = object("development", &unique("object"));
    let mut arguments = at.clone();
    arguments
        .as_object_mut()
        .unwrap()
        .extend(content.as_object().unwrap().clone());
    world.ok("put_object", arguments).await;
    at
}

pub(super) fn with(at: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut arguments = at.clone();
    arguments[name] = value.into();
    arguments
}

/// The exact number in a size such as `7 bytes` or `1.0 KiB (1024 bytes)`.
fn bytes(size: &Value) -> usize {
    let exact = size.as_str().unwrap().trim_end_matches(')').rsplit('(').next().unwrap();
    exact.trim_end_matches(" bytes").parse().unwrap()
}

#[tokio::test]
async fn each_account_lists_its_own_buckets() {
    let world = World::new().await;
    for (account, id, short, _) in ACCOUNTS {
        let data = world.ok("list_buckets", json!({ "account": account })).await;
        let names = texts(data["buckets"].as_array().unwrap(), "name");
        assert!(names.contains(&format!("acme-{short}-config-{id}")), "{data}");
        // Other tests make buckets at the same time.
        let mut seeded = names.iter().filter(|name| name.starts_with("acme-"));
        assert!(seeded.all(|name| name.ends_with(id)), "{data}");
    }
    let prefixed = json!({ "account": "production", "prefix": "acme-prod-l" });
    let data = world.ok("list_buckets", prefixed).await;
    assert_eq!(
        texts(data["buckets"].as_array().unwrap(), "name"),
        ["acme-prod-logs-222222222222"]
    );
}

#[tokio::test]
async fn the_pages_of_the_buckets_are_all_buckets() {
    let world = World::new().await;
    let arguments = json!({ "account": "production" });
    let whole = world.ok("list_buckets", arguments.clone()).await;
    let pages = world.pages("list_buckets", arguments, 1, "buckets").await;
    assert!(pages.len() >= 2);
    // Ages may differ by a second.
    let whole = texts(whole["buckets"].as_array().unwrap(), "name");
    assert_eq!(texts(&pages.concat(), "name"), whole);
}

#[tokio::test]
async fn the_pages_of_a_bucket_are_all_its_objects() {
    let world = World::new().await;
    let arguments = json!({ "account": "development", "bucket": ARTIFACTS });
    let whole = with(&arguments, "max_results", 10_000);
    let whole = world.ok("list_objects", whole).await;
    assert!(whole.get("next_token").is_none());
    let whole = texts(whole["objects"].as_array().unwrap(), "key");
    assert_eq!(whole.len(), 1100);
    for size in [250, 1000] {
        let pages = world.pages("list_objects", arguments.clone(), size, "objects").await;
        assert!(pages.len() >= 2 && pages.iter().all(|page| page.len() <= size as usize));
        assert_eq!(texts(&pages.concat(), "key"), whole, "{size} at a time");
    }
}

#[tokio::test]
async fn a_delimiter_shows_one_folder() {
    let world = World::new().await;
    let at = json!({ "account": "staging", "bucket": LOGS, "delimiter": "/" });
    let top = world.ok("list_objects", at.clone()).await;
    assert_eq!(
        (&top["objects"], &top["common_prefixes"]),
        (&json!([]), &json!(["logs/"]))
    );
    let day = world.ok("list_objects", with(&at, "prefix", "logs/2026/11/20/")).await;
    let keys = texts(day["objects"].as_array().unwrap(), "key");
    assert_eq!(keys, [LONG, "logs/2026/11/20/web.log"]);
    let days = with(&with(&at, "prefix", "logs/2026/11/"), "max_results", 10);
    let mut seen = Vec::new();
    let mut arguments = days;
    loop {
        let data = world.ok("list_objects", arguments.clone()).await;
        let prefixes = data["common_prefixes"].as_array().unwrap();
        assert!(prefixes.len() <= 10);
        seen.extend(prefixes.iter().map(|p| p.as_str().unwrap().to_owned()));
        match data.get("next_token") {
            Some(token) => arguments["next_token"] = token.clone(),
            None => break,
        }
    }
    let expected: Vec<_> = (1..=25).map(|day| format!("logs/2026/11/{day:02}/")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_list_begins_after_the_key_it_is_told() {
    let world = World::new().await;
    let at = json!({ "account": "development", "bucket": ARTIFACTS, "start_after": "builds/01098/manifest.txt" });
    let data = world.ok("list_objects", at).await;
    let keys = texts(data["objects"].as_array().unwrap(), "key");
    assert_eq!(keys, ["builds/01099/manifest.txt", "builds/01100/manifest.txt"]);
}

#[tokio::test]
async fn text_is_read_inline_from_the_right_account() {
    let world = World::new().await;
    for (account, ..) in ACCOUNTS {
        let data = world.ok("get_object", object(account, "flags.json")).await;
        let flags: Value = serde_json::from_str(text(&data, "body")).unwrap();
        assert_eq!(text(&flags, "environment"), account);
        assert_eq!(text(&data, "content_type"), "application/json");
        assert_eq!(bytes(&data["size"]), text(&data, "body").len());
        assert!(
            data.get("next_range").is_none() && data.get("presigned_url").is_none(),
            "{data}"
        );
    }
    let data = world.ok("get_object", object("staging", "grüße/ausnahmen.txt")).await;
    assert_eq!(text(&data, "body"), "Überweisungen über 10 000 € prüfen\n");
}

#[tokio::test]
async fn long_text_is_walked_to_its_end_by_next_range() {
    let world = World::new().await;
    let at = json!({ "account": "staging", "bucket": LOGS, "key": LONG });
    let mut data = world.ok("get_object", at.clone()).await;
    assert!(text(&data, "presigned_url").starts_with("http"), "{data}");
    let size = bytes(&data["size"]);
    let mut read = text(&data, "body").to_owned();
    let mut pieces = 1;
    while let Some(range) = data.get("next_range").cloned() {
        data = world.ok("get_object", with(&at, "range", range)).await;
        read += text(&data, "body");
        pieces += 1;
        assert!(read.len() <= size, "it goes on for ever");
    }
    assert!(pieces > 2 && read.len() == size, "{pieces} {} {size}", read.len());
    let line = "2026-11-20T06:00:00Z staging payments INFO settled batch in 412ms";
    assert!(read.lines().all(|l| l == line));
}

#[tokio::test]
async fn text_is_cut_between_characters() {
    let world = World::with(&["--max-result-bytes", "4KiB"]).await;
    let content = "größe→𝄞".repeat(200);
    let at = put(&world, json!({ "body": content })).await;
    let mut data = world.ok("get_object", at.clone()).await;
    let mut read = text(&data, "body").to_owned();
    assert!(read.len() < content.len());
    while let Some(range) = data.get("next_range").cloned() {
        data = world.ok("get_object", with(&at, "range", range)).await;
        read += text(&data, "body");
        assert!(read.len() <= content.len());
    }
    assert_eq!(read, content);
    world.ok("delete_object", at).await;
}

#[tokio::test]
async fn binary_content_comes_as_a_link_that_downloads_it() {
    let world = World::new().await;
    let at = json!({ "account": "staging", "bucket": LOGS, "key": "logs/2026/10/archive.log.gz" });
    let data = world.ok("get_object", at).await;
    assert!(data.get("body").is_none() && data.get("next_range").is_none(), "{data}");
    assert_eq!(bytes(&data["size"]), 16);
    let url = text(&data, "presigned_url");
    let answer = download(url).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    assert_eq!(&answer.bytes[..3], [0x1f, 0x8b, 0x08]);
    assert_eq!(answer.bytes.len(), 16);
    let forged = url.replace("archive.log.gz", "other.log.gz");
    assert_eq!(download(&forged).await.status, 403);
}

#[tokio::test]
async fn an_empty_object_is_empty_text() {
    let world = World::new().await;
    let at = put(&world, json!({ "body": "" })).await;
    let data = world.ok("get_object", at.clone()).await;
    assert_eq!((bytes(&data["size"]), text(&data, "body")), (0, ""));
    assert!(
        data.get("next_range").is_none() && data.get("presigned_url").is_none(),
        "{data}"
    );
    world.ok("delete_object", at).await;
}

#[tokio::test]
async fn a_range_is_read_and_a_wrong_one_refused() {
    let world = World::new().await;
    let at = put(&world, json!({ "body": "0123456789" })).await;
    for (range, body, next) in [
        ("bytes=0-3", "0123", true),
        ("bytes=4-", "456789", false),
        ("bytes=8-99", "89", false),
        ("bytes=9-9", "9", false),
    ] {
        let data = world.ok("get_object", with(&at, "range", range)).await;
        assert_eq!(text(&data, "body"), body, "{range}");
        assert_eq!(bytes(&data["size"]), 10);
        assert_eq!(data.get("next_range").is_some(), next, "{range}: {data}");
    }
    for wrong in ["bytes=-5", "0-5", "bytes=5-1", "bytes=0-1,3-4", "lines=0-1", ""] {
        let error = world
            .fails("invalid_input", "get_object", with(&at, "range", wrong))
            .await;
        assert!(text(&error, "message").contains("bytes=FROM-TO"), "{error}");
    }
    let error = world
        .fails("invalid_input", "get_object", with(&at, "range", "bytes=10-"))
        .await;
    assert_eq!(error["aws_code"], json!("InvalidRange"));
    world.ok("delete_object", at).await;
}

#[tokio::test]
async fn what_is_put_is_what_is_read() {
    let world = World::new().await;
    for (content, body, size) in [
        (json!({ "body": "plain ünïcode\r\n" }), Some("plain ünïcode\r\n"), 17),
        (
            json!({ "body": "<xml/>", "content_type": "text/xml" }),
            Some("<xml/>"),
            6,
        ),
        (json!({ "body_base64": "aGVsbG8=" }), Some("hello"), 5),
        (json!({ "body_base64": "AAEC/w==" }), None, 4),
    ] {
        let at = put(&world, content).await;
        let data = world.ok("get_object", at.clone()).await;
        assert_eq!(data.get("body").and_then(Value::as_str), body);
        assert_eq!(bytes(&data["size"]), size);
        world.ok("delete_object", at).await;
    }
}

#[tokio::test]
async fn a_head_shows_size_type_and_metadata() {
    let world = World::new().await;
    let content = json!({ "body": "hello", "content_type": "text/x-note", "metadata": { "owner": "sre" } });
    let at = put(&world, content).await;
    let head = world.ok("head_object", at.clone()).await;
    assert_eq!(head["size"], json!("5 bytes"));
    assert_eq!(head["content_type"], json!("text/x-note"));
    assert_eq!(head["metadata"], json!({ "owner": "sre" }));
    assert!(
        text(&head, "e_tag").contains("5d41402abc4b2a76b9719d911017c592"),
        "{head}"
    );
    world.ok("delete_object", at).await;
}

#[tokio::test]
async fn an_existing_object_is_replaced_unless_told_otherwise() {
    let world = World::new().await;
    let at = put(&world, json!({ "body": "first" })).await;
    let only_new = with(&with(&at, "body", "second"), "if_none_match", "*");
    let error = world.fails("conflict", "put_object", only_new).await;
    assert_eq!(error["aws_code"], json!("PreconditionFailed"));
    assert_eq!(world.ok("get_object", at.clone()).await["body"], json!("first"));
    world.ok("put_object", with(&at, "body", "second")).await;
    assert_eq!(world.ok("get_object", at.clone()).await["body"], json!("second"));
    world.ok("delete_object", at).await;
    let fresh = with(&object("development", &unique("object")), "if_none_match", "*");
    world.ok("put_object", with(&fresh, "body", "new")).await;
}

#[tokio::test]
async fn half_and_double_bodies_are_refused() {
    let world = World::new().await;
    let at = object("development", &unique("object"));
    for (arguments, expected) in [
        (at.clone(), "give body or body_base64"),
        (with(&with(&at, "body", "x"), "body_base64", "AA=="), "exclude"),
        (with(&at, "body_base64", "not base64!"), "not valid base64"),
        (with(&with(&at, "body", "x"), "if_none_match", "etag"), "\"*\""),
    ] {
        let error = world.fails("invalid_input", "put_object", arguments).await;
        assert!(text(&error, "message").contains(expected), "{error}");
    }
    world.fails("not_found", "head_object", at).await;
}

#[tokio::test]
async fn a_deleted_object_is_gone_and_may_be_deleted_again() {
    let world = World::new().await;
    let at = put(&world, json!({ "body": "x" })).await;
    for _ in 0..2 {
        let deleted = world.ok("delete_object", at.clone()).await;
        assert_eq!(deleted["key"], at["key"]);
    }
    let error = world.fails("not_found", "get_object", at.clone()).await;
    assert_eq!(error["aws_code"], json!("NoSuchKey"));
    world.fails("not_found", "head_object", at).await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::new().await;
    let nowhere = json!({ "account": "development", "bucket": unique("bucket") });
    let error = world.fails("not_found", "list_objects", nowhere.clone()).await;
    assert_eq!(error["aws_code"], json!("NoSuchBucket"));
    for (tool, more) in [
        ("get_object", None),
        ("head_object", None),
        ("put_object", Some("x")),
        ("delete_object", None),
    ] {
        let mut arguments = with(&nowhere, "key", "k");
        if let Some(body) = more {
            arguments["body"] = json!(body);
        }
        world.fails("not_found", tool, arguments).await;
    }
    let error = world
        .fails("not_found", "get_object", object("development", "no/such/key"))
        .await;
    assert_eq!(error["aws_code"], json!("NoSuchKey"));
    world
        .fails("not_found", "head_object", object("development", "no/such/key"))
        .await;
}

#[tokio::test]
async fn production_keeps_its_objects() {
    let world = World::new().await;
    let at = object("production", "flags.json");
    let error = world.fails("access_denied", "delete_object", at.clone()).await;
    assert!(text(&error, "hint").contains("s3:DeleteObject"), "{error}");
    world.ok("get_object", at).await;
}
