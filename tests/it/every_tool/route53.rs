//! Route 53.

use serde_json::{Value, json};

use crate::support::{text, world::World};

use super::{Step, Things, here};

pub(crate) async fn prepare(world: &World, things: &mut Things) {
    let zones = world.ok("list_hosted_zones", here(json!({}))).await;
    things.set("zone", text(&zones["hosted_zones"][0], "id"));
    let changed = world.ok("change_resource_record_sets", here(upsert(things))).await;
    things.set("change", text(&changed["change"], "id"));
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
    ]
}
