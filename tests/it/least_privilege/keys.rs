//! What the keys that a call was given can't do, in whosever hands.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_types::{SdkConfig, region::Region};
use serde_json::json;

use super::{BUCKET, here, zone_id};
use crate::support::{recorder::Recorder, text, unique, world::World};

/// The SDK with the keys of a session that the server was given, as whoever stole them would use it.
fn stolen(recorder: &Recorder, keys: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .endpoint_url(&recorder.endpoint)
        .http_client(aws_ops_mcp::aws::http_client::https(None, false).unwrap())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build()
}

fn secrets(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}

fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// The emulator refuses, and because of the session's policy: the role itself may do it.
macro_rules! denied {
    ($request:expr) => {{
        let error = $request.send().await.unwrap_err().into_service_error();
        let said = error.message().unwrap_or_default().to_owned();
        assert!(said.contains("no session policy allows"), "{error:?}");
    }};
}

#[tokio::test]
async fn the_keys_of_a_read_can_t_write_and_can_t_reveal() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    world.ok("list_secrets", here(json!({}))).await;
    let client = secrets(&stolen(&recorder, recorder.keys()));
    client.list_secrets().send().await.unwrap();
    denied!(client.create_secret().name("stolen").secret_string("x"));
    denied!(
        client
            .update_secret()
            .secret_id("payments/db/primary")
            .secret_string("x")
    );
    denied!(client.delete_secret().secret_id("payments/db/primary"));
    denied!(client.get_secret_value().secret_id("payments/db/primary"));

    let value = here(json!({ "secret_id": "payments/db/primary" }));
    world.ok("get_secret_value", value).await;
    let client = secrets(&stolen(&recorder, recorder.keys()));
    client
        .get_secret_value()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap();
    denied!(client.list_secrets());
    denied!(
        client
            .update_secret()
            .secret_id("payments/db/primary")
            .secret_string("x")
    );

    world.ok("list_buckets", here(json!({}))).await;
    let config = stolen(&recorder, recorder.keys());
    s3(&config).list_objects_v2().bucket(BUCKET).send().await.unwrap();
    denied!(s3(&config).put_object().bucket(BUCKET).key("stolen"));
    denied!(s3(&config).delete_object().bucket(BUCKET).key("flags.json"));
    denied!(secrets(&config).list_secrets());
}

#[tokio::test]
async fn the_keys_of_a_write_work_on_nothing_else() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    let name = unique("secret");
    let create = here(json!({ "name": name, "secret_string": "x", "tags": { "team": "ops" } }));
    let arn = text(&world.ok("create_secret", create).await, "arn").to_owned();
    denied!(
        secrets(&stolen(&recorder, recorder.keys()))
            .create_secret()
            .name("other")
            .secret_string("x")
    );

    // A name, the whole ARN, and an ARN without its random end mean the same secret.
    for secret_id in [name.as_str(), arn.as_str(), &arn[..arn.len() - 7]] {
        let update = here(json!({ "secret_id": secret_id, "secret_string": "y" }));
        world.ok("update_secret", update).await;
        let client = secrets(&stolen(&recorder, recorder.keys()));
        client
            .update_secret()
            .secret_id(&name)
            .secret_string("z")
            .send()
            .await
            .unwrap();
        denied!(
            client
                .update_secret()
                .secret_id("payments/db/primary")
                .secret_string("x")
        );
        denied!(client.delete_secret().secret_id(&name));
        denied!(client.get_secret_value().secret_id(&name));
        denied!(client.list_secrets());
    }

    world
        .ok(
            "put_object",
            here(json!({ "bucket": BUCKET, "key": "mine*.txt", "body": "x" })),
        )
        .await;
    let client = s3(&stolen(&recorder, recorder.keys()));
    client
        .put_object()
        .bucket(BUCKET)
        .key("mine*.txt")
        .send()
        .await
        .unwrap();
    denied!(client.put_object().bucket(BUCKET).key("other"));
    denied!(client.delete_object().bucket(BUCKET).key("mine*.txt"));

    let zone = zone_id(&world).await;
    let record = json!({ "name": "lp.dev.acme.example", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"] });
    let changes = json!([{ "action": "UPSERT", "resource_record_set": record }]);
    let change = here(json!({ "hosted_zone_id": format!("/hostedzone/{zone}"), "changes": changes }));
    world.ok("change_resource_record_sets", change).await;
    let client = aws_sdk_route53::Client::new(&stolen(&recorder, recorder.keys()));
    client
        .list_resource_record_sets()
        .hosted_zone_id(&zone)
        .send()
        .await
        .unwrap();
    denied!(
        client
            .list_resource_record_sets()
            .hosted_zone_id("Z0000000000000000000")
    );
    denied!(client.list_hosted_zones());
}
