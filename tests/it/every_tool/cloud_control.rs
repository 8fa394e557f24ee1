//! Cloud Control. The other emulator keeps whatever it is given, of any type, and asks no other service.

use serde_json::{Value, json};

use crate::support::{calls::Calls, text, unique};

use super::{Step, Things, here};

const RDS: &str = "AWS::RDS::DBInstance";

/// What an update can't do without, beside the service's own.
const UPDATE: &[&str] = &[
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:UpdateResource",
];

pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    things.set("owner", unique("owner"));
    let changed = world.ok("update_resource", here(retag(things, "/Tags"))).await;
    things.set("request token", text(&changed, "request_token"));
    things.set("owner", unique("owner"));
}

fn retag(things: &Things, path: &str) -> Value {
    let tags = json!([{ "Key": "owner", "Value": things.get("owner") }]);
    let patch = json!([{ "op": "replace", "path": path, "value": tags }]);
    let url = "https://sqs.us-east-1.amazonaws.com/444444444444/emails";
    json!({ "type_name": "AWS::SQS::Queue", "identifier": url, "patch": patch })
}

pub(crate) fn steps(things: &Things) -> Vec<Step> {
    let database = |name: &str| json!({ "type_name": RDS, "identifier": name });
    let list = |type_name: &str| json!({ "type_name": type_name });
    let token = |token: &str| json!({ "request_token": token });
    let (lists, gets) = (&["cloudformation:ListResources"], &["cloudformation:GetResource"]);
    let asks = &["cloudformation:GetResourceRequestStatus"];
    vec![
        Step::new("list_resources", list(RDS), lists, "ok").unpaged("it gives all resources at once"),
        Step::new("list_resources", list("AWS::EKS::Nodegroup"), &[], "access_denied")
            .only_here("it asks no other service in the role's name"),
        Step::new("list_resources", list("RDS"), &[], "invalid_input"),
        Step::new("list_resources", list("AWS::RDS::Database"), lists, "not_found").only_here("it has any type, empty"),
        Step::new("get_resource", database("reporting"), gets, "ok"),
        Step::new("get_resource", database("no-such-database"), gets, "not_found"),
        // There it is done at once, and nobody has to ask whether.
        Step::new("update_resource", retag(things, "/Tags"), UPDATE, "ok")
            .unasked(&["cloudformation:GetResourceRequestStatus"]),
        Step::new("update_resource", retag(things, "/Tag"), gets, "invalid_input"),
        Step::new(
            "get_resource_request_status",
            token(things.get("request token")),
            asks,
            "ok",
        ),
        Step::new("get_resource_request_status", token("none"), asks, "not_found"),
    ]
}
