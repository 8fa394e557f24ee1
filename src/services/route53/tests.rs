use serde_json::{Value, json};

use crate::{
    ops::{ErrorCode, Ops},
    testing::{data, input, ops},
};

async fn zone(ops: &Ops, name: &str) -> String {
    let zones = data(ops.list_hosted_zones(input(json!({}))).await).unwrap();
    let found = zones["hosted_zones"]
        .as_array()
        .unwrap()
        .iter()
        .find(|z| z["name"] == name)
        .cloned();
    found.unwrap_or_else(|| panic!("{name} is not in {zones}"))["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn change(zone: &str, action: &str, ip: &str) -> Value {
    let record = json!({"name": "new.dev.acme.example", "type": "A", "ttl": 60, "resource_records": [ip]});
    json!({"hosted_zone_id": zone, "changes": [{"action": action, "resource_record_set": record}]})
}

#[tokio::test]
async fn a_change_shows_before_and_after() {
    let ops = ops("development").await;
    let zone = zone(&ops, "dev.acme.example.").await;
    let run = |change| ops.change_resource_record_sets(input(change));
    let made = data(run(change(&zone, "CREATE", "192.0.2.1")).await).unwrap();
    assert!(
        made["diff"][0].get("before").is_none() && made["diff"][0]["after"]["ttl"] == 60,
        "{made}"
    );
    let moved = data(run(change(&zone, "UPSERT", "192.0.2.2")).await).unwrap();
    assert_eq!(moved["diff"][0]["before"]["resource_records"], json!(["192.0.2.1"]));
    assert_eq!(moved["diff"][0]["after"]["resource_records"], json!(["192.0.2.2"]));
    let status = data(ops.get_change(input(json!({"id": moved["change"]["id"]}))).await).unwrap();
    assert!(["PENDING", "INSYNC"].contains(&status["status"].as_str().unwrap()));
    let gone = data(run(change(&zone, "DELETE", "192.0.2.2")).await).unwrap();
    assert!(
        gone["diff"][0].get("after").is_none() && gone["diff"][0]["before"].is_object(),
        "{gone}"
    );
    let again = data(run(change(&zone, "DELETE", "192.0.2.2")).await).unwrap_err();
    assert!(again.to_string().contains("InvalidChangeBatch"), "{again}");
}

#[tokio::test]
async fn records_come_on_all_pages_and_from_a_name_on() {
    let ops = ops("staging").await;
    let zone = zone(&ops, "staging.acme.example.").await;
    let list = |json| ops.list_resource_record_sets(input(json));
    let all = data(list(json!({"hosted_zone_id": zone})).await).unwrap();
    let records = |list: &Value| list["resource_record_sets"].as_array().unwrap().clone();
    let first = data(list(json!({"hosted_zone_id": zone, "max_results": 3})).await).unwrap();
    assert_eq!(records(&first).len(), 3);
    let rest = data(list(json!({"hosted_zone_id": zone, "next_token": first["next_token"]})).await).unwrap();
    assert_eq!([records(&first), records(&rest)].concat(), records(&all));
    let from = json!({"hosted_zone_id": zone, "start_record_name": "www.staging.acme.example"});
    assert_eq!(
        records(&data(list(from).await).unwrap())[0]["name"],
        "www.staging.acme.example."
    );
}

#[tokio::test]
async fn ids_that_are_none_never_reach_a_path() {
    let ops = ops("staging").await;
    for id in ["", "Z/../../2013-04-01/hostedzone", "Z 1", "Z1?x=y", "Ｚ1"] {
        let error = data(
            ops.list_resource_record_sets(input(json!({"hosted_zone_id": id})))
                .await,
        )
        .unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput, "{id}");
    }
    let missing = data(ops.get_change(input(json!({"id": "C0123456789"}))).await).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
}
