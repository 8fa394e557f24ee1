//! Deleting secrets: what can be brought back, what can't, and where it is denied.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::{DateTime, date_time::Format};
use serde_json::json;

use super::secrets::{PRIMARY, created, forget, here, value_of};
use crate::support::{text, world::World};

#[tokio::test]
async fn a_deleted_secret_says_that_it_is_and_is_listed_only_on_request() {
    let world = World::new().await;
    let name = created(&world, "value").await;
    let deleted = world.ok("delete_secret", here(json!({ "secret_id": name }))).await;
    assert_eq!(text(&deleted, "name"), name);
    let error = world
        .fails("aws", "get_secret_value", here(json!({ "secret_id": name })))
        .await;
    assert_eq!(error["aws_code"], json!("InvalidRequestException"));
    assert!(text(&error, "message").contains("marked for deletion"), "{error}");
    for planned in [false, true] {
        let filters = json!([{ "key": "name", "values": [name] }]);
        let arguments = json!({ "filters": filters, "include_planned_deletion": planned });
        let listed = world.ok("list_secrets", here(arguments)).await;
        let secrets = listed["secrets"].as_array().unwrap();
        assert_eq!(secrets.len(), usize::from(planned), "{listed}");
        assert!(secrets.iter().all(|s| s.get("deleted_date").is_some()), "{listed}");
    }
    forget(&world, &name).await;
}

#[tokio::test]
async fn the_recovery_window_is_30_days_unless_another_is_asked_for() {
    let world = World::new().await;
    for (window, days) in [(None, 30), (Some(7), 7), (Some(30), 30)] {
        let name = created(&world, "value").await;
        let mut arguments = here(json!({ "secret_id": name }));
        if let Some(window) = window {
            arguments["recovery_window_in_days"] = json!(window);
        }
        let deleted = world.ok("delete_secret", arguments).await;
        let (date, left) = text(&deleted, "deletion_date").split_once(' ').unwrap();
        assert!(left.starts_with("(in "), "{deleted}");
        let date = DateTime::from_str(date, Format::DateTime).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let expected = (now + Duration::from_secs(days * 86_400)).as_secs();
        assert!(
            u64::try_from(date.secs()).unwrap().abs_diff(expected) < 3600,
            "{deleted}"
        );
        forget(&world, &name).await;
    }
}

#[tokio::test]
async fn a_recovery_window_out_of_bounds_deletes_nothing() {
    let world = World::new().await;
    let name = created(&world, "value").await;
    for (arguments, expected) in [
        (json!({ "recovery_window_in_days": 6 }), "7 to 30"),
        (json!({ "recovery_window_in_days": 31 }), "7 to 30"),
        (json!({ "recovery_window_in_days": -7 }), "7 to 30"),
        (
            json!({ "recovery_window_in_days": 7, "force_delete_without_recovery": true }),
            "exclude",
        ),
    ] {
        let mut arguments = here(arguments);
        arguments["secret_id"] = json!(name);
        let error = world.fails("invalid_input", "delete_secret", arguments).await;
        assert!(text(&error, "message").contains(expected), "{error}");
    }
    assert_eq!(text(&value_of(&world, &name).await, "secret_string"), "value");
    forget(&world, &name).await;
}

#[tokio::test]
async fn force_deletes_at_once() {
    let world = World::new().await;
    let name = created(&world, "value").await;
    forget(&world, &name).await;
    world
        .fails("not_found", "get_secret_value", here(json!({ "secret_id": name })))
        .await;
    let arguments = json!({ "filters": [{ "key": "name", "values": [name] }], "include_planned_deletion": true });
    let listed = world.ok("list_secrets", here(arguments)).await;
    assert_eq!(listed["secrets"], json!([]));
}

#[tokio::test]
async fn production_keeps_its_secrets_and_says_what_denies() {
    let world = World::new().await;
    let delete = json!({ "account": "production", "secret_id": PRIMARY });
    let body = world.call("delete_secret", delete).await;
    assert_eq!(body["error"]["code"], json!("access_denied"), "{body}");
    assert_eq!(body["receipt"]["account_id"], json!("222222222222"));
    let hint = text(&body["error"], "hint");
    assert!(
        hint.contains("secretsmanager:DeleteSecret")
            && hint.contains("explicitly denied")
            && hint.contains("222222222222"),
        "{hint}"
    );
    world
        .ok(
            "get_secret_value",
            json!({ "account": "production", "secret_id": PRIMARY }),
        )
        .await;
}
