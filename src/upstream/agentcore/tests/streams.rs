//! What is passed on of an answer, and when.

use super::*;

#[tokio::test(start_paused = true)]
async fn events_are_passed_on_as_they_come() {
    let mut between = Between::new();
    between.requests("a", "tools/call").await;
    let stream = between.asked().await.events();
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": { "progress": 1 } });
    stream.event(&progress);
    assert_eq!(between.hears().await, progress);
    stream.write("data: {\"jsonrpc\": \"2.0\",\r\ndata: \"id\": \"a\", ");
    between.hears_nothing().await;
    stream.write("\"result\": {}}\r\n\r\n");
    assert_eq!(
        between.hears().await,
        json!({ "jsonrpc": "2.0", "id": "a", "result": {} })
    );
    // The answer is there, so an open stream holds up nothing.
    let began = tokio::time::Instant::now();
    assert_eq!(between.ends().await, Vec::<Value>::new());
    assert!(began.elapsed() < MOMENT);
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_is_left_out_and_a_request_without_an_answer_fails() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let stream = between.asked().await.events();
    stream.write("data: no json\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n\n");
    between.hears_nothing().await;
    drop(stream);
    let told = between.hears().await;
    assert_eq!((code(&told), &told["id"]), (-32002, &json!(1)));
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Failed to process response body: ")
    );
    assert_eq!(between.ends().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn empty_broken_and_foreign_answers_are_told_apart() {
    let mut between = Between::new();
    let bodies: [(&str, &str, i64); 6] = [
        ("application/json", "", -32001),
        ("application/json", " \n", -32001),
        ("application/json", "{\"jsonrpc\":", -32002),
        ("application/json", "{\"answer\": 42}", -32002),
        ("text/plain", "hello", -32002),
        ("text/event-stream", "", -32001),
    ];
    for (content_type, body, expected) in bodies {
        between.requests(1, "tools/call").await;
        between.asked().await.with(200, content_type, body);
        let told = between.hears().await;
        assert_eq!(code(&told), expected, "{content_type} {body}: {told}");
    }
    between.requests(1, "tools/call").await;
    between.asked().await.accepted();
    assert_eq!(
        between.hears().await["error"]["message"],
        "Missing response body from InvokeAgentRuntime"
    );
    between.requests(1, "tools/call").await;
    let stream = between.asked().await.events();
    stream.write("data: {");
    stream.breaks();
    assert_eq!(code(&between.hears().await), -32002);
}

#[tokio::test(start_paused = true)]
async fn json_on_several_lines_becomes_one_line_and_stays_what_it_was() {
    let mut between = Between::new();
    between.requests(1, "x").await;
    let body = "{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": 1,\n  \"result\": {\"big\": 12345678901234567890123, \"text\": \"a\\nb\"}\n}\n";
    between.asked().await.with(200, "application/json", body);
    let line = between.from.next_line().await.unwrap().unwrap();
    assert!(
        line.contains("12345678901234567890123") && line.contains(r#""a\nb""#),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_without_the_requests_id_is_the_requests() {
    let mut between = Between::new();
    for id in [Value::Null, json!("server-error")] {
        between.requests(5, "x").await;
        let error = json!({ "code": -32600, "message": "Bad Request" });
        let body = json!({ "jsonrpc": "2.0", "id": id, "error": error });
        between.asked().await.with(400, "application/json", body.to_string());
        assert_eq!(
            between.hears().await,
            json!({ "jsonrpc": "2.0", "id": 5, "error": error })
        );
    }
}

/// The stateful bridge of agentcore-mcp-proxy: a call's answer comes in reply to what the client says to the server's question.
#[tokio::test(start_paused = true)]
async fn a_call_may_be_answered_in_reply_to_the_answer_to_a_question() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let question = json!({ "jsonrpc": "2.0", "id": 0, "method": "sampling/createMessage", "params": {} });
    let stream = between.asked().await.events();
    stream.event(&question);
    drop(stream);
    assert_eq!(between.hears().await, question);
    between.hears_nothing().await;
    between
        .says(&json!({ "jsonrpc": "2.0", "id": 0, "result": { "text": "once upon" } }))
        .await;
    let asked = between.asked().await;
    assert_eq!(asked.message["result"]["text"], "once upon");
    let stream = asked.events();
    stream.event(&json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    assert_eq!(between.hears().await["id"], 1);

    // The same, but the bridge dies in between.
    between.requests(2, "tools/call").await;
    between.asked().await.events().event(&question);
    between.hears().await;
    between.says(&json!({ "jsonrpc": "2.0", "id": 0, "result": {} })).await;
    between.asked().await.with(500, "text/html", "<html>");
    let told = between.hears().await;
    assert_eq!((code(&told), &told["id"]), (-32000, &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn a_silent_runtime_is_given_up_after_the_read_timeout() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let _asked = between.asked().await;
    let told = between.hears().await;
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("InvokeAgentRuntime error: ") && message.contains("300 s"),
        "{told}"
    );
    assert!(
        told["error"]["data"]["hint"]
            .as_str()
            .unwrap()
            .contains("AGENTCORE_READ_TIMEOUT")
    );
    between.requests(2, "tools/call").await;
    let _stream = between.asked().await.events();
    assert_eq!(code(&between.hears().await), -32002);
}

#[tokio::test(start_paused = true)]
async fn each_mode_has_its_sessions() {
    for (mode, prefix, same) in [
        (SessionMode::Session, "session-", true),
        (SessionMode::Request, "request-", false),
    ] {
        let mut between = Between::with(mode, false);
        let mut seen = Vec::new();
        for id in 0..3 {
            between.requests(id, "ping").await;
            let asked = between.asked().await;
            assert!(
                asked.session().starts_with(prefix) && (33..=256).contains(&asked.session().len()),
                "{asked:?}"
            );
            assert_eq!(asked.header("mcp-session-id"), None);
            seen.push(asked.session().to_owned());
        }
        seen.dedup();
        assert_eq!(seen.len() == 1, same, "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_mcp_session_is_the_runtimes_where_it_gave_one_and_else_the_runtime_sessions_id() {
    for mode in [SessionMode::Session, SessionMode::Request] {
        let mut between = Between::with(mode, true);
        between.requests(0, "initialize").await;
        let asked = between.asked().await;
        assert_eq!(asked.header("mcp-session-id"), Some(asked.session()));
        let body = json!({ "jsonrpc": "2.0", "id": 0, "result": {} }).to_string();
        let response = http::Response::builder()
            .header("content-type", "application/json")
            .header("mcp-session-id", "theirs");
        asked.answer.send(response.body(SdkBody::from(body)).unwrap()).unwrap();
        between.hears().await;
        between.requests(1, "ping").await;
        let asked = between.asked().await;
        // In a session of its own, theirs means nothing.
        let expected = if mode == SessionMode::Session {
            "theirs"
        } else {
            asked.session()
        };
        assert_eq!(asked.header("mcp-session-id"), Some(expected));
    }
}
