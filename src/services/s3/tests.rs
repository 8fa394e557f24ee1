//! The tools against the sandbox.

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
