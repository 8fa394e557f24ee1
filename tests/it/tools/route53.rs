//! Route 53.

use serde_json::{Value, json};

use crate::support::{
    text, texts, unique,
    world::{ACCOUNTS, World},
};

const DEVELOPMENT: &str = "dev.acme.example.";

/// The id of an account's zone.
async fn zone_of(world: &World, account: &str, name: &str) -> String {
    let data = world.ok("list_hosted_zones", json!({ "account": account })).await;
    let zones = data["hosted_zones"].as_array().unwrap();
    let zone = zones.iter().find(|z| text(z, "name") == name).unwrap();
    text(zone, "id").to_owned()
}

fn a(name: &str, address: &str) -> Value {
    json!({ "name": name, "type": "A", "ttl": 60, "resource_records": [address] })
}

/// The zone in development that tests may change.
struct Zone<'a> {
    world: &'a World,
    id: String,
}

impl<'a> Zone<'a> {
    async fn new(world: &'a World) -> Self {
        let id = zone_of(world, "development", DEVELOPMENT).await;
        Self { world, id }
    }

    fn changes(&self, changes: Value) -> Value {
        json!({ "account": "development", "hosted_zone_id": self.id, "changes": changes })
    }

    async fn change(&self, action: &str, record: Value) -> Value {
        let changes = self.changes(json!([{ "action": action, "resource_record_set": record }]));
        self.world.ok("change_resource_record_sets", changes).await
    }

    /// The records of this name.
    async fn records(&self, name: &str) -> Vec<Value> {
        let arguments = json!({ "account": "development", "hosted_zone_id": self.id, "start_record_name": name });
        let data = self.world.ok("list_resource_record_sets", arguments).await;
        let records = data["resource_record_sets"].as_array().unwrap().iter();
        records.filter(|r| text(r, "name") == name).cloned().collect()
    }
}

/// A name in development's zone that nobody else uses.
fn fresh() -> String {
    format!("{}.{DEVELOPMENT}", unique("record"))
}

#[tokio::test]
async fn each_account_has_its_own_zones() {
    let world = World::new().await;
    for (account, _, _, zone) in ACCOUNTS {
        let data = world.ok("list_hosted_zones", json!({ "account": account })).await;
        let zones = data["hosted_zones"].as_array().unwrap();
        assert!(texts(zones, "name").contains(&zone.to_owned()), "{data}");
        for other in ACCOUNTS.iter().filter(|other| other.0 != account) {
            assert!(!texts(zones, "name").contains(&other.3.to_owned()), "{data}");
        }
        assert!(zones.iter().all(|z| !text(z, "id").contains('/')), "{data}");
    }
    let data = world.ok("list_hosted_zones", json!({ "account": "production" })).await;
    for zone in data["hosted_zones"].as_array().unwrap() {
        let private = text(zone, "name").ends_with("acme.internal.");
        assert_eq!(zone["private_zone"], json!(private), "{zone}");
        assert!(
            zone["resource_record_set_count"].as_i64().is_some_and(|n| n >= 3),
            "{zone}"
        );
    }
}

#[tokio::test]
async fn the_pages_of_the_zones_are_all_zones() {
    let world = World::new().await;
    let arguments = json!({ "account": "production" });
    let whole = world.ok("list_hosted_zones", arguments.clone()).await;
    let pages = world.pages("list_hosted_zones", arguments, 1, "hosted_zones").await;
    assert!(pages.len() >= 2);
    assert_eq!(json!(pages.concat()), whole["hosted_zones"]);
}

