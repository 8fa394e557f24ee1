//! Organizations, in the management account.

use serde_json::json;

use super::Step;

const ELSEWHERE: &str = "the other emulator's organization is empty";

pub(crate) fn steps() -> Vec<Step> {
    let unit = json!({ "parent_id": "ou-acme-workload" });
    let over = |id: &str| json!({ "target_id": id });
    let tree = &[
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    ];
    [
        Step::in_management(
            "list_organization_accounts",
            json!({}),
            &["organizations:ListAccounts"],
            "ok",
        ),
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
            over("222222222222"),
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
    .map(|step| step.only_here(ELSEWHERE))
    .into()
}
