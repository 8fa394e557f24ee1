//! What waits for what.

use super::*;

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_initialize_is_answered_and_initialized_is_taken() {
    let mut between = Between::new();
    between.requests(0, "initialize").await;
    between.notifies("notifications/initialized", json!({})).await;
    between.requests(1, "tools/list").await;
    let initialize = between.asked().await;
    assert_eq!(initialize.method(), "initialize");
    between.asked_nothing().await;
    initialize.result(json!({ "protocolVersion": "2025-11-25" }));
    assert_eq!(between.hears().await["id"], 0);
    let initialized = between.asked().await;
    assert_eq!(initialized.method(), "notifications/initialized");
    assert_eq!(initialized.header("mcp-protocol-version"), Some("2025-11-25"));
    between.asked_nothing().await;
    initialized.accepted();
    let list = between.asked().await;
    assert_eq!(
        (list.method(), list.header("mcp-protocol-version")),
        ("tools/list", Some("2025-11-25"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_blocks_no_other_and_sixteen_run_at_once() {
    let mut between = Between::new();
    for id in 0..18 {
        between.requests(id, "tools/call").await;
    }
    let mut slow = Vec::new();
    for _ in 0..16 {
        slow.push(between.asked().await);
    }
    between.asked_nothing().await;
    let second = slow.swap_remove(1);
    let id = second.message["id"].clone();
    second.result(json!({}));
    assert_eq!(between.hears().await["id"], id);
    slow.push(between.asked().await);
    between.asked_nothing().await;
    // Notifications and answers to the server don't queue behind calls.
    between.notifies("notifications/progress", json!({})).await;
    assert_eq!(between.asked().await.method(), "notifications/progress");
    between
        .says(&json!({ "jsonrpc": "2.0", "id": "q", "result": {} }))
        .await;
    assert_eq!(between.asked().await.message["id"], "q");
}

#[tokio::test(start_paused = true)]
async fn notifications_keep_their_order_and_are_never_answered() {
    let mut between = Between::new();
    for n in 0..4 {
        between.notifies("notifications/x", json!({ "n": n })).await;
    }
    for n in 0..4 {
        let asked = between.asked().await;
        assert_eq!(asked.message["params"]["n"], n);
        between.asked_nothing().await;
        match n {
            0 => asked.accepted(),
            1 => asked.with(
                424,
                "application/json",
                r#"{"message":"Received error (204) from runtime."}"#,
            ),
            2 => asked.json(&json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -1, "message": "x" } })),
            _ => drop(asked),
        }
    }
    between.hears_nothing().await;
    assert_eq!(between.ends().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_is_told_nothing_more_and_one_that_waits_is_never_sent() {
    let mut between = Between::new();
    let mut calls = Vec::new();
    for id in 0..16 {
        between.requests(id, "tools/call").await;
        calls.push(between.asked().await);
    }
    between.requests(16, "tools/call").await;
    for id in [0, 16] {
        between
            .notifies("notifications/cancelled", json!({ "requestId": id }))
            .await;
        let cancelled = between.asked().await;
        assert_eq!(
            (cancelled.method(), &cancelled.message["params"]["requestId"]),
            ("notifications/cancelled", &json!(id))
        );
        cancelled.accepted();
    }
    // As MCP servers do: the stream of a cancelled call ends without an answer.
    drop(calls.remove(0).events());
    between.hears_nothing().await;
    between.asked_nothing().await;
    calls.remove(0).result(json!({}));
    assert_eq!(between.hears().await["id"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_input_waits_for_what_is_under_way() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let asked = between.asked().await;
    let answers = async {
        tokio::time::advance(Duration::from_secs(100)).await;
        asked.result(json!({ "late": true }));
    };
    let (heard, ()) = tokio::join!(between.ends(), answers);
    assert_eq!(
        heard,
        [json!({ "jsonrpc": "2.0", "id": 1, "result": { "late": true } })]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_input_waits_no_longer_than_the_read_timeout() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let stream = between.asked().await.events();
    let began = tokio::time::Instant::now();
    let pings = async {
        for _ in 0..10 {
            stream.write(": ping\n\n");
            tokio::time::advance(Duration::from_secs(60)).await;
        }
    };
    let (heard, ()) = tokio::join!(between.ends(), pings);
    assert_eq!(heard, Vec::<Value>::new());
    assert!(began.elapsed() >= Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_no_longer_listens_ends_the_relay() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let asked = between.asked().await;
    let Between { to, from, relay, .. } = between;
    drop((to, from));
    asked.result(json!({}));
    relay.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_in_use_and_lines_that_are_no_messages_are_told_so_and_the_rest_goes_on() {
    let mut between = Between::new();
    between.requests(1, "tools/call").await;
    let first = between.asked().await;
    between.requests(1, "tools/call").await;
    let told = between.hears().await;
    assert_eq!((code(&told), &told["id"]), (-32600, &json!(1)));
    for (line, expected) in [("{", -32700), (r#"[{"jsonrpc":"2.0","id":2,"method":"ping"}]"#, -32600)] {
        between.says_line(line).await;
        let told = between.hears().await;
        assert_eq!((code(&told), &told["id"]), (expected, &Value::Null));
    }
    between.says_line("").await;
    between.to.as_mut().unwrap().write_all(b"\xff\xfe\n").await.unwrap();
    assert_eq!(code(&between.hears().await), -32700);
    first.result(json!({}));
    assert_eq!(between.hears().await["id"], 1);
}

#[tokio::test(start_paused = true)]
async fn requests_that_find_the_keys_ended_together_have_them_renewed_once() {
    let mut between = Between::new();
    for round in 1..=2 {
        let mut asked = Vec::new();
        for id in 0..5 {
            between.requests(id, "ping").await;
            asked.push(between.asked().await);
        }
        let sessions: Vec<_> = asked.iter().map(|a| a.session().to_owned()).collect();
        for refused in asked {
            let body = r#"{"__type":"ExpiredTokenException","message":"it has ended"}"#;
            refused.with(403, "application/json", body);
        }
        for _ in 0..5 {
            let again = between.asked().await;
            assert_eq!(again.session(), sessions[0]);
            again.result(json!({}));
            assert!(between.hears().await["result"].is_object());
        }
        assert_eq!(between.looked.load(SeqCst), 1 + round);
        tokio::time::advance(MOMENT).await;
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_and_too_long_lines_are_refused() {
    let mut between = Between::new();
    for id in 0..256 {
        between.requests(id, "ping").await;
    }
    between.requests(256, "ping").await;
    let told = between.hears().await;
    assert_eq!((code(&told), &told["id"]), (-32000, &json!(256)));
    between.says_line(&"x".repeat((16 << 20) + 1)).await;
    let told = between.hears().await;
    assert!(
        code(&told) == -32700 && told["error"]["message"].as_str().unwrap().contains("16777216 bytes"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_that_find_the_handshake_lost_together_share_one_and_are_sent_again() {
    let mut between = Between::new();
    let refuse = |asked: Asked| {
        let error = json!({ "code": -32602, "message": "Invalid request parameters" });
        let id = asked.message["id"].clone();
        asked.json(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    };
    for id in 1..=3 {
        between.requests(id, "ping").await;
    }
    for _ in 0..3 {
        refuse(between.asked().await);
    }
    let initialize = between.asked().await;
    assert_eq!(initialize.method(), "initialize");
    between.asked_nothing().await;
    initialize.result(json!({ "protocolVersion": "2025-06-18" }));
    let initialized = between.asked().await;
    assert_eq!(initialized.method(), "notifications/initialized");
    initialized.accepted();
    for _ in 0..3 {
        let again = between.asked().await;
        assert_eq!(again.method(), "ping");
        again.result(json!({}));
        assert!(between.hears().await["result"].is_object());
    }
}