#[tokio::test]
async fn records_are_read_with_their_routing() {
    let world = World::new().await;
    let id = zone_of(&world, "production", "acme.example.").await;
    let data = world
        .ok(
            "list_resource_record_sets",
            json!({ "account": "production", "hosted_zone_id": id }),
        )
        .await;
    let records = data["resource_record_sets"].as_array().unwrap();
    let of = |name: &str, kind: &str| -> Vec<&Value> {
        let same = |r: &&Value| text(r, "name") == name && text(r, "type") == kind;
        records.iter().filter(same).collect()
    };
    let weights: Vec<_> = of("api.acme.example.", "A")
        .iter()
        .map(|r| (r["set_identifier"].clone(), r["weight"].clone()))
        .collect();
    assert_eq!(weights, [(json!("blue"), json!(90)), (json!("green"), json!(10))]);
    let www = of("www.acme.example.", "A");
    assert_eq!(www[0]["alias_target"]["hosted_zone_id"], json!(id));
    assert!(www[0].get("ttl").is_none(), "{:?}", www[0]);
    let mx = of("acme.example.", "MX");
    assert_eq!(
        mx[0]["resource_records"],
        json!(["10 mx1.acme.example.", "20 mx2.acme.example."])
    );
    // Route 53 and the sandbox write the star as an octal escape; ministack keeps it.
    let star = ["\\052", "*"].map(|star| of(&format!("{star}.apps.acme.example."), "CNAME").len());
    assert_eq!(star.iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn the_pages_of_a_zone_are_all_its_records() {
    let world = World::new().await;
    let id = zone_of(&world, "staging", "tenants.staging.acme.example.").await;
    for id in [id.clone(), format!("/hostedzone/{id}")] {
        let arguments = json!({ "account": "staging", "hosted_zone_id": id });
        let whole = world.ok("list_resource_record_sets", arguments.clone()).await;
        let whole = whole["resource_record_sets"].as_array().unwrap().clone();
        assert!(whole.len() >= 320, "{}", whole.len());
        for size in [100, 301] {
            let pages = world
                .pages(
                    "list_resource_record_sets",
                    arguments.clone(),
                    size,
                    "resource_record_sets",
                )
                .await;
            assert!(pages.len() >= 2 && pages.iter().all(|page| page.len() <= size as usize));
            assert_eq!(pages.concat(), whole, "{size} at a time");
        }
    }
}

#[tokio::test]
async fn a_page_may_end_between_records_of_one_name() {
    let world = World::new().await;
    let id = zone_of(&world, "production", "acme.example.").await;
    let arguments = json!({ "account": "production", "hosted_zone_id": id });
    let whole = world.ok("list_resource_record_sets", arguments.clone()).await;
    let pages = world
        .pages("list_resource_record_sets", arguments, 1, "resource_record_sets")
        .await;
    assert_eq!(json!(pages.concat()), whole["resource_record_sets"]);
}

#[tokio::test]
async fn a_list_begins_where_it_is_told_to() {
    let world = World::new().await;
    let id = zone_of(&world, "production", "acme.example.").await;
    let list = |more: Value| {
        let mut arguments = json!({ "account": "production", "hosted_zone_id": id });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    let from = list(json!({ "start_record_name": "acme.example.", "start_record_type": "MX", "max_results": 1 }));
    let data = world.ok("list_resource_record_sets", from).await;
    assert_eq!(text(&data["resource_record_sets"][0], "type"), "MX");
    let half = list(json!({ "start_record_type": "MX" }));
    let error = world.fails("invalid_input", "list_resource_record_sets", half).await;
    assert!(text(&error, "message").contains("start_record_name"), "{error}");
    let foreign = list(json!({ "next_token": "made up" }));
    world.fails("invalid_input", "list_resource_record_sets", foreign).await;
}

#[tokio::test]
async fn changes_show_before_and_after() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let name = fresh();
    let (first, second) = (a(&name, "192.0.2.1"), a(&name, "192.0.2.2"));

    let created = zone.change("CREATE", first.clone()).await;
    assert_eq!(created["diff"], json!([{ "action": "CREATE", "after": first }]));
    assert_eq!(zone.records(&name).await, std::slice::from_ref(&first));

    let upserted = zone.change("UPSERT", second.clone()).await;
    assert_eq!(
        upserted["diff"],
        json!([{ "action": "UPSERT", "before": first, "after": second }])
    );
    assert_eq!(zone.records(&name).await, std::slice::from_ref(&second));

    let deleted = zone.change("DELETE", second.clone()).await;
    assert_eq!(deleted["diff"], json!([{ "action": "DELETE", "before": second }]));
    assert!(zone.records(&name).await.is_empty());
}

#[tokio::test]
async fn names_compare_as_route_53_compares_them() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let name = fresh();
    zone.change("CREATE", a(&name, "192.0.2.1")).await;
    let spelled = name.trim_end_matches('.').to_ascii_uppercase();
    let upserted = zone.change("UPSERT", a(&spelled, "192.0.2.2")).await;
    assert_eq!(upserted["diff"][0]["before"]["resource_records"], json!(["192.0.2.1"]));
    let records = zone.records(&name).await;
    assert_eq!(records.len(), 1);
    zone.change("DELETE", records[0].clone()).await;
}

#[tokio::test]
async fn one_of_several_records_of_a_name_changes_alone() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let name = fresh();
    let weighted = |set: &str, weight: u8, address: &str| {
        let mut record = a(&name, address);
        (record["set_identifier"], record["weight"]) = (json!(set), json!(weight));
        record
    };
    let (blue, green) = (weighted("blue", 90, "192.0.2.1"), weighted("green", 10, "192.0.2.2"));
    zone.change("CREATE", blue.clone()).await;
    zone.change("CREATE", green.clone()).await;
    let heavier = weighted("green", 20, "192.0.2.2");
    let changed = zone.change("UPSERT", heavier.clone()).await;
    assert_eq!(changed["diff"][0]["before"], green);
    assert_eq!(zone.records(&name).await, [blue.clone(), heavier.clone()]);
    zone.change("DELETE", blue).await;
    zone.change("DELETE", heavier).await;
}

