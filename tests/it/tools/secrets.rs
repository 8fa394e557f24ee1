//! Secrets Manager.

use serde_json::{Value, json};

use crate::support::{
    text, texts, unique,
    world::{ACCOUNTS, World},
};

pub(super) const PRIMARY: &str = "payments/db/primary";

pub(super) fn here(arguments: Value) -> Value {
    let mut arguments = arguments;
    arguments["account"] = json!("development");
    arguments
}

/// Creates a secret in development, and gives its name.
pub(super) async fn created(world: &World, value: &str) -> String {
    let name = unique("secret");
    world
        .ok("create_secret", here(json!({ "name": name, "secret_string": value })))
        .await;
    name
}

pub(super) async fn value_of(world: &World, name: &str) -> Value {
    world.ok("get_secret_value", here(json!({ "secret_id": name }))).await
}

pub(super) async fn forget(world: &World, name: &str) {
    world
        .ok(
            "delete_secret",
            here(json!({ "secret_id": name, "force_delete_without_recovery": true })),
        )
        .await;
}

#[tokio::test]
async fn accounts_hold_the_same_names_and_their_own_values() {
    let world = World::new().await;
    for (name, id, ..) in ACCOUNTS {
        let data = world
            .ok("get_secret_value", json!({ "account": name, "secret_id": PRIMARY }))
            .await;
        assert!(text(&data, "arn").contains(id), "{data}");
        let value: Value = serde_json::from_str(text(&data, "secret_string")).unwrap();
        assert_eq!(text(&value, "host"), format!("payments-primary.{name}.db.acme.example"));
        assert!(
            text(&value, "password").contains(name) && value.get("username").is_some(),
            "{value}"
        );
        assert_eq!(data["version_stages"], json!(["AWSCURRENT"]));
    }
}

#[tokio::test]
async fn one_accounts_secret_is_not_another_accounts() {
    let world = World::new().await;
    let tenant = json!({ "account": "staging", "secret_id": "tenants/t-001/api-token" });
    let data = world.ok("get_secret_value", tenant).await;
    for id in ["tenants/t-001/api-token", text(&data, "arn")] {
        let elsewhere = json!({ "account": "production", "secret_id": id });
        let body = world.call("get_secret_value", elsewhere).await;
        assert_eq!(body["success"], json!(false), "{body}");
        assert!(!body.to_string().contains("tenant-001-not"), "{body}");
    }
}

#[tokio::test]
async fn regions_hold_different_secrets() {
    let world = World::new().await;
    let names = async |region: &str| {
        let arguments = json!({ "account": "production", "region": region });
        let data = world.ok("list_secrets", arguments).await;
        texts(data["secrets"].as_array().unwrap(), "name")
    };
    assert!(names("eu-west-1").await.contains(&"payments/db/replica".to_owned()));
    assert!(!names("us-east-1").await.contains(&"payments/db/replica".to_owned()));
    assert!(names("ap-south-1").await.is_empty());
    let key = "platform/datadog/api-key";
    let value = async |region: &str| {
        let arguments = json!({ "account": "production", "region": region, "secret_id": key });
        text(&world.ok("get_secret_value", arguments).await, "secret_string").to_owned()
    };
    assert_ne!(value("eu-west-1").await, value("us-east-1").await);
}

#[tokio::test]
async fn a_list_shows_no_values_and_follows_its_filters() {
    let world = World::new().await;
    let listed = async |filters: Value| {
        let arguments = json!({ "account": "production", "filters": filters });
        world.ok("list_secrets", arguments).await
    };
    let payments = listed(json!([{ "key": "name", "values": ["payments/"] }])).await;
    let mut names = texts(payments["secrets"].as_array().unwrap(), "name");
    names.sort();
    assert_eq!(names, [PRIMARY, "payments/stripe/api-key"]);
    assert!(!payments.to_string().contains("Vq7tLw2e"), "{payments}");
    assert_eq!(payments["secrets"][0]["tags"]["environment"], json!("production"));
    let both =
        listed(json!([{ "key": "name", "values": ["payments/"] }, { "key": "description", "values": ["key OF"] }]))
            .await;
    assert_eq!(
        texts(both["secrets"].as_array().unwrap(), "name"),
        ["payments/stripe/api-key"]
    );
    let web = listed(json!([{ "key": "tag-value", "values": ["web"] }])).await;
    assert_eq!(web["secrets"].as_array().unwrap().len(), 2, "{web}");
}

