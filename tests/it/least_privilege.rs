//! Least privilege for each call: what STS is asked for, and what the keys that it gives can't do.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_ops_mcp::server::Catalogue;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_types::{SdkConfig, region::Region};
use serde_json::{Value, json};

use crate::support::{
    process::program,
    recorder::{Instead, Recorder},
    text, unique,
    world::{ALICE, BOB, World, registered},
};

const BUCKET: &str = "acme-dev-config-444444444444";
const ROLE: &str = "arn:aws:iam::444444444444:role/aws-ops-target";

fn here(arguments: Value) -> Value {
    let mut arguments = arguments;
    arguments["account"] = json!("development");
    arguments
}

/// The SDK with the keys of a session that the server was given, as whoever stole them would use it.
fn stolen(recorder: &Recorder, keys: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .endpoint_url(&recorder.endpoint)
        .http_client(aws_ops_mcp::aws::http_client::https(None, false).unwrap())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .build()
}

fn secrets(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}

fn s3(config: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// The emulator refuses, and because of the session's policy: the role itself may do it.
macro_rules! denied {
    ($request:expr) => {{
        let error = $request.send().await.unwrap_err().into_service_error();
        let said = error.message().unwrap_or_default().to_owned();
        assert!(said.contains("no session policy allows"), "{error:?}");
    }};
}

async fn zone_id(world: &World) -> String {
    let zones = world.ok("list_hosted_zones", here(json!({}))).await;
    text(&zones["hosted_zones"][0], "id").to_owned()
}

#[tokio::test]
async fn the_keys_of_a_read_can_t_write_and_can_t_reveal() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    world.ok("list_secrets", here(json!({}))).await;
    let client = secrets(&stolen(&recorder, recorder.keys()));
    client.list_secrets().send().await.unwrap();
    denied!(client.create_secret().name("stolen").secret_string("x"));
    denied!(
        client
            .update_secret()
            .secret_id("payments/db/primary")
            .secret_string("x")
    );
    denied!(client.delete_secret().secret_id("payments/db/primary"));
    denied!(client.get_secret_value().secret_id("payments/db/primary"));

    let value = here(json!({ "secret_id": "payments/db/primary" }));
    world.ok("get_secret_value", value).await;
    let client = secrets(&stolen(&recorder, recorder.keys()));
    client
        .get_secret_value()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap();
    denied!(client.list_secrets());
    denied!(
        client
            .update_secret()
            .secret_id("payments/db/primary")
            .secret_string("x")
    );

    world.ok("list_buckets", here(json!({}))).await;
    let config = stolen(&recorder, recorder.keys());
    s3(&config).list_objects_v2().bucket(BUCKET).send().await.unwrap();
    denied!(s3(&config).put_object().bucket(BUCKET).key("stolen"));
    denied!(s3(&config).delete_object().bucket(BUCKET).key("flags.json"));
    denied!(secrets(&config).list_secrets());
}

