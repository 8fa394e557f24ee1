//! The proof that the tools' declarations are true: with exactly the policy that `iam` prints every tool works, and without one
//! of its actions exactly the calls that need it are denied.
//!
//! The table in `every_tool` says which call needs which actions. It must name every tool, and every action of every tool.

use std::collections::{BTreeMap, BTreeSet};

use aws_ops_mcp::server::Catalogue;
use serde_json::{Value, json};

use crate::{
    every_tool::{Step, Things, here, steps},
    support::{
        iam::{ACCOUNT, Proof},
        process::program,
        text,
        world::{World, registered},
    },
};

const CENTRAL: &str = "111111111111";

/// A part as `aws-ops-mcp iam` prints it.
fn printed(part: &str, flags: &[&str]) -> Value {
    let registry = registered().to_string();
    let mut all = vec!["iam", "--part", part, "--toolsets", "all"];
    all.extend(flags);
    if !flags.contains(&"--account-registry") {
        all.extend(["--account-registry", &registry]);
    }
    let ended = program(&all).run();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

fn actions_of(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|s| s["Action"].as_array().unwrap());
    actions.map(|a| a.as_str().unwrap().to_owned()).collect()
}

fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    let statements = policy["Statement"].as_array_mut().unwrap();
    for statement in statements.iter_mut() {
        statement["Action"].as_array_mut().unwrap().retain(|a| a != action);
    }
    statements.retain(|s| s["Action"] != json!([]));
    policy
}

/// The other emulator asks for some actions on `*`, AWS on what they are about (Service Authorization Reference): GetChange on the
/// change, GetAccessKeyLastUsed on the key's user, whom it doesn't look up, DescribeLogGroups and StartQuery on the groups,
/// SimulatePrincipalPolicy on the principal.
fn widen(policy: &mut Value) {
    let statements = policy["Statement"].as_array_mut().unwrap();
    for (sid, resource) in [
        ("Route53ReadChange", "arn:aws:route53:::change/*"),
        ("IamReadUser", "arn:aws:iam::444444444444:user/*"),
        ("IamReadPrincipal", "arn:aws:iam::444444444444:*"),
        ("LogsReadLogGroup", "arn:aws:logs:*:444444444444:log-group:*"),
    ] {
        let statement = statements.iter_mut().find(|s| s["Sid"] == sid).unwrap();
        assert_eq!(statement["Resource"], resource);
        statement["Resource"] = json!("*");
    }
}

#[test]
fn the_table_is_the_catalogue() {
    let mut table: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in steps(&Things::default()) {
        table.entry(step.tool).or_default().extend(step.actions());
    }
    let catalogue = Catalogue::new(true).unwrap();
    let declared: BTreeMap<&str, BTreeSet<&str>> = catalogue
        .entries()
        .map(|e| {
            (
                e.tool.name.as_ref(),
                e.declaration.actions.iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(table, declared);
}

#[tokio::test]
async fn with_the_printed_policy_all_works_and_without_an_action_exactly_what_declares_it_fails() {
    let proof = Proof::new().await;
    let mut policy = printed("target-policy", &["--account", ACCOUNT]);
    if proof.elsewhere() {
        widen(&mut policy);
    }
    let catalogue = Catalogue::new(true).unwrap();
    let declares = |toolset: &str, action: &String| {
        let mut tools = catalogue.entries().filter(|e| e.toolset == toolset);
        tools.any(|e| e.declaration.actions.contains(action))
    };
    let mut wrong = Vec::new();
    let removed = std::iter::once(None).chain(actions_of(&policy).into_iter().map(Some));
    for removed in removed {
        proof.allow(&policy).await;
        // The other toolsets' sessions never had the action.
        let touched = |toolset: &str| removed.as_ref().is_none_or(|action| declares(toolset, action));
        let things = Things::of(&proof.world, touched).await;
        if let Some(action) = &removed {
            proof.allow(&without(&policy, action)).await;
        }
        let here = |s: &Step| s.runs(proof.elsewhere()) && touched(catalogue.get(s.tool).unwrap().toolset);
        for step in steps(&things).into_iter().filter(here) {
            let body = proof.world.call(step.tool, proof.arguments(&step)).await;
            let ended = body["error"]["code"].as_str().unwrap_or("ok").to_owned();
            let denied = removed.as_deref().is_some_and(|action| {
                let asked = !proof.elsewhere() || !step.unasked.contains(&action);
                step.needs.contains(&action) && asked
            });
            let expected = if denied { "access_denied" } else { step.ends };
            let told = removed
                .as_deref()
                .filter(|action| step.tells.contains(action) && !step.unasked.contains(action));
            let untold = told.is_some_and(|action| !body.to_string().contains(&format!("\"{action}\"")));
            if ended != expected || untold {
                let without = removed.as_deref().unwrap_or("nothing");
                wrong.push(format!(
                    "without {without}: {} {:?}: {ended}, not {expected}: {body}",
                    step.tool, step.needs
                ));
            }
        }
        proof.allow(&policy).await;
        things.forget(&proof.world).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn with_the_printed_base_policy_the_base_role_reaches_exactly_the_registered_roles() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let only = json!([{ "name": "staging", "id": "333333333333" }]).to_string();
    let policy = printed("base-policy", &["--account-registry", &only]);
    let sandbox = world.accounts();
    let put = sandbox
        .put_role_policy(CENTRAL, "aws-ops-base", "assume-roles", &policy)
        .await;
    put.unwrap();
    world.ok("list_secrets", json!({ "account": "staging" })).await;
    let error = world.fails("credentials", "list_secrets", here(json!({}))).await;
    assert!(text(&error, "message").contains("sts:AssumeRole"), "{error}");
}

#[tokio::test]
async fn the_printed_trust_lets_in_the_base_role_with_its_external_id_from_its_organization() {
    let registry = json!([{ "name": "development", "id": ACCOUNT, "external_id": "acme-7" }]).to_string();
    let base = "arn:aws:iam::111111111111:role/aws-ops-base";
    let other = "arn:aws:iam::111111111111:role/aws-ops-organization";
    for (role, organization, registered, enters) in [
        (base, "o-acme0sandbox", true, true),
        (base, "o-acme0sandbox", false, false),
        (base, "o-elsewhere00", true, false),
        (other, "o-acme0sandbox", true, false),
    ] {
        let flags: &[&str] = if registered {
            &["--account-registry", &registry]
        } else {
            &[]
        };
        let Some(world) = World::sandbox(flags).await else {
            return;
        };
        let flags = [
            "--base-role-arn",
            role,
            "--org-id",
            organization,
            "--account",
            ACCOUNT,
            "--account-registry",
            &registry,
        ];
        let trust = printed("target-trust", &flags);
        let put = world.accounts().put_role_trust(ACCOUNT, "aws-ops-target", &trust).await;
        put.unwrap();
        let body = world.call("list_secrets", here(json!({}))).await;
        assert_eq!(
            body["success"],
            json!(enters),
            "{role} {organization} {registered}: {body}"
        );
        if !enters {
            assert_eq!(body["error"]["code"], json!("credentials"), "{body}");
        }
    }
}