#[tokio::test]
async fn the_pages_of_a_list_are_the_whole_list() {
    let world = World::new().await;
    let arguments = json!({ "account": "staging" });
    let whole = world.ok("list_secrets", arguments.clone()).await;
    let whole = texts(whole["secrets"].as_array().unwrap(), "name");
    assert!(whole.len() >= 126, "{}", whole.len());
    for size in [1, 50, 100, 125] {
        let pages = world.pages("list_secrets", arguments.clone(), size, "secrets").await;
        assert!(pages.iter().all(|page| page.len() <= size as usize));
        assert_eq!(texts(&pages.concat(), "name"), whole, "{size} at a time");
    }
}

#[tokio::test]
async fn a_cursor_from_elsewhere_is_refused() {
    // ministack takes any.
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({ "account": "staging", "next_token": "made up" });
    let error = world.fails("invalid_input", "list_secrets", arguments).await;
    assert_eq!(error["aws_code"], json!("InvalidNextTokenException"));
}

#[tokio::test]
async fn a_binary_value_comes_and_goes_as_base64() {
    let world = World::new().await;
    let keystore = json!({ "account": "staging", "secret_id": "web/tls/keystore" });
    let data = world.ok("get_secret_value", keystore).await;
    assert_eq!(data["secret_binary"], json!("AJ+Slv/+"));
    assert!(data.get("secret_string").is_none());
    let name = unique("binary");
    world
        .ok(
            "create_secret",
            here(json!({ "name": name, "secret_binary": "/+4AAQ==" })),
        )
        .await;
    assert_eq!(value_of(&world, &name).await["secret_binary"], json!("/+4AAQ=="));
    world
        .ok(
            "update_secret",
            here(json!({ "secret_id": name, "secret_binary": "AAEC" })),
        )
        .await;
    assert_eq!(value_of(&world, &name).await["secret_binary"], json!("AAEC"));
    forget(&world, &name).await;
}

#[tokio::test]
async fn any_text_survives_as_it_is() {
    let world = World::new().await;
    for value in [
        "ünï→𝄞 \"quoted\" \\ \u{202e}",
        "line\r\nline\ttab\u{1b}[31m",
        " ",
        "{\"a\": 1}",
    ] {
        let name = created(&world, value).await;
        assert_eq!(text(&value_of(&world, &name).await, "secret_string"), value);
        forget(&world, &name).await;
    }
}

#[tokio::test]
async fn an_update_keeps_the_former_value_readable() {
    let world = World::new().await;
    let name = created(&world, "first").await;
    let first = value_of(&world, &name).await;
    let update = json!({ "secret_id": name, "secret_string": "second", "description": "changed" });
    let updated = world.ok("update_secret", here(update)).await;
    let current = value_of(&world, &name).await;
    assert_eq!(text(&current, "secret_string"), "second");
    assert_eq!(current["version_id"], updated["version_id"]);
    for by in [
        json!({ "version_stage": "AWSPREVIOUS" }),
        json!({ "version_id": first["version_id"] }),
    ] {
        let mut arguments = here(by);
        arguments["secret_id"] = json!(name);
        let former = world.ok("get_secret_value", arguments).await;
        assert_eq!(text(&former, "secret_string"), "first");
        assert_eq!(former["version_stages"], json!(["AWSPREVIOUS"]));
    }
    forget(&world, &name).await;
}

