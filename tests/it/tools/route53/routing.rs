//! Failing over, health, and zones.

use super::*;

/// A name's records with the zone that they are in, by name alone; and what a change of them needs.
async fn by_name(world: &World, name: &str) -> (String, Vec<Value>) {
    let arguments = json!({ "account": "development", "name": name });
    let data = world.ok("list_resource_record_sets", arguments).await;
    let records = data["resource_record_sets"].as_array().unwrap().clone();
    assert_eq!(
        data["summary"],
        json!({ "count": records.len(), "by_type": { "A": records.len() } })
    );
    (text(&data, "hosted_zone_id").to_owned(), records)
}

#[tokio::test]
async fn traffic_is_moved_in_two_calls() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let (zone, mut records) = by_name(&world, "api.dev.acme.example").await;
    let weights = |records: &[Value]| records.iter().map(|r| r["weight"].clone()).collect::<Vec<_>>();
    assert_eq!(weights(&records), [json!(100), json!(0)]);
    (records[0]["weight"], records[1]["weight"]) = (json!(0), json!(100));
    let changes = records
        .iter()
        .map(|r| json!({ "action": "UPSERT", "resource_record_set": r }));
    let arguments = json!({ "account": "development", "hosted_zone_id": zone, "changes": changes.collect::<Vec<_>>() });
    let moved = world.ok("change_resource_record_sets", arguments).await;
    assert_eq!(moved["diff"][0]["before"]["weight"], json!(100));
    assert!(text(&moved["change"], "submitted_at").contains(" s ago)"), "{moved}");

    assert_eq!(by_name(&world, "API.dev.acme.example.").await.1, records);
    let query = json!({ "account": "development", "hosted_zone_id": zone, "record_name": "api.dev.acme.example", "record_type": "A" });
    let answer = world.ok("test_dns_answer", query).await;
    assert_eq!(answer["record_data"], json!(["203.0.113.32"]));
}

#[tokio::test]
async fn a_failover_pair_is_turned_round_in_three_calls() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let (zone, mut records) = by_name(&world, "checkout.dev.acme.example").await;
    let health = world
        .ok("list_health_checks", json!({ "account": "development" }))
        .await;
    let checks = health["health_checks"].as_array().unwrap();
    let up = |id: &Value| checks.iter().any(|c| c["id"] == *id && c["status"] == "healthy");
    assert!(records.iter().all(|r| up(&r["health_check_id"])), "{health}");
    for record in &mut records {
        let other = if text(record, "failover") == "PRIMARY" {
            "SECONDARY"
        } else {
            "PRIMARY"
        };
        record["failover"] = json!(other);
    }
    let changes = records
        .iter()
        .map(|r| json!({ "action": "UPSERT", "resource_record_set": r }));
    let arguments = json!({ "account": "development", "hosted_zone_id": zone, "changes": changes.collect::<Vec<_>>() });
    world.ok("change_resource_record_sets", arguments).await;
    let query = json!({ "account": "development", "hosted_zone_id": zone, "record_name": "checkout.dev.acme.example", "record_type": "A" });
    let answer = world.ok("test_dns_answer", query).await;
    assert_eq!(answer["record_data"], json!(["203.0.113.42"]));

    // One of them alone would leave two of a kind.
    records[0]["failover"] = records[1]["failover"].clone();
    records[0]["health_check_id"] = records[1]["health_check_id"].clone();
    let alone = json!([{ "action": "UPSERT", "resource_record_set": records[0] }]);
    let arguments = json!({ "account": "development", "hosted_zone_id": zone, "changes": alone });
    let error = world
        .fails("invalid_input", "change_resource_record_sets", arguments)
        .await;
    assert!(
        text(&error, "message").contains("already: one PRIMARY and one SECONDARY"),
        "{error}"
    );
}

#[tokio::test]
async fn health_checks_come_with_their_status_the_unhealthy_first() {
    let Some(world) = World::sandbox(&[]).await else { return };
    for (account, ..) in ACCOUNTS {
        let data = world.ok("list_health_checks", json!({ "account": account })).await;
        assert_eq!(data["summary"], json!({ "healthy": 3, "unhealthy": 1, "unknown": 0 }));
        let checks = data["health_checks"].as_array().unwrap();
        let down = &checks[0];
        assert!(text(down, "name").starts_with("https://legacy."), "{down}");
        assert_eq!(
            (text(down, "status"), text(down, "because")),
            ("unhealthy", "1 of 16 checkers reach it")
        );
        assert!(
            text(down, "last_failure").starts_with("Failure: Connection timed out"),
            "{down}"
        );
        assert!(text(down, "checked").ends_with(" ago)"), "{down}");
        let sum = checks.iter().find(|c| text(c, "type") == "CALCULATED").unwrap();
        assert_eq!(text(sum, "because"), "2 of 2 checks below it are healthy, 1 needed");
    }
    // What a check is calculated of may be on another page; it is not guessed then.
    let one = json!({ "account": "staging", "max_results": 1 });
    let pages = world
        .pages("list_health_checks", one, 1, "health_checks")
        .await
        .concat();
    assert_eq!(pages.iter().filter(|c| text(c, "status") == "unknown").count(), 1);
}

