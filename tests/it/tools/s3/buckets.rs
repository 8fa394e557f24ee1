//! Buckets as a whole: who reaches them, new ones, versions, links to upload.

use super::*;

#[tokio::test]
async fn the_public_buckets_of_all_accounts_are_one_call_away() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let body = world
        .call(
            "get_bucket_posture",
            json!({ "accounts": ["all"], "only_public": true }),
        )
        .await;
    let mut public = Vec::new();
    for result in body["results"].as_array().unwrap() {
        let data = &result["data"];
        assert_eq!((&data["checked"], &data["unknown"]), (&json!(3), &json!(0)), "{result}");
        public.extend(texts(data["buckets"].as_array().unwrap(), "name"));
    }
    public.sort();
    assert_eq!(
        public,
        ["acme-prod-website-222222222222", "acme-staging-assets-333333333333"]
    );
}

#[tokio::test]
async fn a_bucket_that_nobody_may_look_at_is_told_and_not_taken_for_private() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let deny = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "s3:GetBucket*", "Resource": "arn:aws:s3:::acme-prod-config-222222222222",
    }]});
    let put = world
        .accounts()
        .put_role_policy("222222222222", "aws-ops-target", "blind", &deny)
        .await;
    put.unwrap();
    let ask = json!({ "account": "production", "only_public": true });
    let data = world.ok("get_bucket_posture", ask).await;
    assert_eq!(
        (&data["checked"], &data["public"], &data["unknown"]),
        (&json!(3), &json!(1), &json!(1)),
        "{data}"
    );
    let config = &data["buckets"][0];
    assert_eq!(config["name"], json!("acme-prod-config-222222222222"));
    assert!(config.get("public").is_none(), "{config}");
    assert!(
        config["denied"].as_array().unwrap().contains(&json!("s3:GetBucketAcl")),
        "{config}"
    );
    assert!(
        config["reasons"][0]
            .as_str()
            .unwrap()
            .contains("Don't take it for private"),
        "{config}"
    );
}

#[tokio::test]
async fn a_bucket_that_could_not_be_finished_says_what_it_lacks() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let deny = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "s3:PutEncryptionConfiguration", "Resource": "*",
    }]});
    let put = world
        .accounts()
        .put_role_policy("444444444444", "aws-ops-target", "no-keys", &deny)
        .await;
    put.unwrap();
    let new = json!({ "account": "development", "bucket": unique("acme-half"), "versioning": true });
    let error = world.fails("access_denied", "create_bucket", new.clone()).await;
    let message = text(&error, "message");
    for said in ["was created", "all of public access blocked", "lacks: the encryption"] {
        assert!(message.contains(said), "{message}");
    }
    let at = json!({ "account": "development", "bucket": new["bucket"] });
    let data = world.ok("get_bucket_posture", at).await;
    assert_eq!(
        (&data["buckets"][0]["public"], &data["buckets"][0]["versioning"]),
        (&json!(false), &json!("off"))
    );
    let error = world.fails("conflict", "create_bucket", new).await;
    assert_eq!(error["aws_code"], json!("BucketAlreadyOwnedByYou"));
}

#[tokio::test]
async fn what_was_deleted_is_found_and_copied_back() {
    let world = World::new().await;
    let bucket = "acme-dev-uploads-444444444444";
    let at = json!({ "account": "development", "bucket": bucket, "prefix": "reports/2026-09" });
    let versions = world.ok("list_object_versions", at).await;
    assert_eq!(
        (&versions["deleted_keys"], &versions["total_size"]),
        (&json!(1), &json!("15 bytes"))
    );
    let old = &versions["versions"][1];
    let back = json!({
        "account": "development", "source_bucket": bucket, "source_key": old["key"],
        "source_version_id": old["version_id"], "bucket": bucket, "key": old["key"],
    });
    world.ok("copy_object", back).await;
    let read = json!({ "account": "development", "bucket": bucket, "key": old["key"] });
    assert_eq!(world.ok("get_object", read).await["body"], json!("id,amount\n9,90\n"));
    let mut foreign = object("development", "stolen");
    foreign["source_bucket"] = json!("acme-prod-config-222222222222");
    foreign["source_key"] = json!("flags.json");
    world.fails("access_denied", "copy_object", foreign).await;
}

#[tokio::test]
async fn an_upload_link_takes_one_object_with_its_headers_and_no_other() {
    let world = World::new().await;
    let at = object("development", &unique("upload"));
    let link = world
        .ok("presign_put_object", with(&at, "content_type", "text/plain"))
        .await;
    let url = text(&link, "presigned_url").to_owned();
    let headers: Vec<(String, String)> = link["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(upload(&url, &headers, "uploaded").await, 200);
    assert_eq!(world.ok("get_object", at.clone()).await["body"], json!("uploaded"));
    assert_eq!(upload(&url, &[], "x").await, 403, "the headers are signed");
    let other = url.replace(text(&at, "key"), "flags.json");
    assert_eq!(upload(&other, &headers, "x").await, 403, "the key is signed");
    world.ok("delete_object", at).await;
}
