//! Least privilege for each call: what STS is asked for, and what the keys that it gives can't do.

mod asked;
mod keys;

use serde_json::{Value, json};

use crate::support::{
    process::program,
    recorder::Instead,
    text, unique,
    world::{ALICE, BOB, World, registered},
};

const BUCKET: &str = "acme-dev-config-444444444444";

fn here(arguments: Value) -> Value {
    let mut arguments = arguments;
    arguments["account"] = json!("development");
    arguments
}

async fn zone_id(world: &World) -> String {
    let zones = world.ok("list_hosted_zones", here(json!({}))).await;
    text(&zones["hosted_zones"][0], "id").to_owned()
}

#[tokio::test]
async fn reads_of_a_toolset_share_a_session_and_callers_none() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    let object = json!({ "bucket": BUCKET, "key": "flags.json" });
    for token in [ALICE, BOB] {
        for _ in 0..2 {
            world.call_as(token, "list_buckets", here(json!({}))).await;
            world.call_as(token, "head_object", here(object.clone())).await;
        }
    }
    let names: Vec<String> = recorder
        .assumed()
        .iter()
        .map(|a| a.get("SourceIdentity").to_owned())
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    world.ok("list_secrets", here(json!({}))).await;
    world.ok("list_hosted_zones", here(json!({}))).await;
    world
        .ok("get_secret_value", here(json!({ "secret_id": "payments/db/primary" })))
        .await;
    assert_eq!(
        recorder.assumed().len(),
        5,
        "one more for each toolset, and one for what reveals"
    );
}

#[tokio::test]
async fn each_write_has_a_session_of_its_own_and_none_is_kept() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    world.ok("list_secrets", here(json!({}))).await;
    let kept = world.server().aws().kept_sessions();
    for n in 1..=3 {
        let put = here(json!({ "bucket": BUCKET, "key": "same", "body": "x" }));
        world.ok("put_object", put).await;
        assert_eq!(recorder.assumed().len(), 1 + n);
        assert_eq!(world.server().aws().kept_sessions(), kept);
    }
    // Whose account it is was asked before the first of them only.
    assert_eq!(world.accounts().calls("sts", "GetCallerIdentity"), 1);
    let put = here(json!({ "bucket": BUCKET, "key": "same", "body": "x" }));
    world.call_as(BOB, "put_object", put).await;
    assert_eq!(world.accounts().calls("sts", "GetCallerIdentity"), 2);
}

#[tokio::test]
async fn names_and_tags_can_be_switched_off_each() {
    for (flags, source_identity, tags) in [
        (["--source-identity", "off"], "", "alice"),
        (["--session-tags", "off"], "alice", ""),
    ] {
        let Some((world, recorder)) = World::recorded(&flags).await else {
            return;
        };
        world.ok("list_secrets", here(json!({}))).await;
        world
            .ok("put_object", here(json!({ "bucket": BUCKET, "key": "x", "body": "x" })))
            .await;
        for asked in recorder.assumed() {
            assert_eq!(
                (asked.get("SourceIdentity"), asked.get("Tags.member.1.Value")),
                (source_identity, tags)
            );
            assert_eq!(asked.get("RoleSessionName"), "aws-ops-alice");
        }
    }
}

