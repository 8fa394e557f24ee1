//! IAM.

use serde_json::{Value, json};

use crate::support::{text, texts, world::World};

fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|item| item[key] == json!(name));
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[tokio::test]
async fn which_keys_are_older_than_90_days_is_one_call_over_every_account() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({ "accounts": ["production", "staging", "development"], "older_than_days": 90 });
    let body = world.call("list_access_keys", arguments).await;
    assert_eq!(body["summary"]["ok"], json!(3), "{body}");
    for result in body["results"].as_array().unwrap() {
        let data = &result["data"];
        assert_eq!(
            texts(data["users"].as_array().unwrap(), "user_name"),
            ["ci-deployer", "jane.doe", "reporting"]
        );
        let summary = json!({
            "users": 3, "keys": 4, "active": 3, "inactive": 1, "active_older_than_90_days": 3, "never_used": 1
        });
        assert_eq!(data["summary"], summary);
        let deployer = &named(&data["users"], "user_name", "ci-deployer")["access_keys"][0];
        assert!(text(deployer, "created").ends_with("(412 d ago)"), "{deployer}");
        assert!(text(deployer, "last_used").ends_with("(2 h ago)"), "{deployer}");
        assert_eq!(
            (text(deployer, "last_used_service"), text(deployer, "last_used_region")),
            ("ecr", "us-east-1")
        );
        let jane = &named(&data["users"], "user_name", "jane.doe")["access_keys"];
        assert_eq!(texts(jane.as_array().unwrap(), "status"), ["Inactive", "Active"]);
        assert_eq!(jane[1]["last_used"], json!("never"));
    }
    let unused = json!({ "account": "staging", "unused_for_days": 180 });
    let data = world.ok("list_access_keys", unused).await;
    assert_eq!(texts(data["users"].as_array().unwrap(), "user_name"), ["jane.doe"]);
    let one = json!({ "account": "staging", "user_name": "reporting" });
    assert_eq!(world.ok("list_access_keys", one).await["summary"]["keys"], json!(1));
    let both = json!({ "account": "staging", "user_name": "reporting", "next_token": "x" });
    world.fails("invalid_input", "list_access_keys", both).await;
}

#[tokio::test]
async fn roles_that_nobody_uses_are_found_and_new_ones_spared() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let all = world.ok("list_roles", json!({ "account": "production" })).await;
    let deploy = named(&all["roles"], "name", "deploy");
    assert!(text(deploy, "last_used").ends_with("(3 h ago)"), "{deploy}");
    assert_eq!(deploy["attached_policies"], json!(["acme-deploy"]));
    assert_eq!(deploy["inline_policies"], json!(["artifacts"]));
    assert!(text(deploy, "permissions_boundary").ends_with(":policy/acme-boundary"));
    assert_eq!(all["summary"]["not_used_for_90_days"], json!(3), "{all}");
    let unused = json!({ "account": "production", "unused_for_days": 90 });
    let unused = world.ok("list_roles", unused).await;
    // legacy-admin was made with the sandbox, and may yet be used.
    assert_eq!(
        texts(unused["roles"].as_array().unwrap(), "name"),
        ["AWSServiceRoleForSupport", "batch-runner", "legacy-import"]
    );
    assert_eq!(unused["summary"]["service_linked"], json!(1));
    let ci = json!({ "account": "production", "path_prefix": "/ci/", "name_contains": "dep" });
    let ci = world.ok("list_roles", ci).await;
    assert_eq!(texts(ci["roles"].as_array().unwrap(), "name"), ["deploy"]);
}

