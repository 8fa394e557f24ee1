//! Resources and completions, as clients ask for them over HTTP.

use serde_json::{Value, json};

use crate::support::{
    messages::initialize,
    text, texts,
    world::{ACCOUNTS, ALICE, World},
};

async fn ask(world: &World, method: &str, params: Value) -> Value {
    let answer = world.rpc(ALICE, method, params).await;
    answer
        .get("result")
        .unwrap_or_else(|| panic!("{method}: {answer}"))
        .clone()
}

/// What a resource holds.
async fn read(world: &World, uri: &str) -> Value {
    let result = ask(world, "resources/read", json!({ "uri": uri })).await;
    let contents = result["contents"].as_array().unwrap();
    assert_eq!(contents.len(), 1, "{uri}");
    assert_eq!(
        (text(&contents[0], "uri"), text(&contents[0], "mimeType")),
        (uri, "application/json")
    );
    serde_json::from_str(text(&contents[0], "text")).unwrap()
}

async fn completed(world: &World, uri: &str, argument: &str, typed: &str) -> Value {
    let params =
        json!({ "ref": { "type": "ref/resource", "uri": uri }, "argument": { "name": argument, "value": typed } });
    ask(world, "completion/complete", params).await["completion"].clone()
}

#[tokio::test]
async fn the_server_says_that_it_has_resources_and_completions() {
    let world = World::new().await;
    let response = world.send(ALICE, None, &initialize()).await;
    let bytes = http_body_util::BodyExt::collect(response.into_body())
        .await
        .unwrap()
        .to_bytes();
    let answer: Value = serde_json::from_slice(&bytes).unwrap();
    let capabilities = answer["result"]["capabilities"].as_object().unwrap();
    for capability in ["tools", "resources", "completions"] {
        assert!(capabilities.contains_key(capability), "{answer}");
    }
}

#[tokio::test]
async fn every_account_toolset_and_list_is_a_resource_that_can_be_read() {
    let world = World::new().await;
    let listed = ask(&world, "resources/list", json!({})).await;
    let listed = listed["resources"].as_array().unwrap();
    let uris = texts(listed, "uri");
    for (name, ..) in ACCOUNTS {
        assert!(uris.contains(&format!("aws://accounts/{name}")), "{uris:?}");
    }
    for uri in [
        "aws://accounts",
        "aws://toolsets",
        "aws://toolsets/secrets",
        "aws://regions",
    ] {
        assert!(uris.contains(&uri.to_owned()), "{uris:?}");
    }
    assert!(!uris.iter().any(|uri| uri.contains("central")), "{uris:?}");
    for (resource, uri) in listed.iter().zip(&uris) {
        assert_eq!(text(resource, "mimeType"), "application/json");
        assert!(read(&world, uri).await.is_object(), "{uri}");
    }
}

#[tokio::test]
async fn an_account_says_how_it_is_reached_and_never_its_external_id() {
    let registry = json!([{ "name": "payments", "id": "222222222222", "aliases": ["pay"], "external_id": "hidden-7",
        "environment": "production", "regions": ["eu-west-1"], "tags": { "team": "payments" } }]);
    let world = World::with(&["--account-registry", &registry.to_string()]).await;
    let account = read(&world, "aws://accounts/payments").await;
    let expected = json!({
        "name": "payments", "id": "222222222222", "aliases": ["pay"], "environment": "production", "kind": "workload",
        "role_arn": "arn:aws:iam::222222222222:role/aws-ops-target", "profile": null, "region": null,
        "regions": ["eu-west-1"], "tags": { "team": "payments" },
    });
    assert_eq!(account, expected);
    // Whatever else names it leads there too.
    for name in ["pay", "222222222222", "PAYMENTS"] {
        assert_eq!(read(&world, &format!("aws://accounts/{name}")).await, expected);
    }
    assert_eq!(read(&world, "aws://accounts").await, json!({ "accounts": [expected] }));
    let region = |name: &str| format!("aws://regions/{name}");
    assert_eq!(
        read(&world, &region("eu-west-1")).await["accounts"],
        json!(["payments"])
    );
    assert_eq!(read(&world, &region("us-east-1")).await["accounts"], json!([]));
}

