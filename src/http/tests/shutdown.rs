//! The end: readiness first, calls in flight to their result, streams that only wait closed.

use std::{net::SocketAddr, time::Duration};

use axum::body::Body;
use http::{Method, StatusCode, Version};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::support::*;
use crate::http::listen;

type Web = Client<HttpConnector, Body>;

struct Server {
    app: App,
    address: SocketAddr,
    web: Web,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn server(flags: &[&str]) -> Server {
    let app = app(flags);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, limits, lifecycle) = (app.router.clone(), config(flags).limits, app.lifecycle.clone());
    let ended = tokio::spawn(async move { listen(listener, router, &limits, &lifecycle).await });
    let web = Client::builder(TokioExecutor::new()).build_http();
    Server {
        app,
        address,
        web,
        ended,
    }
}

impl Server {
    fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn post(&self, session: Option<&str>, message: &serde_json::Value) -> http::Request<Body> {
        let mut request = post(ALICE, session, message);
        *request.uri_mut() = self.uri("/mcp").parse().unwrap();
        request.headers_mut().remove("host");
        request
    }

    fn get(&self, path: &str, session: Option<&str>) -> http::Request<Body> {
        let mut builder = request(Method::GET, &self.uri(path), ALICE);
        if let Some(id) = session {
            builder = builder.header("mcp-session-id", id);
        }
        let mut request = builder.body(Body::empty()).unwrap();
        request.headers_mut().remove("host");
        request
    }

    async fn send(&self, request: http::Request<Body>) -> http::Response<Body> {
        self.web.request(request).await.unwrap().map(Body::new)
    }
}

#[tokio::test]
async fn a_connection_that_will_be_closed_says_so_with_its_last_answer() {
    let server = server(&["--shutdown-drain", "1h"]).await;
    let before = server.send(server.post(None, &initialize())).await;
    assert_eq!(before.headers().get("connection"), None);
    server.app.lifecycle.draining.cancel();
    let last = server.send(server.post(None, &initialize())).await;
    assert_eq!(last.status(), StatusCode::OK, "it still accepts");
    assert_eq!(last.headers()["connection"], "close");
    server.ended.abort();
}

#[tokio::test]
async fn calls_in_flight_complete_and_waiting_streams_close() {
    let server = server(&[]).await;
    let response = server.send(server.post(None, &initialize())).await;
    let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    server.send(server.post(Some(&session), &initialized())).await;
    let standalone = server.send(server.get("/mcp", Some(&session))).await;
    let sse = server.send(server.get("/sse", None)).await;
    assert_eq!((standalone.status(), sse.status()), (StatusCode::OK, StatusCode::OK));

    let with_session = server.web.request(server.post(Some(&session), &call("wait")));
    let without = server.web.request(server.post(None, &call("wait")));
    let (with_session, without) = (tokio::spawn(with_session), tokio::spawn(without));
    server.app.begun().await;
    server.app.begun().await;

    server.app.lifecycle.draining.cancel();
    // The waiting streams end by themselves, the calls don't.
    text(standalone).await;
    text(sse).await;
    assert!(server.app.lifecycle.stopping.is_cancelled());
    assert!(!with_session.is_finished() && !without.is_finished() && !server.ended.is_finished());
    assert!(TcpStream::connect(server.address).await.is_err());

    server.app.fixture.go_on.notify_one();
    server.app.fixture.go_on.notify_one();
    for call in [with_session, without] {
        let response = call.await.unwrap().unwrap().map(Body::new);
        assert_eq!(result_text(&json_of(response).await), "waited");
    }
    server.ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_over_sse_gets_its_answer_before_the_stream_closes() {
    let server = server(&[]).await;
    let (endpoint, mut stream) = server.app.initialize_sse(ALICE).await;
    server.app.post_to(&endpoint, ALICE, &call("wait")).await;
    server.app.begun().await;
    server.app.lifecycle.stopping.cancel();
    let refused = server.app.post_to(&endpoint, ALICE, &call("whoami")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    server.app.fixture.go_on.notify_one();
    assert_eq!(result_text(&data_of(&next_event(&mut stream).await.unwrap())), "waited");
    assert_eq!(next_event(&mut stream).await, None);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cut() {
    let server = server(&["--shutdown-grace", "50ms"]).await;
    let call = tokio::spawn(server.web.request(server.post(None, &call("wait"))));
    server.app.begun().await;
    server.app.lifecycle.draining.cancel();
    server.ended.await.unwrap().unwrap();
    let cut = call.await.unwrap();
    assert!(cut.is_err() || cut.unwrap().status().is_server_error());
}

#[tokio::test(start_paused = true)]
async fn readiness_fails_first_and_connections_are_still_taken_while_draining() {
    let server = server(&["--shutdown-drain", "5s"]).await;
    let start = tokio::time::Instant::now();
    let ready = async || server.app.send(server.get("/readyz", None)).await.status();
    assert_eq!(ready().await, StatusCode::OK);
    server.app.lifecycle.draining.cancel();
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        server.app.send(server.get("/healthz", None)).await.status(),
        StatusCode::OK
    );
    server.app.lifecycle.stopping.cancelled().await;
    assert!(start.elapsed() >= Duration::from_secs(5));
    server.ended.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rolling_restart_has_ended_within_thirty_seconds_whatever_hangs() {
    let server = server(&["--shutdown-drain", "5s", "--shutdown-grace", "20s", "--sse-ping", "off"]).await;
    let start = tokio::time::Instant::now();
    let hanging = tokio::spawn(server.web.request(server.post(None, &call("wait"))));
    server.app.begun().await;
    server.app.lifecycle.draining.cancel();
    server.app.lifecycle.stopping.cancelled().await;
    assert_eq!(start.elapsed().as_secs(), 5);
    server.app.lifecycle.over.cancelled().await;
    assert_eq!(start.elapsed().as_secs(), 25);
    server.ended.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
    let cut = hanging.await.unwrap();
    assert!(cut.is_err() || cut.unwrap().status().is_server_error());
}

#[tokio::test]
async fn http_2_without_tls_is_served() {
    let server = server(&[]).await;
    let web: Web = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let response = web.request(server.post(None, &call("whoami"))).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert!(result_text(&json_of(response.map(Body::new)).await).contains("alice"));
}

#[tokio::test]
async fn a_keep_alive_connection_ends_with_its_answer_when_the_server_stops() {
    let server = server(&[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    server.app.lifecycle.draining.cancel();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    server.ended.await.unwrap().unwrap();
}
