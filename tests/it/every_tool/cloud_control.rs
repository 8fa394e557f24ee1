//! Cloud Control. The other emulator has few types, and none of the seeded resources.

use serde_json::{Value, json};

use crate::support::{calls::Calls, iam::Proof, text, unique};

use super::{Step, Things, here};

const HERE: &str = "the resources are the sandbox's";
const RDS: &str = "AWS::RDS::DBInstance";

/// What an update can't do without, beside the service's own.
const UPDATE: &[&str] = &[
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:UpdateResource",
];

pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    if Proof::is_elsewhere() {
        return;
    }
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
    let steps = vec![
        Step::new("list_resources", list(RDS), lists, "ok"),
        Step::new("list_resources", list("AWS::EKS::Nodegroup"), &[], "access_denied"),
        Step::new("list_resources", list("RDS"), &[], "invalid_input"),
        Step::new("list_resources", list("AWS::RDS::Database"), lists, "not_found"),
        Step::new("get_resource", database("reporting"), gets, "ok"),
        Step::new("get_resource", database("no-such-database"), gets, "not_found"),
        Step::new("update_resource", retag(things, "/Tags"), UPDATE, "ok"),
        Step::new("update_resource", retag(things, "/Tag"), gets, "invalid_input"),
        Step::new(
            "get_resource_request_status",
            token(things.get("request token")),
            asks,
            "ok",
        ),
        Step::new("get_resource_request_status", token("none"), asks, "not_found"),
    ];
    steps.into_iter().map(|step| step.only_here(HERE)).collect()
}
