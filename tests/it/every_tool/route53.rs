//! Route 53.

use serde_json::{Value, json};

use crate::support::{calls::Calls, text, unique};

use super::{Step, Things, here};

const NO_ZONE: &str = "Z0NOSUCHZONE00000001";
const MADE: [&str; 2] = ["zone made", "zone private"];

pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    let zones = world.ok("list_hosted_zones", here(json!({}))).await;
    let mut listed = zones["hosted_zones"].as_array().into_iter().flatten();
    let zone = listed.find(|zone| text(zone, "name") == "dev.acme.example.").unwrap();
    things.set("zone", text(zone, "id"));
    let changed = world.ok("change_resource_record_sets", here(upsert(things))).await;
    things.set("change", text(&changed["change"], "id"));
    let name = format!("{}.example", unique("doomed"));
    let zone = world.ok("create_hosted_zone", here(json!({ "name": name }))).await;
    things.set("zone doomed", text(&zone, "id"));
    for name in MADE {
        things.set(name, format!("{}.example", unique("made")));
    }
}

pub(crate) async fn forget(world: &impl Calls, things: &Things) {
    let zones = world.call("list_hosted_zones", here(json!({}))).await;
    let made = MADE.map(|name| format!("{}.", things.get(name)));
    let listed = zones["data"]["hosted_zones"].as_array().into_iter().flatten();
    let mine = listed.filter(|zone| made.contains(&text(zone, "name").to_owned()));
    for id in mine.map(|zone| text(zone, "id")).chain([things.get("zone doomed")]) {
        world
            .call("delete_hosted_zone", here(json!({ "hosted_zone_id": id })))
            .await;
    }
}

fn upsert(things: &Things) -> Value {
    let record =
        json!({ "name": "it-proof.dev.acme.example.", "type": "TXT", "ttl": 60, "resource_records": ["\"proof\""] });
    let changes = json!([{ "action": "UPSERT", "resource_record_set": record }]);
    json!({ "hosted_zone_id": things.get("zone"), "changes": changes })
}

pub(crate) fn steps(things: &Things) -> Vec<Step> {
    vec![
        Step::new("list_hosted_zones", json!({}), &["route53:ListHostedZones"], "ok"),
        Step::new(
            "list_resource_record_sets",
            json!({ "hosted_zone_id": things.get("zone") }),
            &["route53:ListResourceRecordSets"],
            "ok",
        ),
        Step::new(
            "change_resource_record_sets",
            upsert(things),
            &["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"],
            "ok",
        ),
        Step::new(
            "get_change",
            json!({ "id": things.get("change") }),
            &["route53:GetChange"],
            "ok",
        ),
        Step::new(
            "list_resource_record_sets",
            json!({ "name": "dev.acme.example" }),
            &["route53:ListHostedZonesByName", "route53:ListResourceRecordSets"],
            "ok",
        ),
        Step::new(
            "list_resource_record_sets",
            json!({ "hosted_zone_id": NO_ZONE }),
            &["route53:ListResourceRecordSets"],
            "not_found",
        ),
        Step::new("list_resource_record_sets", json!({}), &[], "invalid_input"),
        Step::new(
            "change_resource_record_sets",
            json!({ "hosted_zone_id": things.get("zone"), "changes": [] }),
            &[],
            "invalid_input",
        ),
        Step::new(
            "get_change",
            json!({ "id": "C0NOSUCHCHANGE000001" }),
            &["route53:GetChange"],
            "not_found",
        ),
        Step::new(
            "create_hosted_zone",
            json!({ "name": things.get("zone made") }),
            &["route53:CreateHostedZone"],
            "ok",
        ),
        Step::new(
            "create_hosted_zone",
            json!({ "name": things.get("zone private"), "vpc_id": "vpc-0dev1" }),
            &["route53:CreateHostedZone", "ec2:DescribeVpcs"],
            "ok",
        )
        .unasked(&["ec2:DescribeVpcs"]),
        Step::new(
            "create_hosted_zone",
            json!({ "name": "x.example", "vpc_region": "us-east-1" }),
            &[],
            "invalid_input",
        ),
        Step::new(
            "delete_hosted_zone",
            json!({ "hosted_zone_id": things.get("zone") }),
            &["route53:ListResourceRecordSets"],
            "invalid_input",
        ),
        Step::new(
            "delete_hosted_zone",
            json!({ "hosted_zone_id": things.get("zone doomed") }),
            &["route53:DeleteHostedZone", "route53:ListResourceRecordSets"],
            "ok",
        ),
        Step::new(
            "delete_hosted_zone",
            json!({ "hosted_zone_id": NO_ZONE }),
            &["route53:ListResourceRecordSets"],
            "not_found",
        ),
        Step::new(
            "list_health_checks",
            json!({}),
            &["route53:ListHealthChecks", "route53:GetHealthCheckStatus"],
            "ok",
        )
        // It has no checkers; the seeded checks follow alarms.
        .unasked(&["route53:GetHealthCheckStatus"]),
        Step::new(
            "test_dns_answer",
            query(things.get("zone"), None),
            &["route53:TestDNSAnswer"],
            "ok",
        )
        .only_here("the other emulator answers no DNS"),
        Step::new(
            "test_dns_answer",
            query(NO_ZONE, None),
            &["route53:TestDNSAnswer"],
            "not_found",
        )
        .only_here("the other emulator answers no DNS"),
        Step::new(
            "test_dns_answer",
            query(NO_ZONE, Some("resolver")),
            &[],
            "invalid_input",
        ),
    ]
}

fn query(zone: &str, resolver: Option<&str>) -> Value {
    json!({ "hosted_zone_id": zone, "record_name": "dev.acme.example", "record_type": "A", "resolver_ip": resolver })
}
