//! The toolset `aws`: what the AWS MCP Server runs, listed among our tools and called in every account.

mod faults;
mod listing;
mod sessions;

use serde_json::{Value, json};

use crate::support::{
    upstream::{Options, Upstream},
    world::{ALICE, World},
};

/// A server that forwards to a stand-in which speaks both eras.
async fn forwarding(flags: &[&str]) -> Option<(World, Upstream)> {
    World::forwarding(Options::default(), flags).await
}

/// The tools that a client is shown, by name.
async fn tools(world: &World) -> Value {
    let listed = world.rpc(ALICE, "tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap().clone();
    tools
        .into_iter()
        .map(|tool| (tool["name"].as_str().unwrap().to_owned(), tool))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A call of the tool that tells what reached its server.
async fn script(world: &World, mut arguments: Value) -> Value {
    arguments["code"] = json!("1 + 1");
    world.call("aws___run_script", arguments).await
}

/// How often the server was asked for a method.
fn asked(upstream: &Upstream, method: &str) -> usize {
    upstream.requests().iter().filter(|r| r.rpc_method() == method).count()
}

#[tokio::test]
async fn a_call_acts_in_its_account_and_region_and_says_so() {
    let Some((world, upstream)) = forwarding(&[]).await else {
        return;
    };
    let body = script(&world, json!({ "account": "production", "region": "eu-west-1" })).await;
    let data = &body["data"];
    assert_eq!(body["success"], json!(true), "{body}");
    assert_eq!(data["account"], json!("222222222222"));
    assert_eq!(data["_meta"]["AWS_REGION"], json!("eu-west-1"));
    assert_eq!(data["arguments"], json!({ "code": "1 + 1" }), "the selector is ours");
    let receipt = &body["receipt"];
    assert_eq!(receipt["account"], json!("production"));
    assert_eq!(receipt["region"], json!("eu-west-1"));
    assert_eq!(receipt["via"], json!("127.0.0.1"));
    let arn = data["arn"].as_str().unwrap();
    assert!(arn.ends_with(receipt["session_name"].as_str().unwrap()), "{arn}");
    assert!(
        upstream.requests().iter().all(|r| r.account.is_some()),
        "each request is signed"
    );
}

#[tokio::test]
async fn an_argument_that_the_selector_would_hide_goes_by_another_name() {
    let Some((world, _upstream)) = forwarding(&[]).await else {
        return;
    };
    let schema = &tools(&world).await["aws___get_regional_availability"]["inputSchema"]["properties"];
    assert_eq!(schema["tool_region"]["type"], json!("string"));
    assert_eq!(schema["region"], json!({ "type": "string" }));
    let asked = json!({ "account": "staging", "region": "eu-west-1", "tool_region": "ap-south-1" });
    let body = world.call("aws___get_regional_availability", asked).await;
    assert_eq!(body["data"]["arguments"], json!({ "region": "ap-south-1" }), "{body}");
}

#[tokio::test]
async fn answers_of_every_kind_become_data_and_failures_errors() {
    let Some((world, _upstream)) = forwarding(&[]).await else {
        return;
    };
    let one = json!({ "account": "production" });
    let measured = world.ok("aws___measured", one.clone()).await;
    assert_eq!(measured, json!({ "value": 42, "unit": "requests" }));
    let picture = world.ok("aws___picture", one.clone()).await;
    assert_eq!(picture["content"][0]["type"], json!("image"));
    let error = world.fails("aws", "aws___failing", one.clone()).await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("It failed, as it always does."),
        "{error}"
    );
    assert!(error["hint"].as_str().unwrap().contains("aws-ops-target"), "{error}");
    let error = world.fails("aws", "aws___asking", one).await;
    assert!(
        error["message"].as_str().unwrap().contains("can't be forwarded"),
        "{error}"
    );
}

#[tokio::test]
async fn wrong_arguments_are_told_before_anything_is_sent() {
    let Some((world, upstream)) = forwarding(&[]).await else {
        return;
    };
    tools(&world).await;
    upstream.clear();
    let error = world
        .fails("invalid_input", "aws___run_script", json!({ "cod": "1" }))
        .await;
    assert!(
        error["message"].as_str().unwrap().contains("did you mean `code`?"),
        "{error}"
    );
    world
        .fails(
            "unknown_account",
            "aws___run_script",
            json!({ "account": "prodution", "code": "1" }),
        )
        .await;
    world
        .fails(
            "invalid_input",
            "aws___run_script",
            json!({ "code": "1", "read_only": "yes" }),
        )
        .await;
    world
        .fails(
            "invalid_input",
            "aws___run_script",
            json!({ "code": "1", "region": "mars-1" }),
        )
        .await;
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn what_only_reads_runs_in_many_accounts_and_what_may_write_only_when_it_is_told_not_to() {
    let Some((world, upstream)) = forwarding(&[]).await else {
        return;
    };
    let all = json!({ "accounts": ["all"], "regions": ["us-east-1", "eu-west-1"] });
    let body = world.call("aws___list_regions", all.clone()).await;
    assert_eq!(body["summary"], json!({ "targets": 6, "ok": 6, "failed": 0 }), "{body}");

    upstream.clear();
    let error = script(&world, all.clone()).await["error"].clone();
    assert_eq!(error["code"], json!("invalid_input"), "{error}");
    assert!(
        error["message"].as_str().unwrap().contains("read_only: true"),
        "{error}"
    );
    assert!(upstream.requests().is_empty());

    let mut reading = all;
    reading["read_only"] = json!(true);
    let body = script(&world, reading).await;
    assert_eq!(body["summary"], json!({ "targets": 6, "ok": 6, "failed": 0 }), "{body}");
    let mut places: Vec<String> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            let text = |pointer| r["data"].pointer(pointer).unwrap().as_str().unwrap();
            format!("{} {}", text("/account"), text("/_meta/AWS_REGION"))
        })
        .collect();
    places.dedup();
    assert_eq!(places.len(), 6, "{places:?}");

    // The server's own keys can't be cut down, so nothing could hold the promise.
    let error = world
        .fails(
            "invalid_input",
            "aws___run_script",
            json!({ "code": "1", "read_only": true }),
        )
        .await;
    assert!(
        error["message"].as_str().unwrap().contains("session of a role"),
        "{error}"
    );
}

#[tokio::test]
async fn the_keys_are_useless_outside_of_the_aws_mcp_server() {
    let Some((world, _upstream)) = forwarding(&[]).await else {
        return;
    };
    for arguments in [
        json!({ "account": "production" }),
        json!({ "account": "production", "read_only": true }),
    ] {
        let body = script(&world, arguments).await;
        let key = body["data"]["access_key"].as_str().unwrap_or_else(|| panic!("{body}"));
        let (keys, _) = world.accounts().signer(key).unwrap();
        let thief = world.holding(keys);
        thief.ok("get_caller_identity", json!({})).await;
        for tool in ["list_buckets", "list_secrets", "list_hosted_zones"] {
            let error = thief.fails("access_denied", tool, json!({})).await;
            let said = error["message"].as_str().unwrap();
            assert!(
                tool == "list_buckets" || said.contains("explicit deny in a session policy"),
                "{said}"
            );
        }
    }
}
