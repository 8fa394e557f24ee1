//! How much one caller gets, whichever way it comes, and how much the process takes.

use axum::body::Body;
use http::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::support::*;

/// Checks that it is the answer of a limit; the status, the variable's part of the message, and the time to wait.
async fn refused(response: Response<Body>) -> (u16, String, u64) {
    let status = response.status().as_u16();
    let after = response.headers()[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let answer = json_of(response).await;
    let error = &answer["error"];
    assert_eq!(
        (&answer["jsonrpc"], &error["code"]),
        (&json!("2.0"), &json!(-32005)),
        "{answer}"
    );
    assert_eq!(
        error["data"],
        json!({"code": "throttled", "retryable": true, "retry_after": after})
    );
    (status, error["message"].as_str().unwrap().to_owned(), after)
}

async fn modern(app: &App, token: &str, tool: &str) -> Response<Body> {
    let mut message = call(tool);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    });
    message["params"]["_meta"] = meta;
    let builder = request(Method::POST, "/mcp", token)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool);
    app.send(builder.body(Body::from(message.to_string())).unwrap()).await
}

/// The next answer on a stream of /sse that is not a notification.
async fn answer_on(stream: &mut Body) -> Value {
    loop {
        let answer = data_of(&next_event(stream).await.unwrap());
        if answer.get("id").is_some() {
            return answer;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_way_in_draws_from_the_same_bucket() {
    let app = app(&["--caller-rate", "1", "--caller-burst", "7"]);
    // Two to open a session, and one for each of: a stream, a call in the session, one without, one of the modern era.
    let session = app.initialize(ALICE).await;
    let (endpoint, mut stream) = app.initialize_sse(ALICE).await;
    assert_eq!(app.call(ALICE, Some(&session), "whoami").await.status(), StatusCode::OK);
    assert_eq!(app.call(ALICE, None, "whoami").await.status(), StatusCode::OK);
    assert_eq!(modern(&app, ALICE, "whoami").await.status(), StatusCode::OK);
    let posted = app.post_to(&endpoint, ALICE, &call("whoami")).await;
    assert_eq!(posted.status(), StatusCode::ACCEPTED);
    assert_eq!(answer_on(&mut stream).await["id"], 1);

    let get = |uri: &str| {
        let builder = request(Method::GET, uri, ALICE).header("mcp-session-id", &session);
        builder.body(Body::empty()).unwrap()
    };
    for response in [
        app.call(ALICE, Some(&session), "whoami").await,
        app.call(ALICE, None, "whoami").await,
        modern(&app, ALICE, "whoami").await,
        app.post_to(&endpoint, ALICE, &call("whoami")).await,
        app.send(post(ALICE, None, &initialize())).await,
        app.send(get("/sse")).await,
        app.send(get("/mcp")).await,
    ] {
        let (status, message, after) = refused(response).await;
        assert!(
            status == 429 && after == 1 && message.contains("CALLER_RATE"),
            "{status} {message}"
        );
    }
    // What starts nothing gets through, as does another caller, as do probes.
    assert_eq!(
        app.send(post(ALICE, Some(&session), &initialized())).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(
        app.post_to(&endpoint, ALICE, &initialized()).await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(app.call(BOB, None, "whoami").await.status(), StatusCode::OK);
    for _ in 0..50 {
        let probe = request(Method::GET, "/readyz", ALICE).body(Body::empty()).unwrap();
        assert_eq!(app.send(probe).await.status(), StatusCode::OK);
    }
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(app.call(ALICE, None, "whoami").await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn two_tokens_of_one_name_are_one_caller_and_a_refused_call_says_its_id() {
    const OTHER: &str = "a11ce111111111111123456789abcdef01";
    let app = with_tokens(
        &["--caller-rate", "10", "--caller-burst", "2"],
        &format!("alice={ALICE},alice={OTHER}"),
    );
    assert_eq!(app.call(ALICE, None, "whoami").await.status(), StatusCode::OK);
    assert_eq!(app.call(OTHER, None, "whoami").await.status(), StatusCode::OK);
    let response = app.call(OTHER, None, "whoami").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(json_of(response).await["id"], 1);
}

#[tokio::test(start_paused = true)]
async fn changes_have_a_rate_of_their_own() {
    let app = app(&["--caller-write-rate", "1", "--caller-write-burst", "5"]);
    for _ in 0..5 {
        assert_eq!(app.call(ALICE, None, "set").await.status(), StatusCode::OK);
    }
    let session = app.initialize(ALICE).await;
    let (status, message, after) = refused(app.call(ALICE, Some(&session), "set").await).await;
    assert!(
        status == 429 && after == 1 && message.contains("CALLER_WRITE_RATE"),
        "{message}"
    );
    assert_eq!(app.call(ALICE, Some(&session), "whoami").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_figures_are_those_of_the_documentation() {
    let limits = bare_config(&[]).limits;
    let figures = [
        limits.caller_rate,
        limits.caller_burst,
        limits.caller_write_rate,
        limits.caller_write_burst,
        limits.max_in_flight_per_caller,
        limits.max_reads_in_flight,
        limits.max_writes_in_flight,
    ];
    assert_eq!(figures.map(|f| f.get().unwrap()), [10, 20, 1, 5, 16, 400, 200]);
}

#[tokio::test]
async fn a_batch_is_no_way_around() {
    let app = app(&["--caller-rate", "1", "--caller-burst", "1"]);
    let batch = Value::Array(vec![call("whoami"), call("whoami")]);
    assert_eq!(
        app.send(post(ALICE, None, &batch)).await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn requests_in_flight_are_counted_on_every_transport_until_they_end() {
    let app = app(&["--max-in-flight-per-caller", "3", "--sse-ping", "off"]);
    let session = app.initialize(ALICE).await;
    let (endpoint, mut stream) = app.initialize_sse(ALICE).await;
    for _ in 0..3 {
        let waiting = async {
            let in_session = app.call(ALICE, Some(&session), "wait");
            let stateless = app.call(ALICE, None, "set_slowly");
            tokio::join!(in_session, stateless)
        };
        let others = async {
            assert_eq!(
                app.post_to(&endpoint, ALICE, &call("wait")).await.status(),
                StatusCode::ACCEPTED
            );
            for _ in 0..3 {
                app.begun().await;
            }
            for response in [
                app.call(ALICE, None, "whoami").await,
                app.call(ALICE, Some(&session), "whoami").await,
                modern(&app, ALICE, "whoami").await,
                app.post_to(&endpoint, ALICE, &call("whoami")).await,
            ] {
                let (status, message, _) = refused(response).await;
                assert!(
                    status == 429 && message.contains("MAX_IN_FLIGHT_PER_CALLER"),
                    "{message}"
                );
            }
            assert_eq!(app.call(BOB, None, "whoami").await.status(), StatusCode::OK);
            app.fixture.go_on.notify_waiters();
        };
        let ((one, two), ()) = tokio::join!(waiting, others);
        assert_eq!(result_text(&json_of(one).await), "waited");
        assert_eq!(result_text(&json_of(two).await), "waited");
        assert_eq!(result_text(&answer_on(&mut stream).await), "waited");
    }
}

#[tokio::test]
async fn a_call_whose_client_went_away_is_in_flight_as_long_as_it_runs() {
    let app = app(&["--max-in-flight-per-caller", "1", "--sse-ping", "off"]);
    let session = app.initialize(ALICE).await;
    {
        // In a session a call goes on without its client.
        let waiting = app.call(ALICE, Some(&session), "wait");
        tokio::pin!(waiting);
        tokio::select! {
            _ = &mut waiting => panic!("it waits"),
            () = app.begun() => {}
        }
    }
    let (status, ..) = refused(app.call(ALICE, None, "whoami").await).await;
    assert_eq!(status, 429);
    app.fixture.go_on.notify_waiters();
    while app.call(ALICE, None, "whoami").await.status() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_process_takes_so_many_reads_and_so_many_changes() {
    for (flag, slow, quick, variable) in [
        ("--max-reads-in-flight", "wait", "whoami", "MAX_READS_IN_FLIGHT"),
        ("--max-writes-in-flight", "set_slowly", "set", "MAX_WRITES_IN_FLIGHT"),
    ] {
        let app = app(&[flag, "1", "--sse-ping", "off"]);
        let other = if quick == "set" { "whoami" } else { "set" };
        let checks = async {
            app.begun().await;
            let (status, message, after) = refused(app.call(BOB, None, quick).await).await;
            assert!(status == 503 && after == 1 && message.contains(variable), "{message}");
            assert_eq!(app.call(BOB, None, other).await.status(), StatusCode::OK);
            app.fixture.go_on.notify_waiters();
        };
        let (response, ()) = tokio::join!(app.call(ALICE, None, slow), checks);
        assert_eq!(result_text(&json_of(response).await), "waited");
        assert_eq!(app.call(BOB, None, quick).await.status(), StatusCode::OK);
    }
}