#[tokio::test]
async fn a_change_can_be_followed_by_its_id() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let record = a(&fresh(), "192.0.2.1");
    let mut changes = zone.changes(json!([{ "action": "CREATE", "resource_record_set": record }]));
    changes["comment"] = json!("by a test");
    let made = world.ok("change_resource_record_sets", changes).await;
    let id = text(&made["change"], "id");
    for id in [id.to_owned(), format!("/change/{id}")] {
        let change = world
            .ok("get_change", json!({ "account": "development", "id": id }))
            .await;
        assert_eq!(change["id"], made["change"]["id"]);
        assert!(["PENDING", "INSYNC"].contains(&text(&change, "status")), "{change}");
    }
    zone.change("DELETE", record).await;
}

#[tokio::test]
async fn all_changes_are_made_or_none() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let (good, existing) = (a(&fresh(), "192.0.2.1"), a(&fresh(), "192.0.2.2"));
    zone.change("CREATE", existing.clone()).await;
    let batch = zone.changes(json!([
        { "action": "CREATE", "resource_record_set": good },
        { "action": "CREATE", "resource_record_set": existing },
    ]));
    let error = world.fails("aws", "change_resource_record_sets", batch).await;
    assert_eq!(error["aws_code"], json!("InvalidChangeBatch"));
    assert!(zone.records(text(&good, "name")).await.is_empty());
    zone.change("DELETE", existing).await;
}

#[tokio::test]
async fn only_the_current_value_can_be_deleted() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let record = a(&fresh(), "192.0.2.1");
    zone.change("CREATE", record.clone()).await;
    for wrong in [a(text(&record, "name"), "192.0.2.9"), a(&fresh(), "192.0.2.1")] {
        let batch = zone.changes(json!([{ "action": "DELETE", "resource_record_set": wrong }]));
        let error = world.fails("aws", "change_resource_record_sets", batch).await;
        assert_eq!(error["aws_code"], json!("InvalidChangeBatch"));
    }
    assert_eq!(zone.records(text(&record, "name")).await.len(), 1);
    zone.change("DELETE", record).await;
}

