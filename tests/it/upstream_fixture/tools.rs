use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::started;
use crate::support::{signed::message, texts};

/// Reads a stream until a message comes that is wanted.
async fn next(stream: &mut Incoming, wanted: impl Fn(&Value) -> bool) -> Value {
    let read = async {
        let mut text = String::new();
        loop {
            let frame = stream.frame().await.unwrap().unwrap();
            text += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
            let lines = text.lines().filter_map(|l| l.strip_prefix("data: "));
            let mut messages = lines.filter_map(|l| serde_json::from_str::<Value>(l).ok());
            if let Some(found) = messages.find(|m| wanted(m)) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), read).await.unwrap()
}

#[tokio::test]
async fn the_list_can_change_and_come_in_pages() {
    let (upstream, client) = started(|_| {}).await;
    let url = upstream.url();
    let list = async |params: Value| client.modern(&url, "tools/list", params).await.answer()["result"].take();
    let names = |list: &Value| texts(list["tools"].as_array().unwrap(), "name");
    let whole = names(&list(json!({})).await);
    assert!(whole.contains(&"aws___run_script".to_owned()) && whole.len() > 12);

    upstream.set_pages(true);
    let first = list(json!({})).await;
    let second = list(json!({ "cursor": first["nextCursor"] })).await;
    assert_eq!([names(&first), names(&second)].concat(), whole);
    assert!(second.get("nextCursor").is_none() && !names(&first).is_empty() && !names(&second).is_empty());
    upstream.set_pages(false);

    // Whoever has a session hears of it.
    let session = client.initialize(&url).await;
    let get = client.request(Method::GET, &url, &[("mcp-session-id", &session)], "");
    let mut stream = client.open(get).await.into_body();
    let definition = json!({ "name": "new", "description": "1", "inputSchema": { "type": "object" } });
    upstream.put_tool(definition.clone());
    next(&mut stream, |m| m["method"] == "notifications/tools/list_changed").await;
    let mut changed = definition;
    changed["description"] = json!("2");
    upstream.put_tool(changed);
    upstream.remove_tool("aws___run_script");
    let tools = list(json!({})).await["tools"].take();
    let tools = tools.as_array().unwrap();
    assert!(!texts(tools, "name").contains(&"aws___run_script".to_owned()));
    let new: Vec<_> = tools.iter().filter(|t| t["name"] == "new").collect();
    assert_eq!((new.len(), &new[0]["description"]), (1, &json!("2")));
    let gone = client
        .modern(&url, "tools/call", json!({ "name": "aws___run_script" }))
        .await;
    assert_eq!(gone.answer()["error"]["code"], -32602);

    // With its session the stream ends.
    upstream.lose_sessions().await;
    let end = async { while stream.frame().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(60), end).await.unwrap();
}

#[tokio::test]
async fn each_kind_of_answer_is_there() {
    let (upstream, client) = started(|_| {}).await;
    let url = upstream.url();
    let call = async |params: Value| client.modern(&url, "tools/call", params).await;
    let result = async |name: &str| call(json!({ "name": name })).await.answer()["result"].take();
    assert_eq!(result("failing").await["isError"], true);
    assert_eq!(result("picture").await["content"][0]["type"], "image");
    assert_eq!(result("measured").await["structuredContent"]["value"], 42);
    let progress = call(json!({ "name": "progressing", "_meta": { "progressToken": "p" } }))
        .await
        .messages();
    let told: Vec<_> = progress
        .iter()
        .filter(|m| m["method"] == "notifications/progress")
        .collect();
    assert_eq!((told.len(), &told[1]["params"]["progress"]), (2, &json!(2.0)));
    assert_eq!(
        call(json!({ "name": "progressing" })).await.messages().len(),
        1,
        "without a token"
    );

    let tools = client.modern(&url, "tools/list", json!({})).await.answer();
    let tool = |name: &str| {
        let tools = tools["result"]["tools"].as_array().unwrap();
        tools.iter().find(|t| t["name"] == name).unwrap().clone()
    };
    assert_eq!(tool("aws___get_tasks")["annotations"]["readOnlyHint"], true);
    assert_eq!(
        tool("aws___run_script")["annotations"],
        json!({ "destructiveHint": true })
    );
    assert!(tool("unannotated").get("annotations").is_none());
    assert!(tool("measured")["outputSchema"].is_object());
    assert!(tool("aws___get_regional_availability")["inputSchema"]["properties"]["region"].is_object());
    for (method, params, field) in [
        ("resources/list", json!({}), "resources"),
        ("resources/templates/list", json!({}), "resourceTemplates"),
        (
            "resources/read",
            json!({ "uri": "upstream://regions/eu-west-1" }),
            "contents",
        ),
        ("prompts/list", json!({}), "prompts"),
        (
            "prompts/get",
            json!({ "name": "investigate", "arguments": { "service": "ec2" } }),
            "messages",
        ),
    ] {
        let answer = client.modern(&url, method, params).await.answer();
        assert!(
            !answer["result"][field].as_array().unwrap().is_empty(),
            "{method}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_tool_asks_back_in_each_era() {
    let (upstream, client) = started(|_| {}).await;
    let url = upstream.url();
    let given = json!({ "action": "accept", "content": { "name": "Ada" } });

    let asked = client
        .modern(&url, "tools/call", json!({ "name": "asking" }))
        .await
        .answer();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let again = json!({ "name": "asking", "inputResponses": { "name": given } });
    let done = client.modern(&url, "tools/call", again).await;
    assert!(done.text.contains("Ada"), "{done:?}");

    let session = client.initialize(&url).await;
    let call = message("tools/call", json!({ "name": "asking" })).to_string();
    let headers = [("mcp-session-id", session.as_str())];
    let mut stream = client
        .open(client.request(Method::POST, &url, &headers, &call))
        .await
        .into_body();
    let question = next(&mut stream, |m| m["method"] == "elicitation/create").await;
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": given });
    client.in_session(&url, &session, &reply).await;
    let done = next(&mut stream, |m| m["id"] == 7 && m.get("result").is_some()).await;
    assert!(done.to_string().contains("Ada"), "{done}");
}
