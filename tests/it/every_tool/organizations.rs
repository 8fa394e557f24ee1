//! Organizations, in the management account.

use serde_json::json;

use crate::support::{calls::Calls, text, world::MANAGEMENT_ROLE};

use super::{Step, Things};

/// The other emulator chooses the ids of units and of accounts.
pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    let there = json!({ "role_arn": MANAGEMENT_ROLE });
    let tree = world.ok("list_organizational_units", there).await;
    for unit in tree["organizational_units"].as_array().unwrap() {
        match text(unit, "path") {
            "Root/workloads" => things.set("unit", text(unit, "id")),
            "Root/workloads/production" => things.set("member", text(&unit["accounts"][0], "id")),
            _ => {}
        }
    }
}

pub(crate) fn steps(things: &Things) -> Vec<Step> {
    let unit = json!({ "parent_id": things.get("unit") });
    let over = |id: &str| json!({ "target_id": id });
    let tree = &[
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    ];
    vec![
        Step::in_management(
            "list_organization_accounts",
            json!({}),
            &["organizations:ListAccounts"],
            "ok",
        )
        .unpaged("it gives all accounts at once"),
        Step::in_management(
            "list_organizational_units",
            json!({}),
            &[
                "organizations:ListRoots",
                "organizations:ListAccountsForParent",
                "organizations:ListOrganizationalUnitsForParent",
            ],
            "ok",
        ),
        Step::in_management("list_organizational_units", unit, tree, "ok"),
        Step::in_management(
            "list_organizational_units",
            json!({ "parent_id": "ou-acme-nosuchou" }),
            &["organizations:DescribeOrganizationalUnit"],
            "not_found",
        ),
        Step::in_management(
            "list_organizational_units",
            json!({ "parent_id": "workloads" }),
            &[],
            "invalid_input",
        ),
        Step::in_management(
            "list_service_control_policies",
            over(things.get("member")),
            &[
                "organizations:DescribeOrganization",
                "organizations:ListParents",
                "organizations:ListPoliciesForTarget",
                "organizations:DescribePolicy",
                "organizations:DescribeOrganizationalUnit",
            ],
            "ok",
        ),
        Step::in_management(
            "list_service_control_policies",
            over("999999999999"),
            &["organizations:DescribeOrganization", "organizations:ListParents"],
            "not_found",
        ),
        Step::in_management("list_service_control_policies", over("nowhere"), &[], "unknown_account"),
    ]
}
