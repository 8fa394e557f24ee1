//! The tools against the sandbox.

use serde_json::json;

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops, ops_in, ops_that_lose},
};

const BUCKET: &str = "acme-dev-config-444444444444";

#[tokio::test(start_paused = true)]
async fn a_bucket_that_was_made_though_the_answer_got_lost_is_not_taken_for_another_s() {
    let made = |request: &str| request.starts_with("PUT ") && !request.contains('?');
    let (ops, lost) = ops_that_lose("development", made).await;
    let new = json!({"bucket": "acme-dev-lost-444444444444"});
    let error = data(ops.create_bucket(input(new)).await).unwrap_err();
    assert!(error.leaves_unknown(), "{error}");
    assert_eq!(lost.load(std::sync::atomic::Ordering::SeqCst), 1);
}

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
    assert_eq!(
        data(ops.put_object(input(new.clone())).await).unwrap()["size"],
        "7 bytes"
    );
    assert!(
        data(ops.put_object(input(new)).await).is_err(),
        "if_none_match protects what exists"
    );
    let head = data(ops.head_object(input(at.clone())).await).unwrap();
    assert_eq!(
        (&head["size"], &head["content_type"]),
        (&json!("7 bytes"), &json!("text/plain"))
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

#[tokio::test]
async fn a_posture_says_who_gets_in_and_why() {
    let production = ops("production").await;
    let public = data(production.get_bucket_posture(input(json!({"only_public": true}))).await).unwrap();
    assert_eq!(
        (&public["checked"], &public["public"], &public["unknown"]),
        (&json!(3), &json!(1), &json!(0)),
        "{public}"
    );
    let site = &public["buckets"][0];
    assert_eq!(site["name"], "acme-prod-website-222222222222");
    assert_eq!(site["reasons"], json!(["the bucket policy lets anybody in"]));
    assert_eq!(
        site["public_access_block"],
        "partly; off: block_public_policy, restrict_public_buckets"
    );
    let one = json!({"bucket": "acme-prod-config-222222222222"});
    let one = data(production.get_bucket_posture(input(one)).await).unwrap();
    let one = &one["buckets"][0];
    for (field, expected) in [
        ("public", json!(false)),
        ("public_access_block", json!("on")),
        ("object_ownership", json!("BucketOwnerEnforced")),
        ("encryption", json!("aws:kms alias/platform")),
        ("versioning", json!("Enabled")),
        ("logging", json!("s3://acme-prod-logs-222222222222/s3-access/config/")),
        ("lifecycle_rules", json!(0)),
        ("region", json!("us-east-1")),
    ] {
        assert_eq!(one[field], expected, "{field}: {one}");
    }
    let staging = ops("staging").await;
    let all = data(staging.get_bucket_posture(input(json!({}))).await).unwrap();
    assert_eq!((&all["checked"], &all["public"]), (&json!(3), &json!(1)), "{all}");
    let assets = &all["buckets"][0];
    assert_eq!(assets["reasons"], json!(["the ACL gives READ to everybody"]));
    assert_eq!(
        (&assets["encryption"], &assets["lifecycle_rules"]),
        (&json!("none"), &json!(0))
    );
    assert_eq!(all["buckets"][2]["lifecycle_rules"], 2, "{all}");
    let missing = json!({"bucket": "acme-staging"});
    let error = data(staging.get_bucket_posture(input(missing)).await).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
}

#[tokio::test]
async fn a_new_bucket_is_private_wherever_it_is_and_an_old_one_is_left_alone() {
    let abroad = ops_in("development", Some("eu-west-1")).await;
    let new = json!({"bucket": "acme-dev-new", "versioning": true, "kms_key_id": "alias/x"});
    let made = data(abroad.create_bucket(input(new.clone())).await).unwrap();
    assert_eq!(
        (&made["region"], &made["encryption"], &made["versioning"]),
        (&json!("eu-west-1"), &json!("aws:kms alias/x"), &json!("Enabled"))
    );
    let looked = data(abroad.get_bucket_posture(input(json!({}))).await).unwrap();
    let all = looked["buckets"].as_array().unwrap();
    assert_eq!(all.len(), 4, "in two regions: {looked}");
    let looked = all.iter().find(|b| b["name"] == "acme-dev-new").unwrap();
    for (field, expected) in [
        ("public", json!(false)),
        ("public_access_block", json!("on")),
        ("object_ownership", json!("BucketOwnerEnforced")),
        ("encryption", json!("aws:kms alias/x")),
        ("versioning", json!("Enabled")),
        ("region", json!("eu-west-1")),
    ] {
        assert_eq!(looked[field], expected, "{field}: {looked}");
    }
    let again = data(abroad.create_bucket(input(new)).await).unwrap_err();
    assert!(again.to_string().contains("Nothing was changed"), "{again}");
    let home = ops("development").await;
    for (bucket, code) in [
        (BUCKET, "BucketAlreadyOwnedByYou"),
        ("acme-prod-config-222222222222", "AccessDenied"),
        ("No", "InvalidBucketName"),
    ] {
        let error = data(home.create_bucket(input(json!({"bucket": bucket}))).await).unwrap_err();
        assert!(error.to_string().contains(code), "{bucket}: {error}");
    }
    let plain = data(home.create_bucket(input(json!({"bucket": "acme-dev-plain"}))).await).unwrap();
    assert_eq!(
        (&plain["encryption"], &plain["versioning"]),
        (&json!("SSE-S3"), &json!("off"))
    );
}

const UPLOADS: &str = "acme-dev-uploads-444444444444";

#[tokio::test]
async fn versions_are_listed_copied_back_and_counted() {
    let ops = ops("development").await;
    let all = data(ops.list_object_versions(input(json!({"bucket": UPLOADS}))).await).unwrap();
    assert_eq!(
        (&all["count"], &all["delete_markers"], &all["deleted_keys"]),
        (&json!(6), &json!(1), &json!(1)),
        "{all}"
    );
    let first = &all["versions"][0];
    assert_eq!(
        (
            &first["key"],
            &first["delete_marker"],
            &first["is_latest"],
            first.get("size")
        ),
        (&json!("reports/2026-09.csv"), &json!(true), &json!(true), None)
    );
    // The deleted one is back once its last version is copied over the marker.
    let old = all["versions"][1].clone();
    let key = "reports/2026-09.csv";
    let back = json!({
        "source_bucket": UPLOADS, "source_key": key, "source_version_id": old["version_id"], "bucket": UPLOADS, "key": key,
    });
    let copied = data(ops.copy_object(input(back)).await).unwrap();
    assert_eq!(copied["source_version_id"], old["version_id"]);
    let read = data(ops.get_object(input(json!({"bucket": UPLOADS, "key": key}))).await).unwrap();
    assert_eq!(read["body"], "id,amount\n9,90\n");
    let strange = json!({
        "source_bucket": BUCKET, "source_key": "grüße/ausnahmen.txt", "bucket": BUCKET, "key": "a b/+%.txt",
    });
    data(ops.copy_object(input(strange)).await).unwrap();
    let read = json!({"bucket": BUCKET, "key": "a b/+%.txt"});
    let read = data(ops.get_object(input(read)).await).unwrap();
    assert_eq!(read["body"], "Überweisungen über 10 000 € prüfen\n");
    let missing = json!({"source_bucket": UPLOADS, "source_key": "no", "bucket": UPLOADS, "key": "x"});
    let error = data(ops.copy_object(input(missing)).await).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
}

#[tokio::test]
async fn an_upload_link_names_its_headers_and_its_end() {
    let ops = ops("development").await;
    let ask = json!({"bucket": UPLOADS, "key": "new.csv", "content_type": "text/csv", "expires_in": 120});
    let link = data(ops.presign_put_object(input(ask)).await).unwrap();
    assert_eq!(link["method"], "PUT");
    assert_eq!(
        link["headers"],
        json!({"content-type": "text/csv", "x-amz-expected-bucket-owner": "444444444444"})
    );
    let url = link["presigned_url"].as_str().unwrap();
    assert!(url.contains("X-Amz-Expires=120") && !url.contains("checksum"), "{url}");
    assert!(link["expires"].as_str().unwrap().ends_with("(in 2 min)"), "{link}");
    for wrong in [0, 59, 901] {
        let ask = json!({"bucket": UPLOADS, "key": "k", "expires_in": wrong});
        let error = data(ops.presign_put_object(input(ask)).await).unwrap_err();
        assert!(error.to_string().contains("60 to 900"), "{error}");
    }
    let foreign = json!({"bucket": "acme-prod-config-222222222222", "key": "k"});
    let error = data(ops.presign_put_object(input(foreign)).await).unwrap_err();
    assert_eq!(error.code(), ErrorCode::AccessDenied, "{error}");
}