#[tokio::test]
async fn a_new_description_makes_no_new_version() {
    let world = World::new().await;
    let name = created(&world, "value").await;
    let before = value_of(&world, &name).await;
    let update = json!({ "secret_id": name, "description": "only words" });
    let updated = world.ok("update_secret", here(update)).await;
    assert!(updated.get("version_id").is_none(), "{updated}");
    assert_eq!(value_of(&world, &name).await["version_id"], before["version_id"]);
    let filters = json!([{ "key": "name", "values": [name] }]);
    let listed = world.ok("list_secrets", here(json!({ "filters": filters }))).await;
    assert_eq!(listed["secrets"][0]["description"], json!("only words"));
    forget(&world, &name).await;
}

#[tokio::test]
async fn a_repeated_creation_with_its_token_creates_once() {
    // ministack knows no tokens.
    let Some(world) = World::sandbox(&[]).await else { return };
    let name = unique("token");
    let token = uuid::Uuid::new_v4().to_string();
    let create = here(json!({
        "name": name, "secret_string": "value", "client_request_token": token, "description": "made once",
        "tags": { "team": "sre" },
    }));
    let first = world.ok("create_secret", create.clone()).await;
    let second = world.ok("create_secret", create.clone()).await;
    assert_eq!(first, second);
    assert_eq!(text(&first, "version_id"), token);
    let filters = json!([{ "key": "name", "values": [name] }]);
    let listed = world.ok("list_secrets", here(json!({ "filters": filters }))).await;
    assert_eq!(listed["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(listed["secrets"][0]["tags"], json!({ "team": "sre" }));
    let mut other = create;
    other["secret_string"] = json!("another value");
    let error = world.fails("conflict", "create_secret", other).await;
    assert_eq!(error["aws_code"], json!("ResourceExistsException"));
    assert_eq!(text(&value_of(&world, &name).await, "secret_string"), "value");
    forget(&world, &name).await;
}

#[tokio::test]
async fn a_name_that_exists_is_not_created_again() {
    let world = World::new().await;
    let name = created(&world, "value").await;
    let again = json!({ "name": name, "secret_string": "other" });
    let error = world.fails("conflict", "create_secret", here(again)).await;
    assert_eq!(error["aws_code"], json!("ResourceExistsException"));
    assert!(text(&error, "request_id").len() >= 16, "{error}");
    forget(&world, &name).await;
}

#[tokio::test]
async fn half_and_double_values_are_refused() {
    let world = World::new().await;
    let name = unique("refused");
    for (tool, arguments, expected) in [
        (
            "create_secret",
            json!({ "name": name }),
            "give secret_string or secret_binary",
        ),
        (
            "create_secret",
            json!({ "name": name, "secret_string": "a", "secret_binary": "AA==" }),
            "exclude",
        ),
        (
            "create_secret",
            json!({ "name": name, "secret_binary": "hunter2!" }),
            "not valid base64",
        ),
        ("update_secret", json!({ "secret_id": name }), "nothing to change"),
        (
            "update_secret",
            json!({ "secret_id": name, "secret_string": "a", "secret_binary": "AA==" }),
            "exclude",
        ),
    ] {
        let error = world.fails("invalid_input", tool, here(arguments)).await;
        let message = text(&error, "message");
        assert!(message.contains(expected) && !message.contains("hunter2"), "{message}");
    }
    world
        .fails("not_found", "get_secret_value", here(json!({ "secret_id": name })))
        .await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let world = World::new().await;
    let missing = unique("missing");
    for (tool, arguments) in [
        ("get_secret_value", json!({ "secret_id": missing })),
        (
            "get_secret_value",
            json!({ "secret_id": PRIMARY, "version_stage": "NOSUCH" }),
        ),
        ("update_secret", json!({ "secret_id": missing, "secret_string": "x" })),
        ("delete_secret", json!({ "secret_id": missing })),
    ] {
        let error = world.fails("not_found", tool, here(arguments)).await;
        assert_eq!(error["aws_code"], json!("ResourceNotFoundException"));
        assert_eq!(error["retryable"], json!(false));
    }
}

#[tokio::test]
async fn a_secret_tells_its_rotation_and_versions_in_every_account_but_no_value() {
    let Some(world) = World::sandbox(&[]).await else { return };
    for (account, id, ..) in ACCOUNTS {
        let at = json!({ "account": account, "secret_id": PRIMARY, "include_deprecated": true });
        let versions = world.ok("list_secret_version_ids", at).await;
        assert_eq!(versions["count"], json!(3), "{versions}");
        let at = json!({ "account": account, "secret_id": PRIMARY });
        let about = world.ok("describe_secret", at).await;
        assert!(text(&about, "rotation_lambda_arn").contains(id), "{about}");
        assert!(text(&about, "last_rotated_date").ends_with(" ago)"), "{about}");
        assert!(!format!("{about}{versions}").contains("password"), "{about}");
    }
    let stripe = json!({ "account": "production", "secret_id": "payments/stripe/api-key" });
    let policy = world.ok("get_secret_policy", stripe).await;
    assert_eq!(policy["policy"]["Statement"][0]["Sid"], json!("SettlementReadsTheKey"));
}

#[tokio::test]
async fn a_rotation_keeps_the_former_value_readable() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let name = created(&world, "first").await;
    let at = json!({ "secret_id": name });
    let error = world.fails("aws", "rotate_secret", here(at.clone())).await;
    assert_eq!(error["aws_code"], json!("InvalidRequestException"));
    let mut rotate = here(at.clone());
    rotate["rotation_lambda_arn"] = json!("arn:aws:lambda:us-east-1:444444444444:function:acme-rotate");
    rotate["automatically_after_days"] = json!(30);
    let rotated = world.ok("rotate_secret", rotate).await;
    assert_eq!(value_of(&world, &name).await["version_id"], rotated["version_id"]);
    let mut former = here(at.clone());
    former["version_stage"] = json!("AWSPREVIOUS");
    assert_eq!(
        text(&world.ok("get_secret_value", former).await, "secret_string"),
        "first"
    );
    assert_eq!(
        world.ok("describe_secret", here(at)).await["rotation_schedule"],
        json!("every 30 days")
    );
    forget(&world, &name).await;
}

#[tokio::test]
async fn a_deleted_secret_is_restored_with_its_tags_and_policy() {
    let world = World::new().await;
    let name = created(&world, "value").await;
    let at = here(json!({ "secret_id": name }));
    let with = |field: &str, value: Value| {
        let mut arguments = at.clone();
        arguments[field] = value;
        arguments
    };
    let tags = json!({ "team": "sre", "tier": "1" });
    world.ok("tag_secret", with("tags", tags)).await;
    world.ok("tag_secret", with("untag", json!(["tier"]))).await;
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::444444444444:root" },
        "Action": "secretsmanager:GetSecretValue", "Resource": "*",
    }]});
    world.ok("put_secret_policy", with("policy", policy.clone())).await;
    world.ok("delete_secret", at.clone()).await;
    world.ok("restore_secret", at.clone()).await;
    let about = world.ok("describe_secret", at.clone()).await;
    assert_eq!(about["tags"], json!({ "team": "sre" }));
    assert!(about.get("deleted_date").is_none(), "{about}");
    assert_eq!(world.ok("get_secret_policy", at.clone()).await["policy"], policy);
    assert_eq!(text(&value_of(&world, &name).await, "secret_string"), "value");
    for nothing in [Value::Null, json!({})] {
        let error = world
            .fails("invalid_input", "put_secret_policy", with("policy", nothing))
            .await;
        assert!(text(&error, "message").contains("never deletes"), "{error}");
    }
    forget(&world, &name).await;
}
