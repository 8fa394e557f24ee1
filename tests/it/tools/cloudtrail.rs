//! CloudTrail: what the server itself does is among the events, under the caller's name.

use serde_json::json;

use crate::support::{text, unique, world::World};

#[tokio::test]
async fn who_changed_what_is_one_call_and_our_own_changes_are_in_it() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let name = unique("trail");
    let new = json!({ "account": "staging", "name": name, "secret_string": "not-to-be-told" });
    world.ok("create_secret", new).await;
    let arguments = json!({ "account": "staging", "resource_name": name, "details": true });
    let found = world.ok("lookup_events", arguments).await;
    assert_eq!(found["count"], 1, "{found}");
    let event = &found["events"][0];
    assert_eq!(
        (text(event, "event"), text(event, "service")),
        ("CreateSecret", "secretsmanager")
    );
    assert_eq!(
        (text(event, "who"), text(event, "role")),
        ("aws-ops-alice", "aws-ops-target")
    );
    assert!(!found.to_string().contains("not-to-be-told"), "{found}");

    let read = json!({ "account": "staging", "event_source": "secretsmanager", "changes_only": false });
    world.ok("list_secrets", json!({ "account": "staging" })).await;
    let found = world.ok("lookup_events", read).await;
    assert_eq!(found["by_event"]["CreateSecret"], 1, "{found}");
    assert!(found["by_event"]["ListSecrets"].as_u64() >= Some(1), "{found}");
}

#[tokio::test]
async fn a_refusal_is_an_event_and_objects_are_none() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let delete = json!({ "account": "production", "secret_id": "payments/db/primary" });
    world.fails("access_denied", "delete_secret", delete).await;
    let at = json!({ "account": "production", "bucket": "acme-prod-config-222222222222", "key": "flags.json" });
    world.ok("get_object", at).await;
    let arguments = json!({ "account": "production", "event_name": "DeleteSecret" });
    let found = world.ok("lookup_events", arguments).await;
    assert_eq!((&found["count"], &found["failed"]), (&json!(1), &json!(1)), "{found}");
    let reads = json!({ "account": "production", "event_source": "s3.amazonaws.com", "changes_only": false });
    assert_eq!(world.ok("lookup_events", reads).await["count"], 0);
}

#[tokio::test]
async fn over_accounts_the_events_are_one_list_by_time() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let body = world
        .call("lookup_events", json!({ "accounts": ["all"], "since": "30m" }))
        .await;
    let events: Vec<(&str, &str)> = body["events"]
        .as_array()
        .unwrap_or_else(|| panic!("{body}"))
        .iter()
        .map(|event| (text(event, "account"), text(event, "event")))
        .collect();
    let expected = [
        ("development", "CreateFunction20150331"),
        ("production", "AuthorizeSecurityGroupIngress"),
        ("staging", "UpdateFunctionCode20150331v2"),
    ];
    assert_eq!(events, expected);
}
