//! A Redis behind TLS.

use http::{Method, StatusCode};

use crate::support::{
    certificate::{Certificate, certificate},
    client::Client,
    messages::initialize,
    process::program,
    redis::{Redis, free_port},
    text,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A Redis that speaks TLS with a certificate of its own; its address.
fn secured() -> Option<(Redis, String)> {
    let Certificate {
        key,
        cert,
        folder: _folder,
    } = certificate()?;
    let port = free_port().to_string();
    let (key_file, cert_file) = (key.to_str().unwrap(), cert.to_str().unwrap());
    let flags = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        cert_file,
        "--tls-key-file",
        key_file,
        "--tls-auth-clients",
        "no",
    ];
    let redis = Redis::with(&flags)?;
    std::fs::copy(&cert, redis.file("cert.pem")).unwrap();
    Some((redis, format!("rediss://127.0.0.1:{port}")))
}

async fn status_of_a_session(trusted: Option<&str>, url: &str) -> StatusCode {
    let mut served = program(&["serve", "--port", "0", "--log-format", "json"])
        .env("MCP_AUTH_TOKEN", TOKEN)
        .env("STATE_URL", url);
    if let Some(file) = trusted {
        served = served.env("SSL_CERT_FILE", file);
    }
    let mut running = served.start();
    let line: serde_json::Value = serde_json::from_str(&running.err_line("listening")).unwrap();
    let client = Client::new(text(&line, "address"), TOKEN);
    let bearer = format!("Bearer {TOKEN}");
    let headers: [(&str, &[u8]); 3] = [
        ("authorization", bearer.as_bytes()),
        ("accept", b"application/json, text/event-stream"),
        ("content-type", b"application/json"),
    ];
    client
        .send(Method::POST, "/mcp", &headers, &initialize().to_string())
        .await
        .status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_checked() {
    let Some((redis, url)) = secured() else { return };
    let trusted = redis.file("cert.pem");
    assert_eq!(status_of_a_session(trusted.to_str(), &url).await, StatusCode::OK);
    assert_eq!(status_of_a_session(None, &url).await, StatusCode::SERVICE_UNAVAILABLE);
}
