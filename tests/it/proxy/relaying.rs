//! What passes between client and endpoint arrives as it was sent.

use http::HeaderMap;
use serde_json::json;

use super::talk::{Setting, Talk, text_of};

#[tokio::test]
async fn the_endpoint_speaks_through_the_proxys_initialize() {
    let mut talk = Talk::start(Setting::default()).await;
    let answer = talk.initialize().await;
    let result = &answer["result"];
    assert_eq!(result["protocolVersion"], "2025-11-25");
    assert!(result["instructions"].as_str().unwrap().contains("aws___run_script"));
    assert_eq!(result["capabilities"]["tools"]["listChanged"], true);
    assert!(result["capabilities"]["completions"].is_object());
    assert_eq!(result["serverInfo"]["name"], "aws-ops-mcp");
}

#[tokio::test]
async fn an_older_revision_is_the_clients_choice() {
    let mut talk = Talk::start(Setting::default()).await;
    let params = |version| json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
    let answer = talk.ask("initialize", params("2024-11-05")).await;
    assert_eq!(answer["result"]["protocolVersion"], "2024-11-05");
    let mut talk = Talk::start(Setting::default()).await;
    let answer = talk.ask("initialize", params("1999-01-01")).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn requests_carry_signature_headers_metadata_and_client() {
    let mut setting = Setting::default();
    setting.headers.insert("x-tenant", "acme".parse().unwrap());
    setting.metadata = json!({ "TEAM": "sre", "STAGE": "prod" });
    let mut talk = Talk::legacy(setting).await;
    let answer = talk
        .ask(
            "tools/call",
            json!({ "name": "aws___run_script", "arguments": { "code": "1" }, "_meta": { "TEAM": "mine", "own": 1 } }),
        )
        .await;
    let seen: serde_json::Value = serde_json::from_str(&text_of(&answer)).unwrap();
    assert_eq!(seen["account"], "111111111111");
    assert_eq!(
        seen["_meta"],
        json!({ "AWS_REGION": "eu-central-1", "TEAM": "mine", "STAGE": "prod", "own": 1 })
    );
    let agent = seen["user_agent"].as_str().unwrap();
    assert!(
        agent.starts_with("aws-ops-mcp/") && agent.ends_with(" it-tests/1"),
        "{agent}"
    );
    let requests = talk.upstream.requests();
    assert!(requests.iter().all(|r| r.header("x-tenant") == Some("acme")));
    assert!(
        requests
            .iter()
            .all(|r| r.header("authorization").unwrap().contains("x-tenant"))
    );
    let initialize = requests.iter().find(|r| r.rpc_method() == "initialize").unwrap();
    assert_eq!(initialize.message()["params"]["clientInfo"]["name"], "It Tests");
}

#[tokio::test]
async fn without_telemetry_the_client_stays_unnamed() {
    let mut talk = Talk::legacy(Setting {
        telemetry: false,
        ..Setting::default()
    })
    .await;
    let seen = talk.seen(json!({ "code": "1" })).await;
    assert_eq!(seen["user_agent"], concat!("aws-ops-mcp/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn a_header_of_the_users_replaces_the_user_agent() {
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", "mine/1".parse().unwrap());
    let mut talk = Talk::legacy(Setting {
        headers,
        ..Setting::default()
    })
    .await;
    assert_eq!(talk.seen(json!({ "code": "1" })).await["user_agent"], "mine/1");
}

#[tokio::test]
async fn metadata_goes_only_where_there_are_params() {
    let mut talk = Talk::legacy(Setting::default()).await;
    talk.send(json!({ "jsonrpc": "2.0", "id": "no-params", "method": "tools/list" }))
        .await;
    talk.ask("tools/list", json!({})).await;
    let requests = talk.upstream.requests();
    let mut lists = requests.iter().filter(|r| r.rpc_method() == "tools/list");
    assert!(lists.all(|r| r.message().get("params").is_none()));
}

#[tokio::test]
async fn progress_comes_in_order_before_the_result_and_only_if_asked_for() {
    let mut talk = Talk::legacy(Setting::default()).await;
    for round in 0..20 {
        talk.aside.clear();
        let token = format!("token-{round}");
        let params = json!({ "name": "progressing", "arguments": {}, "_meta": { "progressToken": token } });
        let answer = talk.ask("tools/call", params).await;
        assert_eq!(text_of(&answer), "\"done\"");
        let told: Vec<_> = talk.aside.iter().map(|n| &n["params"]).collect();
        let steps: Vec<_> = told
            .iter()
            .map(|p| (p["progressToken"].clone(), p["progress"].as_f64().unwrap()))
            .collect();
        assert_eq!(steps, [(json!(token), 1.0), (json!(token), 2.0)]);
    }
    talk.aside.clear();
    talk.call("progressing", json!({})).await;
    assert!(talk.aside.is_empty(), "{:?}", talk.aside);
}

#[tokio::test]
async fn what_the_endpoint_asks_the_client_answers() {
    let mut talk = Talk::legacy(Setting::default()).await;
    let id = talk
        .begin("tools/call", json!({ "name": "asking", "arguments": {} }))
        .await;
    let question = talk.next_message().await;
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "What is your name?");
    let result = json!({ "action": "accept", "content": { "name": "Ada" } });
    talk.send(json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }))
        .await;
    let answer = talk.answer(id).await;
    assert!(text_of(&answer).contains("Ada"), "{answer}");
}