#[tokio::test]
async fn a_role_that_refuses_names_or_tags_has_two_ways_out() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    for (parameter, action, switch) in [
        ("SourceIdentity", "sts:SetSourceIdentity", "SOURCE_IDENTITY=off"),
        ("Tags.member.1.Key", "sts:TagSession", "SESSION_TAGS=off"),
    ] {
        recorder.instead(Instead::Refuse(vec![(parameter, action)]));
        let put = here(json!({ "bucket": BUCKET, "key": "x", "body": "x" }));
        let error = world.fails("credentials", "put_object", put).await;
        let hint = text(&error, "hint");
        assert!(
            hint.contains(action) && hint.contains("trust policy") && hint.contains(switch),
            "{hint}"
        );
    }
    let (code, message) = (
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes 104% of allotted space.",
    );
    recorder.instead(Instead::Fail(code, message));
    let error = world.fails("credentials", "list_secrets", here(json!({}))).await;
    assert!(
        text(&error, "message").contains("104%") && text(&error, "hint").contains("SESSION_TAGS=off"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_changed_in_an_account_that_is_not_the_one_that_is_meant() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    recorder.instead(Instead::Account("999999999999"));
    for _ in 0..2 {
        let create = here(json!({ "name": unique("secret"), "secret_string": "x" }));
        let error = world.fails("forbidden", "create_secret", create).await;
        let said = text(&error, "message");
        assert!(
            said.contains("444444444444") && said.contains("999999999999"),
            "{error}"
        );
        assert!(text(&error, "hint").contains("ACCOUNT_REGISTRY"), "{error}");
    }
    assert_eq!(world.accounts().calls("secretsmanager", "CreateSecret"), 0);
    recorder.instead(Instead::Nothing);
    let create = here(json!({ "name": unique("secret"), "secret_string": "x" }));
    world.ok("create_secret", create).await;
}

#[tokio::test]
async fn what_can_t_be_narrowed_never_reaches_sts() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    let foreign = "arn:aws:secretsmanager:us-east-1:333333333333:secret:payments/db/primary";
    for (tool, arguments, said) in [
        ("delete_secret", json!({ "secret_id": foreign }), "account 444444444444"),
        ("delete_secret", json!({ "secret_id": "a\nb" }), "control character"),
        (
            "put_object",
            json!({ "bucket": BUCKET, "key": "*".repeat(512), "body": "x" }),
            "2048",
        ),
        ("put_object", json!({ "bucket": "a/b", "key": "x", "body": "x" }), "`/`"),
    ] {
        let error = world.fails("invalid_input", tool, here(arguments)).await;
        assert!(text(&error, "message").contains(said), "{error}");
    }
    assert_eq!(recorder.assumed().len(), 0);
    // A wildcard is a letter like any other: there is no secret of that name.
    let all = here(json!({ "secret_id": "*" }));
    world.fails("not_found", "delete_secret", all).await;
    assert!(recorder.last().get("Policy").contains("secret:${*}-??????"));
}

#[tokio::test]
async fn the_servers_own_identity_can_be_kept_from_calls() {
    let Some((world, recorder)) = World::recorded(&["--base-credentials", "off"]).await else {
        return;
    };
    for arguments in [json!({}), json!({ "account": "central" })] {
        let error = world.fails("forbidden", "get_caller_identity", arguments).await;
        assert!(text(&error, "hint").contains("`account`"), "{error}");
    }
    world.ok("get_caller_identity", here(json!({}))).await;
    assert_eq!(recorder.assumed().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_what_each_role_accepts() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    let check = async |flags: &[(&str, &str)]| {
        let keys = world.accounts().base_credentials();
        let registry = registered().to_string();
        let mut check = program(&["check", "--json"])
            .env("AWS_ENDPOINT_URL", &recorder.endpoint)
            .env("ACCOUNT_REGISTRY", &registry)
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .env("AWS_SESSION_TOKEN", keys.session_token().unwrap());
        for (name, value) in flags {
            check = check.env(name, value);
        }
        let ended = tokio::task::spawn_blocking(move || check.run()).await.unwrap();
        let report: Value = serde_json::from_str(&ended.out).unwrap();
        let steps = report["checks"].as_array().unwrap();
        let found = steps
            .iter()
            .find(|s| s["check"] == "account development")
            .unwrap()
            .clone();
        (ended.code, found)
    };
    let (code, step) = check(&[]).await;
    assert_eq!((code, &step["ok"]), (Some(0), &json!(true)), "{step}");
    assert!(
        text(&step, "detail").contains("accepts SourceIdentity and session tags"),
        "{step}"
    );

    recorder.instead(Instead::Refuse(vec![
        ("SourceIdentity", "sts:SetSourceIdentity"),
        ("Tags.member.1.Key", "sts:TagSession"),
    ]));
    let (code, step) = check(&[]).await;
    assert_eq!(
        (code, &step["ok"]),
        (Some(1), &json!(false)),
        "every call would fail: {step}"
    );
    assert!(
        text(&step, "detail").contains("does not accept SourceIdentity and session tags"),
        "{step}"
    );
    let hint = text(&step, "hint");
    assert!(
        hint.contains("SOURCE_IDENTITY=off") && hint.contains("SESSION_TAGS=off"),
        "{step}"
    );
    let (code, step) = check(&[("SOURCE_IDENTITY", "off"), ("SESSION_TAGS", "off")]).await;
    assert_eq!((code, &step["ok"]), (Some(0), &json!(true)), "{step}");
    assert!(text(&step, "detail").contains("calls don't send them"), "{step}");
}
