//! Host and Origin, on every route.

use axum::body::Body;
use http::{Request, StatusCode};

use super::support::*;
use crate::{auth::Authenticator, http::Lifecycle};

const CONFIGURED: [&str; 6] = [
    "--public-url",
    "https://ops.example.com/base",
    "--allowed-hosts",
    "ops.internal,10.0.0.5:8000",
    "--allowed-origins",
    "https://app.example.com,vscode-webview://panel",
];

async fn status(app: &App, uri: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut builder = Request::builder()
        .uri(uri)
        .header("authorization", format!("Bearer {ALICE}"));
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    app.send(builder.body(Body::empty()).unwrap()).await.status()
}

#[tokio::test]
async fn only_known_hosts_are_answered() {
    let app = app(&CONFIGURED);
    let known = [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8000",
        "[::1]",
        "[::1]:8000",
        "ops.example.com",
        "ops.example.com:443",
        "ops.internal",
        "ops.internal:9999",
        "10.0.0.5:8000",
    ];
    for host in known {
        assert_eq!(
            status(&app, "/nowhere", &[("host", host)]).await,
            StatusCode::NOT_FOUND,
            "{host}"
        );
    }
    let foreign = [
        "evil.example",
        "localhost.evil.com",
        "evil-localhost",
        "evil.com:localhost",
        "127.0.0.1.evil.com",
        "localhost:",
        "localhost:80x",
        "localhost:+80",
        "localhost:99999",
        "user@localhost",
        "localhost@evil.com",
        "localhost.",
        "",
        "[::1",
        "[::2]",
        "10.0.0.5",
        "10.0.0.5:8001",
        "ops.example.com:8443",
        "xops.internal",
        "ops.internal.evil.com",
        "localhost,evil.com",
        "localhost/evil",
        "0.0.0.0",
        "2130706433",
        "127.1",
    ];
    for host in foreign {
        for uri in ["/mcp", "/sse", "/messages", "/nowhere"] {
            assert_eq!(
                status(&app, uri, &[("host", host)]).await,
                StatusCode::FORBIDDEN,
                "{host} {uri}"
            );
        }
    }
    let twice = [("host", "localhost"), ("host", "localhost")];
    assert_eq!(status(&app, "/nowhere", &twice).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&app, "/nowhere", &[]).await, StatusCode::BAD_REQUEST);
    // HTTP/2 has the host in the URI alone; where both are there, both must be right.
    assert_eq!(
        status(&app, "http://localhost/nowhere", &[]).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        status(&app, "http://evil.example/nowhere", &[]).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&app, "http://evil.example/nowhere", &[("host", "localhost")]).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&app, "http://localhost/nowhere", &[("host", "evil.example")]).await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn only_known_origins_are_answered() {
    let app = app(&CONFIGURED);
    let known = [
        "http://localhost",
        "https://localhost:3000",
        "http://127.0.0.1:8000",
        "http://[::1]:6274",
        "https://ops.example.com",
        "https://ops.example.com:443",
        "https://app.example.com",
        "HTTPS://APP.EXAMPLE.COM",
        "vscode-webview://panel",
    ];
    for origin in known {
        let headers = [("host", "localhost"), ("origin", origin)];
        assert_eq!(
            status(&app, "/nowhere", &headers).await,
            StatusCode::NOT_FOUND,
            "{origin}"
        );
    }
    let foreign = [
        "null",
        "",
        "https://evil.example",
        "http://localhost.evil.com",
        "http://evil.com#localhost",
        "localhost",
        "//localhost",
        "file://localhost",
        "http://localhost/",
        "http://localhost:0x50",
        "http://user@localhost",
        "http://ops.example.com",
        "https://ops.example.com:8443",
        "https://app.example.com.evil.com",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://xapp.example.com",
        "vscode-webview://other",
        "http://localhost http://evil.com",
    ];
    for origin in foreign {
        for uri in ["/mcp", "/sse", "/messages", "/nowhere", "/healthz", "/readyz"] {
            let headers = [("host", "localhost"), ("origin", origin)];
            assert_eq!(
                status(&app, uri, &headers).await,
                StatusCode::FORBIDDEN,
                "{origin} {uri}"
            );
        }
    }
    let twice = [
        ("host", "localhost"),
        ("origin", "http://localhost"),
        ("origin", "http://localhost"),
    ];
    assert_eq!(status(&app, "/nowhere", &twice).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_configuration_only_loopback_is_known() {
    let app = app(&["--host", "0.0.0.0"]);
    assert_eq!(
        status(&app, "/nowhere", &[("host", "localhost:8000")]).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        status(&app, "/nowhere", &[("host", "0.0.0.0:8000")]).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&app, "/nowhere", &[("host", "10.0.0.5:8000")]).await,
        StatusCode::FORBIDDEN
    );
}

#[test]
fn wrong_entries_are_errors_that_name_their_variable() {
    let cases = [
        ("--public-url", "ops.example.com", "PUBLIC_URL"),
        ("--public-url", "ftp://ops.example.com", "PUBLIC_URL"),
        ("--public-url", "https://user:secret@ops.example.com", "PUBLIC_URL"),
        ("--allowed-hosts", "https://ops.internal", "ALLOWED_HOSTS"),
        ("--allowed-hosts", "*", "ALLOWED_HOSTS"),
        ("--allowed-origins", "app.example.com", "ALLOWED_ORIGINS"),
        ("--allowed-origins", "*", "ALLOWED_ORIGINS"),
        ("--allowed-origins", "null", "ALLOWED_ORIGINS"),
        ("--trusted-proxies", "10.0.0.0/40", "TRUSTED_PROXIES"),
    ];
    for (flag, value, variable) in cases {
        let config = config(&[flag, value]);
        let auth = Authenticator::from_config(&config).unwrap();
        let lifecycle = Lifecycle::new(tokio_util::sync::CancellationToken::new());
        let made = crate::http::router(&config, auth, fixture, cost_of, &lifecycle);
        assert!(made.unwrap_err().to_string().contains(variable), "{flag} {value}");
    }
}
