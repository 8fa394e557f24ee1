use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{script, seen, started, user};
use crate::support::{
    signed::{Read, Signed, message},
    upstream::{Era, Fault, Upstream},
};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const ID: &str = "session-123e4567-e89b-12d3-a456-426614174000";

async fn runtime() -> (Upstream, Signed) {
    let (upstream, mut client) = started(|_| {}).await;
    client.service = "bedrock-agentcore";
    (upstream, client)
}

async fn invoke(upstream: &Upstream, client: &Signed, message: &Value) -> Read {
    let url = format!("{}?qualifier=DEFAULT", upstream.runtime_url());
    client.post(&url, &[(SESSION, ID)], message).await
}

#[tokio::test]
async fn the_message_reaches_the_server_word_for_word() {
    let (upstream, client) = runtime().await;
    let body = "{ \"jsonrpc\":\"2.0\",  \"id\": \"a\", \"method\":\"tools/call\",\"params\":{\"name\":\"aws___run_script\",\
                \"arguments\":{\"code\":\"1\"}}}";
    let url = format!("{}?qualifier=DEFAULT", upstream.runtime_url());
    let headers = [
        (SESSION, ID),
        ("mcp-session-id", ID),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let read = client.send(client.request(Method::POST, &url, &headers, body)).await;
    assert_eq!(
        (read.header("content-type"), read.header(SESSION)),
        ("application/json", ID)
    );
    let seen = seen(&read);
    assert_eq!(
        (&seen["service"], &seen["session_id"]),
        (&json!("bedrock-agentcore"), &json!(ID))
    );
    let requests = upstream.requests();
    assert_eq!(
        (&requests[0].body[..], requests[0].header(SESSION)),
        (body.as_bytes(), Some(ID))
    );
    let path = "/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A111111111111%3Aruntime%2Fupstream-Ab12Cd34Ef/invocations";
    assert_eq!(requests[0].uri.to_string(), format!("{path}?qualifier=DEFAULT"));

    upstream.set_stream(true);
    let list = message("tools/list", json!({}));
    let streamed = invoke(&upstream, &client, &list).await;
    assert_eq!(streamed.header("content-type"), "text/event-stream");
    for stream in [true, false] {
        upstream.set_stream(stream);
        upstream.fail(Fault::SplitEvents, 1);
        let split = invoke(&upstream, &client, &list).await;
        assert_eq!(split.answer(), streamed.answer());
        assert!(split.text.matches("\ndata: ").count() > 10, "{}", split.text);
    }
}

#[tokio::test]
async fn a_runtime_refuses_in_aws_s_words() {
    let (upstream, client) = runtime().await;
    let list = message("tools/list", json!({}));
    let error = |read: &Read| {
        assert!(read.answer()["message"].is_string(), "{read:?}");
        (read.status.as_u16(), read.header("x-amzn-errortype").to_owned())
    };
    for id in ["x".repeat(32), "x".repeat(257)] {
        let read = client.post(&upstream.runtime_url(), &[(SESSION, &id)], &list).await;
        assert_eq!(error(&read), (400, "ValidationException".to_owned()));
    }
    let other = upstream.runtime_url().replace("upstream-", "other-");
    let read = client.post(&other, &[(SESSION, ID)], &list).await;
    assert_eq!(error(&read), (404, "ResourceNotFoundException".to_owned()));
    let mut wrong = client.clone();
    wrong.service = "aws-mcp";
    assert_eq!(invoke(&upstream, &wrong, &list).await.status, StatusCode::FORBIDDEN);
    let read = invoke(&upstream, &client, &json!("junk")).await;
    assert_eq!(error(&read), (424, "RuntimeClientError".to_owned()));
    for (fault, status, name) in [
        (Fault::Throttled, 429, "ThrottlingException"),
        (Fault::Expired, 403, "ExpiredTokenException"),
        (Fault::Unrecognized, 403, "UnrecognizedClientException"),
        (Fault::RuntimeError, 424, "RuntimeClientError"),
    ] {
        upstream.fail(fault, 1);
        assert_eq!(
            error(&invoke(&upstream, &client, &list).await),
            (status, name.to_owned())
        );
    }
    upstream.expire(&user().access_key);
    assert_eq!(
        error(&invoke(&upstream, &client, &list).await),
        (403, "ExpiredTokenException".to_owned())
    );
}

#[tokio::test]
async fn an_old_server_in_a_runtime_has_no_sessions() {
    let (upstream, mut client) = started(|o| o.era = Era::Legacy).await;
    client.service = "bedrock-agentcore";
    let list = invoke(&upstream, &client, &message("tools/list", json!({}))).await;
    assert!(list.answer()["result"]["tools"].is_array(), "{list:?}");
    let discovered = invoke(&upstream, &client, &message("server/discover", json!({}))).await;
    assert_eq!(discovered.answer()["error"]["code"], -32601, "{discovered:?}");
}

#[tokio::test]
async fn a_server_that_forgot_its_clients_wants_to_be_initialized() {
    let (upstream, client) = runtime().await;
    upstream.set_needs_initialize(true);
    let call = message("tools/call", script());
    let early = invoke(&upstream, &client, &call).await;
    assert_eq!(
        (early.status, &early.answer()["error"]["code"]),
        (StatusCode::OK, &json!(-32602))
    );
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "it", "version": "1" },
    });
    let opened = invoke(&upstream, &client, &message("initialize", params)).await;
    assert_eq!(opened.answer()["result"]["protocolVersion"], "2025-11-25", "{opened:?}");
    let half = invoke(&upstream, &client, &call).await;
    assert_eq!(
        half.answer()["error"]["code"],
        -32602,
        "not before it is told that the client is ready"
    );
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(invoke(&upstream, &client, &ready).await.status, StatusCode::ACCEPTED);
    assert_eq!(
        seen(&invoke(&upstream, &client, &call).await)["account"],
        "111111111111"
    );
    upstream.lose_sessions().await;
    assert_eq!(
        invoke(&upstream, &client, &call).await.answer()["error"]["code"],
        -32602
    );
}
