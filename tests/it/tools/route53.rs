//! Route 53.

mod routing;

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
