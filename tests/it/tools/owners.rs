//! S3's buckets share one name space: whose bucket a call reaches must be the target's.

use serde_json::json;

use super::s3::{config_of, object, with};
use crate::support::{text, world::World};

#[tokio::test]
async fn another_accounts_bucket_is_refused_everywhere() {
    let world = World::new().await;
    let mut foreign = config_of("production");
    foreign["account"] = json!("staging");
    world.fails("access_denied", "list_objects", foreign.clone()).await;
    let at = with(&foreign, "key", "flags.json");
    for tool in ["get_object", "head_object", "delete_object"] {
        world.fails("access_denied", tool, at.clone()).await;
    }
    world
        .fails("access_denied", "put_object", with(&at, "body", "taken over"))
        .await;
    let own = world.ok("get_object", object("production", "flags.json")).await;
    assert!(text(&own, "body").contains("production"), "{own}");
}

#[tokio::test]
async fn a_bucket_that_invites_us_is_still_refused_when_its_owner_is_another() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let sandbox = world.accounts();
    let bucket = "acme-prod-config-222222222222";
    let role = "arn:aws:iam::333333333333:role/aws-ops-target";
    let everything = [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")];
    let invitation = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": role }, "Action": "s3:*", "Resource": everything }] });
    let allow = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }] });
    sandbox
        .put_role_policy("333333333333", "aws-ops-target", "wide", &allow)
        .await
        .unwrap();
    let owner = s3(&world, sandbox.admin_credentials("222222222222"));
    owner
        .put_bucket_policy()
        .bucket(bucket)
        .policy(invitation.to_string())
        .send()
        .await
        .unwrap();

    // The same role gets in with its bare SDK, so that it is the expected owner which refuses below.
    let sts = aws_sdk_sts::Client::new(&config(&world, sandbox.base_credentials()));
    let session = sts
        .assume_role()
        .role_arn(role)
        .role_session_name("bare")
        .send()
        .await
        .unwrap();
    let keys = session.credentials.unwrap();
    let keys = aws_credential_types::Credentials::new(
        keys.access_key_id,
        keys.secret_access_key,
        Some(keys.session_token),
        None,
        "test",
    );
    s3(&world, keys)
        .get_object()
        .bucket(bucket)
        .key("flags.json")
        .send()
        .await
        .unwrap();

    let at = json!({ "account": "staging", "bucket": bucket });
    world.fails("access_denied", "list_objects", at.clone()).await;
    for tool in ["get_object", "head_object", "delete_object"] {
        world.fails("access_denied", tool, with(&at, "key", "flags.json")).await;
    }
    let put = with(&with(&at, "key", "flags.json"), "body", "squatted");
    world.fails("access_denied", "put_object", put).await;
}

fn config(world: &World, keys: aws_credential_types::Credentials) -> aws_types::SdkConfig {
    aws_types::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .http_client(world.accounts().http_client())
        .endpoint_url("http://127.0.0.1:1")
        .region(aws_types::region::Region::from_static("us-east-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(keys))
        .build()
}

fn s3(world: &World, keys: aws_credential_types::Credentials) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&config(world, keys));
    aws_sdk_s3::Client::from_conf(config.force_path_style(true).build())
}
