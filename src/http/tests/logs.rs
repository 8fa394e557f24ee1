//! What is logged, and what never is, at the most talkative level.

use std::{cell::RefCell, io::Write, sync::Once};

use axum::body::Body;
use http::{Method, Request};

use super::support::*;

thread_local! {
    /// What this thread's test has logged, once it listens.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.iter_mut().for_each(|log| log.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged while `work` runs. One subscriber for all tests, since tracing remembers for all threads
/// which events nobody wants, and a subscriber of one thread is not asked.
async fn logged(work: impl Future<Output = ()>) -> String {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false);
        tracing::subscriber::set_global_default(subscriber.with_writer(|| Log).finish()).unwrap();
    });
    LOG.set(Some(Vec::new()));
    work.await;
    String::from_utf8(LOG.take().unwrap()).unwrap()
}

#[tokio::test]
async fn neither_tokens_nor_queries_are_logged_at_any_level() {
    let app = app(&[]);
    let log = logged(async {
        let session = app.initialize(ALICE).await;
        app.call(ALICE, Some(&session), "whoami").await;
        app.call(ALICE, None, "whoami").await;
        let (endpoint, _stream) = app.initialize_sse(BOB).await;
        app.post_to(&format!("{endpoint}&x=a-secret-query"), BOB, &call("whoami"))
            .await;
        let wrong = request(
            Method::GET,
            "/mcp?token=a-secret-query",
            "5ec2e7-5ec2e7-but-wrong-5ec2e7",
        );
        app.send(wrong.body(Body::empty()).unwrap()).await;
    })
    .await;
    assert!(
        log.contains("caller=\"alice\"") && log.contains("caller=\"bob\""),
        "{log}"
    );
    for secret in [ALICE, BOB, "a-secret-query", "5ec2e7", "sessionId="] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test]
async fn a_request_is_one_line_with_its_id_method_path_status_and_time() {
    let app = app(&[]);
    let mut id = String::new();
    let log = logged(async {
        let response = app.call(ALICE, None, "whoami").await;
        id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    })
    .await;
    let lines: Vec<_> = log.lines().filter(|l| l.contains("answered")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in [
        &format!("request_id={id}"),
        "method=POST",
        "path=\"/mcp\"",
        "caller=\"alice\"",
        "status=200",
        "ms=",
    ] {
        assert!(lines[0].contains(part), "{part} in {log}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_limits_refuse_is_one_line_and_not_one_each() {
    let app = app(&["--caller-rate", "1", "--caller-burst", "1"]);
    let log = logged(async {
        for _ in 0..100 {
            app.call(ALICE, None, "whoami").await;
        }
    })
    .await;
    let lines: Vec<_> = log
        .lines()
        .filter(|l| !l.contains("TRACE") && !l.contains("DEBUG"))
        .collect();
    assert_eq!(lines.iter().filter(|l| l.contains("answered")).count(), 1, "{lines:?}");
    let throttled: Vec<_> = lines.iter().filter(|l| l.contains("throttled")).collect();
    assert_eq!(throttled.len(), 1, "{lines:?}");
    assert!(throttled[0].contains("caller=alice") && throttled[0].contains("CALLER_RATE"));
}

#[tokio::test]
async fn what_a_client_sends_cannot_forge_a_line() {
    let app = app(&[]);
    let log = logged(async {
        for (name, value) in [
            ("host", "evil\u{9b}31m.example"),
            ("origin", "http://evil\u{202e}\u{85}"),
            ("host", "a\tb"),
        ] {
            let builder = Request::builder()
                .uri("/mcp")
                .header("authorization", format!("Bearer {ALICE}"));
            let builder = if name == "host" {
                builder
            } else {
                builder.header("host", "localhost")
            };
            app.send(builder.header(name, value.as_bytes()).body(Body::empty()).unwrap())
                .await;
        }
    })
    .await;
    assert!(log.contains("refused"), "{log}");
    let plain = |c: char| c == '\n' || (!c.is_control() && c != '\u{202e}');
    assert!(log.chars().all(plain), "{log:?}");
}
