//! The proof that the tools' declarations are true: with exactly the policy that `iam` prints every tool works, and without one
//! of its actions exactly the calls that need it are denied.
//!
//! The table below says which call needs which actions. It must name every tool, and every action of every tool.

use std::collections::{BTreeMap, BTreeSet};

use aws_ops_mcp::server::Catalogue;
use serde_json::{Value, json};

use crate::support::{
    iam::{ACCOUNT, Proof},
    process::program,
    text, unique,
    world::{World, registered},
};

const CENTRAL: &str = "111111111111";
const BUCKET: &str = "acme-dev-config-444444444444";
const KEY: &str = "flags.json";

/// A call, the actions that it can't do without, and how it ends with them.
struct Step {
    tool: &'static str,
    arguments: Value,
    needs: &'static [&'static str],
    ends: &'static str,
}

/// What the other emulator does not ask for, although AWS does: of which tool, which action.
///
/// - Creating a secret with tags: "If you include tags in the secret, you also need `secretsmanager:TagResource`" (CreateSecret).
/// - A key that isn't there: "If you don't have the `s3:ListBucket` permission, Amazon S3 returns 403" (GetObject, HeadObject).
const NOT_ASKED_ELSEWHERE: [(&str, &str); 3] = [
    ("create_secret", "secretsmanager:TagResource"),
    ("head_object", "s3:ListBucket"),
    ("get_object", "s3:ListBucket"),
];

/// What the calls of one round work on.
struct Things {
    zone: String,
    change: String,
    kept: String,
    doomed: String,
    made: [String; 2],
}

impl Things {
    /// For a look at the table only.
    fn none() -> Self {
        let name = String::new;
        Self {
            zone: name(),
            change: name(),
            kept: name(),
            doomed: name(),
            made: [name(), name()],
        }
    }

    /// Made through the tools themselves, while the role may do everything.
    async fn new(world: &World) -> Self {
        let zones = world.ok("list_hosted_zones", here(json!({}))).await;
        let zone = text(&zones["hosted_zones"][0], "id").to_owned();
        let changed = world.ok("change_resource_record_sets", upsert(&zone)).await;
        let secret = async |name: String| {
            world
                .ok("create_secret", here(json!({ "name": name, "secret_string": "value" })))
                .await;
            name
        };
        Self {
            change: text(&changed["change"], "id").to_owned(),
            zone,
            kept: secret(unique("kept")).await,
            doomed: secret(unique("doomed")).await,
            made: [unique("made"), unique("tagged")],
        }
    }

    async fn forget(&self, world: &World) {
        for name in [&self.kept, &self.doomed, &self.made[0], &self.made[1]] {
            let arguments = here(json!({ "secret_id": name, "force_delete_without_recovery": true }));
            world.call("delete_secret", arguments).await;
        }
    }
}

fn here(mut arguments: Value) -> Value {
    arguments["account"] = json!("development");
    arguments
}

fn upsert(zone: &str) -> Value {
    let record =
        json!({ "name": "it-proof.dev.acme.example.", "type": "TXT", "ttl": 60, "resource_records": ["\"proof\""] });
    here(json!({ "hosted_zone_id": zone, "changes": [{ "action": "UPSERT", "resource_record_set": record }] }))
}