#[tokio::test]
async fn dns_is_answered_as_the_zone_says() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let zone = zone_of(&world, "production", "acme.example.").await;
    for (name, kind, code, data) in [
        ("www.acme.example", "A", "NOERROR", json!(["203.0.113.10"])),
        ("x.apps.acme.example", "A", "NOERROR", json!(["ingress.acme.example."])),
        ("mx1.acme.example", "aaaa", "NOERROR", json!([])),
        ("nowhere.acme.example", "A", "NXDOMAIN", json!([])),
    ] {
        let query =
            json!({ "account": "production", "hosted_zone_id": zone, "record_name": name, "record_type": kind });
        let answer = world.ok("test_dns_answer", query).await;
        assert_eq!(
            (text(&answer, "response_code"), &answer["record_data"]),
            (code, &data),
            "{answer}"
        );
    }
    let query = json!({ "account": "production", "hosted_zone_id": zone, "record_name": "acme.example", "record_type": "A", "edns0_client_subnet_ip": "192.0.2.1" });
    let error = world.fails("invalid_input", "test_dns_answer", query).await;
    assert!(text(&error, "message").contains("resolver_ip"), "{error}");
}

#[tokio::test]
async fn a_zone_is_made_filled_and_deleted() {
    let world = World::new().await;
    let name = format!("{}.example", unique("zone"));
    let create = json!({ "account": "development", "name": name, "caller_reference": name });
    let made = world.ok("create_hosted_zone", create.clone()).await;
    assert!(!made["name_servers"].as_array().unwrap().is_empty(), "{made}");
    assert_eq!(made["private_zone"], json!(false));
    let id = text(&made, "id").to_owned();
    // The same reference makes no second zone.
    let again = world.call("create_hosted_zone", create).await;
    assert!(
        again["success"] == json!(false) || again["data"]["id"] == made["id"],
        "{again}"
    );
    let change = |action: &str| {
        let record = json!({ "action": action, "resource_record_set": a(&format!("www.{name}"), "192.0.2.1") });
        json!({ "account": "development", "hosted_zone_id": id, "changes": [record] })
    };
    world.ok("change_resource_record_sets", change("CREATE")).await;
    let delete = json!({ "account": "development", "hosted_zone_id": id });
    let error = world.fails("invalid_input", "delete_hosted_zone", delete.clone()).await;
    let said = text(&error, "message");
    assert!(said.contains("holds 1 records") && said.contains("1 A"), "{said}");
    world.ok("change_resource_record_sets", change("DELETE")).await;
    let gone = world.ok("delete_hosted_zone", delete.clone()).await;
    assert_eq!(text(&gone, "name"), format!("{name}."));
    world.fails("not_found", "delete_hosted_zone", delete).await;
}

#[tokio::test]
async fn a_private_zone_is_for_a_vpc() {
    let world = World::new().await;
    let create =
        json!({ "account": "development", "name": "svc.internal", "vpc_id": "vpc-0dev1", "comment": "Services" });
    let made = world.ok("create_hosted_zone", create).await;
    assert_eq!(made["private_zone"], json!(true));
    assert!(made.get("name_servers").is_none(), "{made}");
    let wrong = json!({ "account": "development", "name": "svc.internal", "vpc_id": "dev1" });
    let error = world.fails("invalid_input", "create_hosted_zone", wrong).await;
    assert!(text(&error, "message").contains("vpc-0123456789abcdef0"), "{error}");
}

#[tokio::test]
async fn a_name_that_no_zone_holds_is_said_so() {
    let world = World::new().await;
    let arguments = json!({ "account": "development", "name": "api.elsewhere.example" });
    let error = world.fails("not_found", "list_resource_record_sets", arguments).await;
    assert!(
        text(&error, "message").contains("no zone of this account holds"),
        "{error}"
    );
    let both = json!({ "account": "development", "name": "x.example", "start_record_name": "a" });
    world.fails("invalid_input", "list_resource_record_sets", both).await;
}
