//! The switches by hand, for whoever runs the server as a program: GET shows what came in, POST turns them.

use axum::{
    Json,
    body::Bytes,
    extract::State as Shared,
    http::{Method, StatusCode},
    response::{IntoResponse as _, Response},
};
use clap::ValueEnum as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fault, Quotas, Services, record::Recorded, state};

/// Where they are. Nothing is signed here.
pub(super) const PATH: &str = "/_upstream";

/// Any of them, in one request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switches {
    /// A fault by its name, such as `truncated-stream`.
    fault: Option<String>,
    /// For how many requests; 1 without.
    count: Option<usize>,
    /// For which kind: a JSON-RPC method, `GET` or `DELETE`; every POST without.
    on: Option<String>,
    #[serde(default)]
    recover: bool,
    quotas: Option<bool>,
    pages: Option<bool>,
    stream: Option<bool>,
    needs_initialize: Option<bool>,
    put_tool: Option<Value>,
    remove_tool: Option<String>,
    /// An access key.
    expire: Option<String>,
    #[serde(default)]
    lose_sessions: bool,
    #[serde(default)]
    clear: bool,
}

pub(super) async fn answer(Shared(services): Shared<Services>, method: Method, body: Bytes) -> Response {
    if method == Method::POST {
        let turned = match serde_json::from_slice(&body) {
            Ok(switches) => turn(&services, switches).await,
            Err(error) => Err(error.to_string()),
        };
        if let Err(why) = turned {
            return (StatusCode::BAD_REQUEST, why).into_response();
        }
    }
    let book = services.state.book();
    let shown = json!({
        "requests": book.requests.iter().map(shown).collect::<Vec<_>>(),
        "sessions": book.sessions.len(),
        "redirected": book.redirected,
    });
    Json(shown).into_response()
}

async fn turn(services: &Services, switches: Switches) -> Result<(), String> {
    let state = &services.state;
    if let Some(name) = switches.fault {
        let fault = Fault::from_str(&name, true)?;
        let count = switches.count.unwrap_or(1);
        state.book().faults.add(fault, count, switches.on);
    }
    if let Some(tool) = switches.put_tool {
        state.put_tool(tool);
    }
    if let Some(name) = switches.remove_tool {
        state.remove_tool(&name);
    }
    if switches.lose_sessions {
        state::lose_sessions(state, &services.sessions).await;
    }
    if switches.clear {
        state.clear();
    }
    let mut book = state.book();
    if switches.recover {
        book.faults.clear();
    }
    if let Some(on) = switches.quotas {
        book.usage.quotas = if on { Quotas::real() } else { Quotas::default() };
    }
    book.expired.extend(switches.expire);
    book.pages = switches.pages.unwrap_or(book.pages);
    book.stream = switches.stream.unwrap_or(book.stream);
    book.needs_initialize = switches.needs_initialize.unwrap_or(book.needs_initialize);
    Ok(())
}

fn shown(request: &Recorded) -> Value {
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    json!({
        "method": request.method.as_str(),
        "path": request.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&request.body),
        "account": request.account,
        "status": request.status.map(|s| s.as_u16()),
    })
}