#[tokio::test]
async fn malformed_changes_are_refused_with_what_is_right() {
    let world = World::new().await;
    let zone = Zone::new(&world).await;
    let one = |record: Value| json!([{ "action": "UPSERT", "resource_record_set": record }]);
    let many: Vec<Value> = (0..101).map(|_| one(a("x", "192.0.2.1"))[0].clone()).collect();
    for (changes, expected) in [
        (json!([]), "1 to 100"),
        (json!(many), "1 to 100"),
        (
            one(json!({ "name": "x", "type": "A" })),
            "give resource_records and ttl",
        ),
        (
            one(json!({ "name": "x", "type": "A", "resource_records": ["192.0.2.1"] })),
            "ttl is missing",
        ),
        (
            one(json!({ "name": "x", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"], "weight": 1 })),
            "change 1 (UPSERT x A): weight needs a set_identifier",
        ),
        (
            one(json!({ "name": DEVELOPMENT, "type": "CNAME", "ttl": 60, "resource_records": ["x.example"] })),
            "alias_target",
        ),
        (
            one(json!({ "name": "x", "type": "A", "ttl": 60, "values": ["192.0.2.1"] })),
            "values",
        ),
    ] {
        let error = world
            .fails("invalid_input", "change_resource_record_sets", zone.changes(changes))
            .await;
        assert!(text(&error, "message").contains(expected), "{error}");
    }
}

#[tokio::test]
async fn foreign_and_malformed_ids_lead_nowhere() {
    let world = World::new().await;
    let production = zone_of(&world, "production", "acme.example.").await;
    for (code, id) in [
        ("not_found", "Z0NOSUCHZONE00000001"),
        ("invalid_input", ""),
        ("invalid_input", "../Z1"),
        ("invalid_input", "Z1/rrset?x"),
        ("invalid_input", "acme.example"),
    ] {
        let list = json!({ "account": "staging", "hosted_zone_id": id });
        let error = world.fails(code, "list_resource_record_sets", list).await;
        assert!(
            code != "invalid_input" || text(&error, "message").contains("list_hosted_zones"),
            "{error}"
        );
        let change = json!([{ "action": "UPSERT", "resource_record_set": a("x.example", "192.0.2.1") }]);
        let change = json!({ "account": "staging", "hosted_zone_id": id, "changes": change });
        world.fails(code, "change_resource_record_sets", change).await;
    }
    let foreign = json!({ "account": "staging", "hosted_zone_id": production });
    let body = world.call("list_resource_record_sets", foreign).await;
    assert_eq!(body["success"], json!(false), "{body}");
    world
        .fails(
            "not_found",
            "get_change",
            json!({ "account": "staging", "id": "C0NOSUCHCHANGE000001" }),
        )
        .await;
    world
        .fails(
            "invalid_input",
            "get_change",
            json!({ "account": "staging", "id": "C1/../x" }),
        )
        .await;
}

#[tokio::test]
async fn production_keeps_its_records() {
    let world = World::new().await;
    let id = zone_of(&world, "production", "acme.example.").await;
    let record = a("denied.acme.example.", "192.0.2.1");
    let change = json!([{ "action": "UPSERT", "resource_record_set": record }]);
    let change = json!({ "account": "production", "hosted_zone_id": id, "changes": change });
    let error = world
        .fails("access_denied", "change_resource_record_sets", change)
        .await;
    assert!(
        text(&error, "hint").contains("route53:ChangeResourceRecordSets"),
        "{error}"
    );
    let whole = world
        .ok(
            "list_resource_record_sets",
            json!({ "account": "production", "hosted_zone_id": id }),
        )
        .await;
    assert!(!whole.to_string().contains("denied.acme.example"));
}

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
    let Some(world) = World::sandbox(&[]).await else { return };
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
    let error = world
        .fails("invalid_input", "list_resource_record_sets", arguments)
        .await;
    assert!(
        text(&error, "message").contains("no zone of this account holds"),
        "{error}"
    );
    let both = json!({ "account": "development", "name": "x.example", "start_record_name": "a" });
    world.fails("invalid_input", "list_resource_record_sets", both).await;
}
