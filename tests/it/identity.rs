//! Who a call acts as: how often STS is asked, what it may be asked for, and what is said when it refuses.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    text, unique,
    world::{ALICE, BOB, World, registered},
};

fn assumed(world: &World) -> usize {
    world.accounts().calls("sts", "AssumeRole")
}

/// The registry, with more said of one account.
fn registry_with(account: &str, more: Value) -> String {
    let mut accounts = registered();
    let entries = accounts.as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|a| a["name"] == json!(account)).unwrap();
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    accounts.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_cold_calls_for_one_role_assume_it_once() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let world = Arc::new(world);
    let calls = (0..1000).map(|n| {
        let world = world.clone();
        // Regions share the session, since STS knows none.
        let region = ["us-east-1", "eu-west-1"][n % 2];
        let arguments = json!({ "account": "production", "region": region });
        tokio::spawn(async move { world.call("get_caller_identity", arguments).await })
    });
    for body in join_all(calls).await {
        assert_eq!(body.unwrap()["data"]["account"], json!("222222222222"));
    }
    assert_eq!(assumed(&world), 1);
}

#[tokio::test]
async fn a_role_named_by_account_id_or_arn_is_one_session() {
    let Some(world) = World::sandbox(&[]).await else { return };
    for selector in [
        json!({ "account": "staging" }),
        json!({ "account": "STAGING" }),
        json!({ "account": "333333333333" }),
        json!({ "role_arn": "arn:aws:iam::333333333333:role/aws-ops-target" }),
    ] {
        world.ok("list_secrets", selector).await;
    }
    assert_eq!(assumed(&world), 1);
    world.ok("list_secrets", json!({ "account": "production" })).await;
    assert_eq!(assumed(&world), 2);
}

#[tokio::test]
async fn two_callers_never_share_a_session() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let mut sessions = Vec::new();
    for token in [ALICE, BOB, ALICE, BOB] {
        let body = world
            .call_as(token, "get_caller_identity", json!({ "account": "staging" }))
            .await;
        assert!(
            text(&body["data"], "arn").ends_with(text(&body["receipt"], "session_name")),
            "{body}"
        );
        sessions.push(text(&body["receipt"], "session_name").to_owned());
    }
    assert_eq!(
        sessions,
        ["aws-ops-alice", "aws-ops-bob", "aws-ops-alice", "aws-ops-bob"]
    );
    assert_eq!(assumed(&world), 2);
}

#[tokio::test]
async fn no_malformed_role_reaches_sts() {
    // Everything may be assumed that is well-formed and in this account: what is left to refuse is the form.
    let Some(world) = World::sandbox(&["--allowed-role-arns", "arn:aws:iam::222222222222:role/*"]).await else {
        return;
    };
    for arn in MALFORMED_ROLE_ARNS {
        let error = world
            .fails("invalid_input", "list_secrets", json!({ "role_arn": arn }))
            .await;
        assert!(text(&error, "message").contains("role_arn"), "{error}");
    }
    assert_eq!(assumed(&world), 0);
    world
        .ok(
            "list_secrets",
            json!({ "role_arn": "arn:aws:iam::222222222222:role/aws-ops-target" }),
        )
        .await;
}

#[tokio::test]
async fn no_role_that_is_not_declared_reaches_sts() {
    let Some(world) = World::sandbox(&["--allowed-role-arns", "arn:aws:iam::222222222222:role/other"]).await else {
        return;
    };
    for arn in [
        "arn:aws:iam::222222222222:role/legacy-admin",
        "arn:aws:iam::222222222222:role/x/aws-ops-target",
        "arn:aws:iam::222222222222:role/AWS-ops-target",
        "arn:aws-cn:iam::222222222222:role/aws-ops-target",
        "arn:aws:iam::999999999999:role/aws-ops-target",
        "arn:aws:iam::111111111111:role/aws-ops-organization",
    ] {
        let error = world
            .fails("forbidden", "list_secrets", json!({ "role_arn": arn }))
            .await;
        assert!(text(&error, "hint").contains("ALLOWED_ROLE_ARNS"), "{error}");
    }
    assert_eq!(assumed(&world), 0);
}