/// Every tool, called in each way that needs other actions.
fn steps(things: &Things) -> Vec<Step> {
    let step = |tool, arguments, needs, ends| Step {
        tool,
        arguments: if tool == "list_accounts" {
            arguments
        } else {
            here(arguments)
        },
        needs,
        ends,
    };
    let object = |key: &str| json!({ "bucket": BUCKET, "key": key });
    // A version that is given by number is another resource to IAM, and may have another policy.
    let version = |key: &str| json!({ "bucket": BUCKET, "key": key, "version_id": "null" });
    let secret = |name: &str| json!({ "secret_id": name });
    let with = |mut arguments: Value, name: &str, value: Value| {
        arguments[name] = value;
        arguments
    };
    let value = |name: &str| with(json!({ "name": name }), "secret_string", json!("x"));
    vec![
        step("list_accounts", json!({}), &[], "ok"),
        step("get_caller_identity", json!({}), &[], "ok"),
        step("list_secrets", json!({}), &["secretsmanager:ListSecrets"], "ok"),
        step(
            "get_secret_value",
            secret(&things.kept),
            &["secretsmanager:GetSecretValue"],
            "ok",
        ),
        step(
            "create_secret",
            value(&things.made[0]),
            &["secretsmanager:CreateSecret"],
            "ok",
        ),
        // Only tags need the second action.
        step(
            "create_secret",
            with(value(&things.made[1]), "tags", json!({ "team": "sre" })),
            &["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
            "ok",
        ),
        step(
            "update_secret",
            with(secret(&things.kept), "secret_string", json!("y")),
            &["secretsmanager:UpdateSecret"],
            "ok",
        ),
        step(
            "delete_secret",
            secret(&things.doomed),
            &["secretsmanager:DeleteSecret"],
            "ok",
        ),
        step("list_hosted_zones", json!({}), &["route53:ListHostedZones"], "ok"),
        step(
            "list_resource_record_sets",
            json!({ "hosted_zone_id": things.zone }),
            &["route53:ListResourceRecordSets"],
            "ok",
        ),
        step(
            "change_resource_record_sets",
            upsert(&things.zone),
            &["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"],
            "ok",
        ),
        step(
            "get_change",
            json!({ "id": things.change }),
            &["route53:GetChange"],
            "ok",
        ),
        step("list_buckets", json!({}), &["s3:ListAllMyBuckets"], "ok"),
        step("list_objects", json!({ "bucket": BUCKET }), &["s3:ListBucket"], "ok"),
        step("head_object", object(KEY), &["s3:GetObject"], "ok"),
        step("get_object", object(KEY), &["s3:GetObject"], "ok"),
        // Only who may list a bucket learns that a key isn't there; others are denied, and would look for a missing permission.
        step(
            "head_object",
            object("no/such/key"),
            &["s3:GetObject", "s3:ListBucket"],
            "not_found",
        ),
        step(
            "get_object",
            object("no/such/key"),
            &["s3:GetObject", "s3:ListBucket"],
            "not_found",
        ),
        step("head_object", version(KEY), &["s3:GetObjectVersion"], "ok"),
        step("get_object", version(KEY), &["s3:GetObjectVersion"], "ok"),
        step(
            "put_object",
            with(object("it-proof"), "body", json!("x")),
            &["s3:PutObject"],
            "ok",
        ),
        step("delete_object", version("it-proof"), &["s3:DeleteObjectVersion"], "ok"),
        step("delete_object", object("it-proof"), &["s3:DeleteObject"], "ok"),
    ]
}

/// A part as `aws-ops-mcp iam` prints it.
fn printed(part: &str, flags: &[&str]) -> Value {
    let registry = registered().to_string();
    let mut all = vec!["iam", "--part", part];
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

/// The other emulator asks for GetChange on `*`, AWS on the change (Service Authorization Reference, Route 53).
fn widen_changes(policy: &mut Value) {
    let statements = policy["Statement"].as_array_mut().unwrap();
    let changes = statements.iter_mut().find(|s| s["Sid"] == "Route53ReadChange").unwrap();
    assert_eq!(changes["Resource"], "arn:aws:route53:::change/*");
    changes["Resource"] = json!("*");
}

#[test]
fn the_table_is_the_catalogue() {
    let mut table: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in steps(&Things::none()) {
        table.entry(step.tool).or_default().extend(step.needs);
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
        widen_changes(&mut policy);
    }
    let mut wrong = Vec::new();
    let removed = std::iter::once(None).chain(actions_of(&policy).into_iter().map(Some));
    for removed in removed {
        proof.allow(&policy).await;
        let things = Things::new(&proof.world).await;
        if let Some(action) = &removed {
            proof.allow(&without(&policy, action)).await;
        }
        for step in steps(&things) {
            let body = proof.world.call(step.tool, step.arguments).await;
            let ended = body["error"]["code"].as_str().unwrap_or("ok").to_owned();
            let denied = removed.as_deref().is_some_and(|action| {
                let asked = !proof.elsewhere() || !NOT_ASKED_ELSEWHERE.contains(&(step.tool, action));
                step.needs.contains(&action) && asked
            });
            let expected = if denied { "access_denied" } else { step.ends };
            if ended != expected {
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