#[tokio::test]
async fn changes_of_the_list_reach_the_client() {
    let mut talk = Talk::legacy(Setting::default()).await;
    talk.ask("tools/list", json!({})).await;
    talk.upstream
        .put_tool(json!({ "name": "new", "inputSchema": { "type": "object" } }));
    let note = talk.next_message().await;
    assert_eq!(note["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_at_the_endpoint() {
    let mut talk = Talk::legacy(Setting::default()).await;
    let id = talk
        .begin("tools/call", json!({ "name": "asking", "arguments": {} }))
        .await;
    let question = talk.next_message().await;
    assert_eq!(question["method"], "elicitation/create");
    let params = json!({ "requestId": id, "reason": "enough" });
    talk.send(json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }))
        .await;
    // The cancellation is on its way beside the next request: a round trip, or a few, and it is there.
    for _ in 0..200 {
        talk.ask("ping", json!({})).await;
        if talk.asked("notifications/cancelled") > 0 {
            return;
        }
    }
    panic!("the endpoint was not told");
}

#[tokio::test]
async fn images_structures_and_errors_pass_as_they_are() {
    let mut talk = Talk::legacy(Setting::default()).await;
    let picture = talk.call("picture", json!({})).await;
    assert_eq!(picture["result"]["content"][0]["mimeType"], "image/png");
    let measured = talk.call("measured", json!({})).await;
    assert_eq!(
        measured["result"]["structuredContent"],
        json!({ "value": 42, "unit": "requests" })
    );
    let failing = talk.call("failing", json!({})).await;
    assert_eq!(failing["result"]["isError"], true);
    assert_eq!(text_of(&failing), "It failed, as it always does.");
}

#[tokio::test]
async fn resources_prompts_and_completion_are_relayed() {
    let mut talk = Talk::legacy(Setting::default()).await;
    let listed = talk.ask("resources/list", json!({})).await;
    assert_eq!(listed["result"]["resources"].as_array().unwrap().len(), 2);
    let templates = talk.ask("resources/templates/list", json!({})).await;
    assert_eq!(templates["result"]["resourceTemplates"].as_array().unwrap().len(), 1);
    let read = talk.ask("resources/read", json!({ "uri": "upstream://welcome" })).await;
    assert_eq!(read["result"]["contents"][0]["text"], "Welcome.");
    let missing = talk.ask("resources/read", json!({ "uri": "upstream://nowhere" })).await;
    assert_eq!(missing["error"]["code"], -32002);
    let prompts = talk.ask("prompts/list", json!({})).await;
    assert_eq!(prompts["result"]["prompts"].as_array().unwrap().len(), 2);
    let prompt = talk.ask("prompts/get", json!({ "name": "greet" })).await;
    assert_eq!(prompt["result"]["messages"][0]["content"]["text"], "Say hello.");
    let complete = json!({ "ref": { "type": "ref/prompt", "name": "investigate" }, "argument": { "name": "service", "value": "e" } });
    let completed = talk.ask("completion/complete", complete).await;
    assert_eq!(completed["result"]["completion"]["total"], 3);
    let level = talk.ask("logging/setLevel", json!({ "level": "info" })).await;
    assert_eq!(level["result"], json!({}), "who sends no log messages can't send fewer");
}

#[tokio::test]
async fn lines_that_are_no_messages_are_answered_and_do_no_harm() {
    let mut talk = Talk::legacy(Setting::default()).await;
    talk.line("{oops").await;
    let answer = talk.next_message().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(null), &json!(-32700))
    );
    talk.line("").await;
    talk.line("[]").await;
    assert_eq!(talk.next_message().await["error"]["code"], -32600);
    let wrong = talk.ask("tools/call", json!({ "arguments": 5 })).await;
    assert_eq!(
        wrong["error"],
        json!({ "code": -32602, "message": "Invalid request parameters" })
    );
    let unknown = talk.ask("no/such", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32601);
    assert_eq!(talk.ask("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn at_the_end_the_session_is_ended() {
    let mut talk = Talk::legacy(super::talk::two_profiles()).await;
    talk.seen(json!({ "code": "1", "aws_profile": "alpha" })).await;
    assert_eq!(talk.upstream.session_count(), 2);
    talk.end().await;
    assert_eq!(talk.upstream.session_count(), 0);
    assert_eq!(talk.asked("DELETE"), 2);
}