#[tokio::test]
async fn a_role_that_does_not_trust_us_is_a_denial_that_names_both_sides_and_is_remembered() {
    let role = "arn:aws:iam::222222222222:role/legacy-admin";
    let Some(world) = World::sandbox(&["--allowed-role-arns", role]).await else {
        return;
    };
    for _ in 0..2 {
        let error = world
            .fails("credentials", "list_secrets", json!({ "role_arn": role }))
            .await;
        assert!(text(&error, "message").contains(role), "{error}");
        assert_eq!(error["retryable"], json!(false));
        let hint = text(&error, "hint");
        let principal = "\"AWS\":\"arn:aws:iam::111111111111:role/aws-ops-base\"";
        assert!(
            hint.contains("trust policy") && hint.contains(principal) && hint.contains("222222222222"),
            "{hint}"
        );
    }
    assert_eq!(assumed(&world), 1);
}

#[tokio::test]
async fn an_external_id_comes_from_the_registry_alone() {
    let role = "arn:aws:iam::333333333333:role/partner-audit";
    let Some(without) = World::sandbox(&["--allowed-role-arns", role]).await else {
        return;
    };
    let error = without
        .fails("credentials", "list_buckets", json!({ "role_arn": role }))
        .await;
    assert!(text(&error, "hint").contains("external_id"), "{error}");
    let error = without
        .fails(
            "invalid_input",
            "list_buckets",
            json!({ "role_arn": role, "external_id": "acme-partner" }),
        )
        .await;
    assert!(text(&error, "message").contains("external_id"), "{error}");

    for (id, works) in [("acme-partner", true), ("acme-partner-2", false)] {
        let registry = registry_with("staging", json!({ "role_arn": role, "external_id": id }));
        let world = World::sandbox(&["--account-registry", &registry]).await.unwrap();
        for selector in [json!({ "account": "staging" }), json!({ "role_arn": role })] {
            let body = world.call("list_buckets", selector).await;
            assert_eq!(body["success"], json!(works), "{body}");
            assert!(!body.to_string().contains("acme-partner"), "{body}");
        }
    }
}

#[tokio::test]
async fn an_unknown_account_is_told_the_names_and_the_nearest() {
    let world = World::new().await;
    let error = world
        .fails("unknown_account", "list_secrets", json!({ "account": "prodcution" }))
        .await;
    assert!(
        text(&error, "message").contains("production, staging, development"),
        "{error}"
    );
    assert!(!text(&error, "message").contains("central"), "{error}");
    assert!(text(&error, "hint").contains("`production`"), "{error}");
    let far = world
        .fails("unknown_account", "list_secrets", json!({ "account": "999999999999" }))
        .await;
    assert!(text(&far, "hint").contains("12-digit id"), "{far}");
}

#[tokio::test]
async fn a_region_outside_of_an_accounts_regions_is_refused() {
    let registry = registry_with("production", json!({ "regions": ["eu-west-1", "us-east-1"] }));
    let world = World::with(&["--account-registry", &registry]).await;
    let body = world.call("list_secrets", json!({ "account": "production" })).await;
    assert_eq!(body["receipt"]["region"], json!("eu-west-1"));
    let error = world
        .fails(
            "invalid_input",
            "list_secrets",
            json!({ "account": "production", "region": "ap-south-1" }),
        )
        .await;
    assert!(text(&error, "message").contains("eu-west-1, us-east-1"), "{error}");
}

#[tokio::test]
async fn a_read_heals_itself_when_its_keys_were_revoked() {
    let Some(world) = World::sandbox(&[]).await else { return };
    for (tool, more) in [
        ("get_secret_value", json!({ "secret_id": "payments/db/primary" })),
        ("list_hosted_zones", json!({})),
        ("list_buckets", json!({})),
        ("get_caller_identity", json!({})),
    ] {
        let mut arguments = more;
        arguments["account"] = json!("staging");
        world.ok(tool, arguments.clone()).await;
        let before = assumed(&world);
        world.accounts().expire_sessions();
        world.ok(tool, arguments).await;
        assert_eq!(assumed(&world), before + 1, "{tool}");
    }
}

