//! What the client is told when something fails, and what is mended without a word.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, Setup, error, keys_of, methods, sessions, upstream, user};
use crate::support::upstream::{Caller, Fault};

#[tokio::test]
async fn aws_errors_are_told_as_boto3_has_them_with_a_hint() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    for (fault, status, code, hint) in [
        (Fault::NotFound, 404, "ResourceNotFoundException", "AGENTCORE_AGENT_ARN"),
        (
            Fault::Denied,
            403,
            "AccessDeniedException",
            "bedrock-agentcore:InvokeAgentRuntime on arn:aws:bedrock-agentcore:us-east-1:111111111111",
        ),
        (Fault::Invalid, 400, "ValidationException", ""),
        (Fault::Throttled, 429, "ThrottlingException", "in a few seconds"),
        (
            Fault::Unavailable,
            503,
            "ServiceUnavailableException",
            "in a few seconds",
        ),
        (
            Fault::RuntimeError,
            424,
            "RuntimeClientError",
            "/aws/bedrock-agentcore/runtimes/upstream-Ab12Cd34Ef-DEFAULT",
        ),
        (Fault::Html, 502, "502", ""),
    ] {
        upstream.fail_on("tools/call", fault, 1);
        let answer = client.script().await;
        let (number, message) = error(&answer);
        assert_eq!(number, -32000, "{answer}");
        let response = message.strip_prefix("InvokeAgentRuntime error: ").unwrap();
        let response: Value = serde_json::from_str(response).unwrap();
        assert_eq!(response["Error"]["Code"], code, "{response}");
        assert!(response["Error"]["Message"].is_string(), "{response}");
        assert_eq!(response["ResponseMetadata"]["HTTPStatusCode"], status);
        let said = answer["error"]["data"]["hint"].as_str().unwrap_or_default();
        assert!(said.contains(hint) && said.is_empty() == hint.is_empty(), "{said}");
        assert!(!answer.to_string().contains(&user().secret));
    }
    client.script().await["result"].as_object().unwrap();
    // Who knows what a call did that failed: none is made twice.
    let calls = methods(&upstream).into_iter().filter(|method| method == "tools/call");
    assert_eq!(calls.count(), 7 + 1);
}

#[tokio::test]
async fn bodies_of_no_use_have_their_codes() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    for (fault, expected) in [
        (Fault::Empty, -32001),
        (Fault::Junk, -32002),
        (Fault::Truncated, -32002),
        (Fault::TruncatedStream, -32002),
        (Fault::EndedStream, -32002),
        (Fault::Oversized, -32002),
    ] {
        upstream.fail_on("tools/call", fault, 1);
        let answer = client.script().await;
        let (number, message) = error(&answer);
        assert_eq!(number, expected, "{fault:?}: {answer}");
        if expected == -32001 {
            assert_eq!(message, "Missing response body from InvokeAgentRuntime");
        } else {
            assert!(message.starts_with("Failed to process response body: "), "{message}");
        }
    }
    assert!(client.leaves().await.is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let upstream = upstream().await;
    let mut client = Client::of(&upstream, Setup::default());
    upstream.fail(Fault::Redirect, 1);
    let answer = client.script().await;
    let (number, message) = error(&answer);
    assert!(number == -32000 && message.contains("redirect"), "{message}");
    assert_eq!(upstream.redirected(), 0);
}

#[tokio::test]
async fn nobody_there_and_nobody_answering_are_told_apart() {
    let mut client = Client::at("http://127.0.0.1:9", Setup::default());
    let answer = client.script().await;
    assert!(
        error(&answer)
            .1
            .starts_with("InvokeAgentRuntime error: can't connect to 127.0.0.1"),
        "{answer}"
    );
    let upstream = upstream().await;
    let read_timeout = Duration::from_millis(300);
    let mut client = Client::of(
        &upstream,
        Setup {
            read_timeout,
            ..Setup::default()
        },
    );
    for (fault, number) in [(Fault::Hang, -32000), (Fault::HangStream, -32002)] {
        upstream.fail(fault, 1);
        let answer = client.script().await;
        assert_eq!(error(&answer).0, number);
        assert!(error(&answer).1.contains("within 0.3 s"), "{answer}");
    }
}