#[tokio::test]
async fn the_keys_of_a_write_work_on_nothing_else() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    let name = unique("secret");
    let create = here(json!({ "name": name, "secret_string": "x", "tags": { "team": "ops" } }));
    let arn = text(&world.ok("create_secret", create).await, "arn").to_owned();
    denied!(
        secrets(&stolen(&recorder, recorder.keys()))
            .create_secret()
            .name("other")
            .secret_string("x")
    );

    // A name, the whole ARN, and an ARN without its random end mean the same secret.
    for secret_id in [name.as_str(), arn.as_str(), &arn[..arn.len() - 7]] {
        let update = here(json!({ "secret_id": secret_id, "secret_string": "y" }));
        world.ok("update_secret", update).await;
        let client = secrets(&stolen(&recorder, recorder.keys()));
        client
            .update_secret()
            .secret_id(&name)
            .secret_string("z")
            .send()
            .await
            .unwrap();
        denied!(
            client
                .update_secret()
                .secret_id("payments/db/primary")
                .secret_string("x")
        );
        denied!(client.delete_secret().secret_id(&name));
        denied!(client.get_secret_value().secret_id(&name));
        denied!(client.list_secrets());
    }

    world
        .ok(
            "put_object",
            here(json!({ "bucket": BUCKET, "key": "mine*.txt", "body": "x" })),
        )
        .await;
    let client = s3(&stolen(&recorder, recorder.keys()));
    client
        .put_object()
        .bucket(BUCKET)
        .key("mine*.txt")
        .send()
        .await
        .unwrap();
    denied!(client.put_object().bucket(BUCKET).key("other"));
    denied!(client.delete_object().bucket(BUCKET).key("mine*.txt"));

    let zone = zone_id(&world).await;
    let record = json!({ "name": "lp.dev.acme.example", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"] });
    let changes = json!([{ "action": "UPSERT", "resource_record_set": record }]);
    let change = here(json!({ "hosted_zone_id": format!("/hostedzone/{zone}"), "changes": changes }));
    world.ok("change_resource_record_sets", change).await;
    let client = aws_sdk_route53::Client::new(&stolen(&recorder, recorder.keys()));
    client
        .list_resource_record_sets()
        .hosted_zone_id(&zone)
        .send()
        .await
        .unwrap();
    denied!(
        client
            .list_resource_record_sets()
            .hosted_zone_id("Z0000000000000000000")
    );
    denied!(client.list_hosted_zones());
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

/// What AssumeRole is asked for, for each tool: arguments, statements of the policy.
fn declared(zone: &str) -> Vec<(&'static str, Value, Value)> {
    let allow = |actions: Value, resource: Value| json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    let keys = |service: &str, actions: Value| {
        let mut statement = allow(actions, json!("*"));
        statement["Condition"] = json!({ "StringLike": { "kms:ViaService": format!("{service}.*") } });
        statement
    };
    let secret = json!("arn:aws:secretsmanager:us-east-1:444444444444:secret:lp/new-??????");
    let in_bucket = json!(format!("arn:aws:s3:::{BUCKET}/lp/new"));
    let at = json!({ "bucket": BUCKET, "key": "lp/new" });
    let with = |key: &str, value: Value| {
        let mut object = at.clone();
        object[key] = value;
        object
    };
    let zone_reads = json!([allow(
        json!([
            "route53:GetChange",
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets"
        ]),
        json!("*")
    )]);
    let s3_reads = json!([
        allow(
            json!([
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:ListAllMyBuckets",
                "s3:ListBucket"
            ]),
            json!("*")
        ),
        keys("s3", json!("kms:Decrypt")),
    ]);
    let record = json!({ "name": "lp.dev.acme.example", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"] });
    let changes = json!([{ "action": "UPSERT", "resource_record_set": record }]);
    vec![
        (
            "get_caller_identity",
            json!({}),
            json!([allow(json!("sts:GetCallerIdentity"), json!("*"))]),
        ),
        (
            "list_secrets",
            json!({}),
            json!([allow(json!("secretsmanager:ListSecrets"), json!("*"))]),
        ),
        (
            "create_secret",
            json!({ "name": "lp/new", "secret_string": "x" }),
            json!([
                allow(
                    json!(["secretsmanager:CreateSecret", "secretsmanager:TagResource"]),
                    secret.clone()
                ),
                keys("secretsmanager", json!(["kms:GenerateDataKey", "kms:Decrypt"])),
            ]),
        ),
        (
            "get_secret_value",
            json!({ "secret_id": "lp/new" }),
            json!([
                allow(json!("secretsmanager:GetSecretValue"), json!("*")),
                keys("secretsmanager", json!("kms:Decrypt")),
            ]),
        ),
        (
            "update_secret",
            json!({ "secret_id": "lp/new", "secret_string": "y" }),
            json!([
                allow(json!("secretsmanager:UpdateSecret"), secret.clone()),
                keys(
                    "secretsmanager",
                    json!(["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"])
                ),
            ]),
        ),
        (
            "delete_secret",
            json!({ "secret_id": "lp/new" }),
            json!([allow(json!("secretsmanager:DeleteSecret"), secret)]),
        ),
        ("list_hosted_zones", json!({}), zone_reads.clone()),
        (
            "list_resource_record_sets",
            json!({ "hosted_zone_id": zone }),
            zone_reads.clone(),
        ),
        ("get_change", json!({ "id": "C0123456789" }), zone_reads),
        (
            "change_resource_record_sets",
            json!({ "hosted_zone_id": zone, "changes": changes }),
            json!([allow(
                json!(["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"]),
                json!(format!("arn:aws:route53:::hostedzone/{zone}"))
            )]),
        ),
        ("list_buckets", json!({}), s3_reads.clone()),
        ("list_objects", json!({ "bucket": BUCKET }), s3_reads.clone()),
        (
            "put_object",
            with("body", json!("x")),
            json!([
                allow(json!("s3:PutObject"), in_bucket.clone()),
                keys("s3", json!(["kms:GenerateDataKey", "kms:Decrypt"])),
            ]),
        ),
        ("head_object", at.clone(), s3_reads.clone()),
        ("get_object", at.clone(), s3_reads),
        (
            "delete_object",
            at,
            json!([allow(json!(["s3:DeleteObject", "s3:DeleteObjectVersion"]), in_bucket)]),
        ),
    ]
}

/// The registry, with an external id for development.
fn with_external_id() -> String {
    let mut accounts = registered();
    let entries = accounts.as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|a| a["name"] == json!("development")).unwrap();
    entry["external_id"] = json!("acme-7");
    accounts.to_string()
}

#[tokio::test]
async fn sts_is_asked_for_exactly_what_each_tool_declares() {
    let registry = with_external_id();
    let flags = ["--account-registry", &registry];
    let Some((world, recorder)) = World::recorded(&flags).await else {
        return;
    };
    let declared = declared(&zone_id(&world).await);
    let mut tools: Vec<&str> = declared.iter().map(|(tool, ..)| *tool).collect();
    let catalogue = Catalogue::new(true).unwrap();
    let mut known: Vec<&str> = catalogue
        .entries()
        .filter(|e| e.declaration.targeted)
        .map(|e| &*e.tool.name)
        .collect();
    tools.sort_unstable();
    known.sort_unstable();
    assert_eq!(tools, known, "every tool is looked at here");

    for (tool, arguments, statements) in declared {
        // A read may find the session that another tool of its toolset has asked for.
        let before = recorder.assumed().len();
        let body = world.call(tool, here(arguments.clone())).await;
        let succeeds = tool != "get_change";
        assert_eq!(body["success"], json!(succeeds), "{tool}: {body}");
        let write = catalogue
            .get(tool)
            .unwrap()
            .tool
            .annotations
            .as_ref()
            .unwrap()
            .read_only_hint
            == Some(false)
            && tool != "get_secret_value";
        let asked = if recorder.assumed().len() > before {
            recorder.last()
        } else {
            assert!(!write, "{tool} has a session of its own");
            let same = |a: &&crate::support::recorder::Assumed| a.statements() == statements;
            let assumed = recorder.assumed();
            assumed
                .iter()
                .find(same)
                .unwrap_or_else(|| panic!("{tool}: {assumed:?}"))
                .clone()
        };
        assert_eq!(asked.statements(), statements, "{tool}");
        assert!(asked.get("Policy").len() <= 2048, "{tool}");
        let mut form = asked.form.clone();
        for known in ["Action", "Version", "Policy"] {
            form.remove(known);
        }
        let mut expected = vec![
            ("RoleArn", ROLE),
            ("RoleSessionName", "aws-ops-alice"),
            ("SourceIdentity", "alice"),
            ("ExternalId", "acme-7"),
            ("DurationSeconds", if write { "900" } else { "3600" }),
            ("Tags.member.1.Key", "caller"),
            ("Tags.member.1.Value", "alice"),
        ];
        if write {
            expected.extend([("Tags.member.2.Key", "tool"), ("Tags.member.2.Value", tool)]);
        }
        let expected = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        assert_eq!(form, expected, "{tool}");
    }
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