#[tokio::test]
async fn a_write_has_keys_of_its_own_whatever_became_of_earlier_ones() {
    let Some(world) = World::sandbox(&[]).await else { return };
    world.ok("list_secrets", json!({ "account": "development" })).await;
    world.accounts().expire_sessions();
    let name = unique("secret");
    let create = json!({ "account": "development", "name": name, "secret_string": "x" });
    world.ok("create_secret", create).await;
    assert_eq!(assumed(&world), 2);
}

#[tokio::test]
async fn an_unreachable_endpoint_is_retryable_and_says_what_to_check() {
    let world = World::unreachable();
    let error = world
        .fails("unreachable", "list_secrets", json!({ "account": "production" }))
        .await;
    assert_eq!(error["retryable"], json!(true));
    assert!(text(&error, "hint").contains("AWS_ENDPOINT_URL"), "{error}");
}

/// What an attacker, or a confused model, might send as a role ARN.
const MALFORMED_ROLE_ARNS: [&str; 44] = [
    "",
    "x",
    "role",
    "arn:aws:iam",
    "arn:aws:iam::222222222222:role",
    "arn:aws:iam::222222222222:role/",
    "arn:aws:iam::222222222222:role//x",
    "arn:aws:iam::222222222222:role/x/",
    "arn:aws:iam::222222222222:role/../x",
    "arn:aws:iam::222222222222:role/a/../../x",
    "arn:aws:iam::222222222222:role/./x",
    "arn:aws:iam::222222222222:role/x y",
    "arn:aws:iam::222222222222:role/x\n",
    "\narn:aws:iam::222222222222:role/x",
    "arn:aws:iam::222222222222:role/x\0",
    "arn:aws:iam::222222222222:role/x%2F..",
    "arn:aws:iam::222222222222:role/x?y",
    "arn:aws:iam::222222222222:role/x#y",
    "arn:aws:iam::222222222222:role/x;y",
    "arn:aws:iam::222222222222:role/x*",
    "arn:aws:iam::*:role/aws-ops-target",
    "arn:aws:iam::222222222222:role/aws-ops-target ",
    " arn:aws:iam::222222222222:role/aws-ops-target",
    "ARN:aws:iam::222222222222:role/aws-ops-target",
    "arn:AWS:iam::222222222222:role/aws-ops-target",
    "arn:aws:IAM::222222222222:role/aws-ops-target",
    "arn:aws:iam::222222222222:Role/aws-ops-target",
    "arn:aws:iam:us-east-1:222222222222:role/aws-ops-target",
    "arn:aws:sts::222222222222:role/aws-ops-target",
    "arn:aws:sts::222222222222:assumed-role/aws-ops-target/x",
    "arn:aws:iam::222222222222:user/aws-ops-target",
    "arn:aws:iam::222222222222:instance-profile/aws-ops-target",
    "arn:aws:iam::22222222222:role/aws-ops-target",
    "arn:aws:iam::2222222222222:role/aws-ops-target",
    "arn:aws:iam::22222222222a:role/aws-ops-target",
    "arn:aws:iam::２２２２２２２２２２２２:role/aws-ops-target",
    "arn:aws:iam::٢٢٢٢٢٢٢٢٢٢٢٢:role/aws-ops-target",
    "arn:aws:iam::222222222222:role/aws‑ops‑target",
    "arn:aws:iam::222222222222:role/\u{202e}tegrat",
    "arn:aws:iam::222222222222:role/тarget",
    "arn:aws-evil:iam::222222222222:role/aws-ops-target",
    "arn::iam::222222222222:role/aws-ops-target",
    "https://sts.evil/arn:aws:iam::222222222222:role/x",
    "arn:aws:iam::222222222222:role/aws-ops-target,arn:aws:iam::333333333333:role/x",
];