#[tokio::test]
async fn keys_that_have_ended_are_renewed_and_the_request_goes_to_the_same_session_once_more() {
    for mode in [
        aws_ops_mcp::config::SessionMode::Session,
        aws_ops_mcp::config::SessionMode::Request,
    ] {
        let upstream = upstream().await;
        let new = Caller {
            access_key: "AKIAUPSTREAMNEW".to_owned(),
            ..user()
        };
        upstream.admit(new.clone());
        let keys = vec![keys_of(&user()), keys_of(&new)];
        let mut client = Client::of(
            &upstream,
            Setup {
                mode,
                keys,
                ..Setup::default()
            },
        );
        upstream.expire(&user().access_key);
        let answer = client.script().await;
        assert!(answer["result"].is_object(), "{answer}");
        let sessions = sessions(&upstream);
        assert_eq!((sessions.len(), &sessions[0]), (2, &sessions[1]));
        let keys: Vec<_> = upstream
            .requests()
            .iter()
            .map(|r| r.header("authorization").unwrap().contains("AKIAUPSTREAMNEW"))
            .collect();
        assert_eq!(keys, [false, true]);
        client.script().await;
        assert_eq!(upstream.requests().len(), 3);
    }
}

#[tokio::test]
async fn keys_that_new_ones_do_not_mend_are_tried_twice_and_told() {
    let upstream = upstream().await;
    for (fault, code) in [
        (Fault::Expired, "ExpiredTokenException"),
        (Fault::Unrecognized, "UnrecognizedClientException"),
    ] {
        upstream.clear();
        let mut client = Client::of(&upstream, Setup::default());
        upstream.fail(fault, 2);
        let answer = client.script().await;
        let (number, message) = error(&answer);
        assert!(
            number == -32000 && message.starts_with("InvokeAgentRuntime error: {"),
            "{message}"
        );
        assert!(message.contains(code), "{message}");
        assert!(
            answer["error"]["data"]["hint"]
                .as_str()
                .unwrap()
                .contains("aws sso login")
        );
        assert_eq!(upstream.requests().len(), 2);
        assert!(client.script().await["result"].is_object());
    }
}

#[tokio::test]
async fn a_lost_handshake_is_repeated_once_with_the_clients_own() {
    let upstream = upstream().await;
    upstream.set_needs_initialize(true);
    let mut client = Client::of(&upstream, Setup::default());
    client.initialize().await;
    client.call("tools/list", json!({})).await["result"]
        .as_object()
        .unwrap();
    upstream.lose_sessions().await;
    upstream.clear();
    let answer = client.call("tools/list", json!({})).await;
    assert!(answer["result"]["tools"].is_array(), "{answer}");
    assert_eq!(
        methods(&upstream),
        ["tools/list", "initialize", "notifications/initialized", "tools/list"]
    );
    let params = &upstream.requests()[1].message()["params"];
    assert_eq!(params["clientInfo"]["name"], "it");
    let mut seen = sessions(&upstream);
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    // Once for each process: what is lost again is told.
    upstream.lose_sessions().await;
    upstream.clear();
    let answer = client.call("tools/list", json!({})).await;
    assert_eq!(error(&answer), (-32602, "Invalid request parameters"));
    assert_eq!(methods(&upstream), ["tools/list"]);
    assert!(client.leaves().await.is_empty());
}

#[tokio::test]
async fn a_client_that_never_shook_hands_has_it_done_for_it() {
    for stream in [false, true] {
        let upstream = upstream().await;
        upstream.set_needs_initialize(true);
        upstream.set_stream(stream);
        let mut client = Client::of(&upstream, Setup::default());
        let answer = client.call("tools/list", json!({})).await;
        assert!(answer["result"]["tools"].is_array(), "{answer}");
        assert_eq!(
            upstream.requests()[1].message()["params"]["clientInfo"]["name"],
            "aws-ops-mcp"
        );
        assert_eq!(
            upstream.requests()[3].header("mcp-protocol-version"),
            Some("2025-06-18")
        );
    }
}

#[tokio::test]
async fn a_handshake_that_is_refused_leaves_the_first_answer() {
    let upstream = upstream().await;
    upstream.set_needs_initialize(true);
    upstream.fail_on("initialize", Fault::RuntimeError, 1);
    let mut client = Client::of(&upstream, Setup::default());
    let answer = client.call("tools/list", json!({})).await;
    assert_eq!(error(&answer).0, -32602);
    // Parameters that are wrong indeed cost no second call either.
    upstream.set_needs_initialize(false);
    upstream.clear();
    let answer = client
        .call("tools/call", json!({ "name": "nothing", "arguments": {} }))
        .await;
    assert_eq!((error(&answer).0, upstream.requests().len()), (-32602, 1));
}