#[tokio::test]
async fn a_toolset_lists_the_tools_that_this_server_has() {
    let world = World::with(&["--tools", "list_secrets,get_caller_identity", "--read-only"]).await;
    assert_eq!(
        read(&world, "aws://toolsets").await,
        json!({ "toolsets": ["sts", "secrets"] })
    );
    let secrets = read(&world, "aws://toolsets/secrets").await;
    let tool = json!({ "name": "list_secrets", "access": "read", "iam_actions": ["secretsmanager:ListSecrets"] });
    assert_eq!(secrets["tools"], json!([tool]));
    let answer = world
        .rpc(ALICE, "resources/read", json!({ "uri": "aws://toolsets/s3" }))
        .await;
    assert!(answer.get("error").is_some(), "a hidden toolset is none: {answer}");
}

#[tokio::test]
async fn what_is_no_resource_is_a_protocol_error_that_names_it() {
    let world = World::new().await;
    for uri in [
        "aws://accounts/nobody",
        "aws://accounts/",
        "aws://regions/mars",
        "aws://toolsets/nothing",
        "aws://",
        "aws://secrets/x",
        "AWS://accounts",
        "aws://accounts/../regions",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "",
    ] {
        let answer = world.rpc(ALICE, "resources/read", json!({ "uri": uri })).await;
        assert_eq!(answer["error"]["code"], json!(-32002), "{uri}: {answer}");
        assert_eq!(answer["error"]["data"]["uri"], json!(uri));
        assert!(answer.get("result").is_none(), "{answer}");
    }
}

#[tokio::test]
async fn the_templates_are_those_of_accounts_toolsets_and_regions() {
    let world = World::new().await;
    let listed = ask(&world, "resources/templates/list", json!({})).await;
    let templates = texts(listed["resourceTemplates"].as_array().unwrap(), "uriTemplate");
    let expected = [
        "aws://accounts/{name}",
        "aws://toolsets/{toolset}",
        "aws://tools/{tool}",
        "aws://regions/{region}",
    ];
    assert_eq!(templates, expected);
}

#[tokio::test]
async fn names_of_accounts_toolsets_and_regions_complete() {
    let world = World::new().await;
    for (uri, argument, typed, expected) in [
        (
            "aws://accounts/{name}",
            "name",
            "",
            json!(["production", "staging", "development"]),
        ),
        ("aws://accounts/{name}", "name", "St", json!(["staging"])),
        ("aws://accounts/{name}", "name", "central", json!([])),
        ("aws://toolsets/{toolset}", "toolset", "r", json!(["route53"])),
        (
            "aws://regions/{region}",
            "region",
            "eu-west-",
            json!(["eu-west-1", "eu-west-2", "eu-west-3"]),
        ),
        ("aws://accounts/{name}", "colour", "", json!([])),
        ("file:///{name}", "name", "", json!([])),
    ] {
        let completion = completed(&world, uri, argument, typed).await;
        assert_eq!(completion["values"], expected, "{uri} {argument} {typed}");
        assert_eq!(completion["hasMore"], json!(false));
        assert_eq!(completion["total"], json!(expected.as_array().unwrap().len()));
    }
}

#[tokio::test]
async fn more_names_than_the_protocol_allows_are_cut_and_counted() {
    let account =
        |n: u32| json!({ "name": format!("team-{n:03}"), "id": format!("{:012}", 200_000_000_000_u64 + u64::from(n)) });
    let registry: Value = (0..150).map(account).collect();
    let world = World::with(&["--account-registry", &registry.to_string()]).await;
    let completion = completed(&world, "aws://accounts/{name}", "name", "team").await;
    assert_eq!(completion["values"].as_array().unwrap().len(), 100);
    assert_eq!(
        (&completion["total"], &completion["hasMore"]),
        (&json!(150), &json!(true))
    );
}