#[tokio::test]
async fn a_role_shows_its_documents_decoded() {
    let world = World::new().await;
    let by_arn = json!({ "account": "production", "role_name": "arn:aws:iam::222222222222:role/ci/deploy" });
    let role = world.ok("get_role", by_arn).await;
    assert_eq!(
        role["trust_policy"]["Statement"][0]["Principal"]["Service"],
        json!("codebuild.amazonaws.com")
    );
    let artifacts = &role["inline_policies"]["artifacts"]["Statement"][0];
    assert_eq!(artifacts["Resource"], json!("arn:aws:s3:::acme-*-artifacts-*/*"));
    assert_eq!(role["attached_policies"][0]["name"], json!("acme-deploy"));
    assert_eq!(role["tags"], json!({ "environment": "production" }));
    assert_eq!(role["max_session"], json!("1 h"));
}

#[tokio::test]
async fn a_policy_is_found_by_its_name_under_any_path() {
    let world = World::new().await;
    let named = json!({ "account": "staging", "policy": "acme-deploy" });
    let policy = world.ok("get_policy", named.clone()).await;
    assert_eq!(policy["arn"], json!("arn:aws:iam::333333333333:policy/ci/acme-deploy"));
    assert_eq!(
        (&policy["version_id"], &policy["attachment_count"]),
        (&json!("v2"), &json!(1))
    );
    assert_eq!(texts(policy["versions"].as_array().unwrap(), "version_id").len(), 2);
    assert_eq!(policy["document"]["Statement"][0]["Sid"], json!("Deploy"));
    let mut first = named;
    first["version_id"] = json!("v1");
    let first = world.ok("get_policy", first).await;
    assert_eq!(first["document"]["Statement"][0]["Action"], json!(["ecr:*", "ecs:*"]));
    let boundary = json!({ "account": "staging", "policy": "acme-boundary" });
    assert_eq!(
        world.ok("get_policy", boundary).await["permissions_boundary_usage_count"],
        json!(1)
    );
}

#[tokio::test]
async fn a_simulation_says_what_decides() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({
        "account": "production", "policy_source_arn": "arn:aws:iam::222222222222:role/ci/deploy",
        "action_names": ["ecs:UpdateService", "ec2:TerminateInstances", "iam:CreateUser", "s3:DeleteObject"],
    });
    let data = world.ok("simulate_principal_policy", arguments.clone()).await;
    assert_eq!(data["summary"], json!({ "allowed": 1, "denied": 3 }));
    let of = |data: &Value, action: &str| named(&data["results"], "action", action).clone();
    let update = of(&data, "ecs:UpdateService");
    assert_eq!(update["decision"], json!("allowed"));
    assert!(
        update["matched_statements"]
            .to_string()
            .contains("policy/ci/acme-deploy"),
        "{update}"
    );
    assert_eq!(of(&data, "ec2:TerminateInstances")["decision"], json!("implicitDeny"));
    assert_eq!(of(&data, "iam:CreateUser")["decision"], json!("explicitDeny"));
    let delete = of(&data, "s3:DeleteObject");
    assert_eq!(
        delete["missing_context"],
        json!(["aws:MultiFactorAuthPresent"]),
        "{delete}"
    );
    let mut told = arguments;
    told["context"] = json!({ "aws:MultiFactorAuthPresent": "false" });
    let data = world.ok("simulate_principal_policy", told).await;
    assert_eq!(of(&data, "s3:DeleteObject")["decision"], json!("explicitDeny"));
    for (name, value, says) in [
        (
            "policy_source_arn",
            json!("arn:aws:sts::222222222222:assumed-role/deploy/me"),
            "role/deploy",
        ),
        ("policy_source_arn", json!("deploy"), "role/NAME"),
        ("action_names", json!([]), "s3:GetObject"),
        ("action_names", json!(["GetObject"]), "SERVICE:ACTION"),
    ] {
        let mut wrong = json!({
            "account": "production", "policy_source_arn": "arn:aws:iam::222222222222:role/ci/deploy",
            "action_names": ["s3:GetObject"],
        });
        wrong[name] = value;
        let error = world.fails("invalid_input", "simulate_principal_policy", wrong).await;
        assert!(text(&error, "message").contains(says), "{error}");
    }
}
