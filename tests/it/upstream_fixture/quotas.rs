use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use super::{role, started};
use crate::support::{
    signed::Signed,
    upstream::{Fault, Quotas},
};

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn three_requests_a_second_for_each_account() {
    let quotas = Quotas {
        second: LONG,
        ..Quotas::real()
    };
    let (upstream, client) = started(|o| o.quotas = quotas).await;
    let url = upstream.url();
    let list = async |client: &Signed| client.modern(&url, "tools/list", json!({})).await;
    for _ in 0..3 {
        assert_eq!(list(&client).await.status, StatusCode::OK);
    }
    let fourth = list(&client).await;
    assert_eq!(
        (fourth.status, fourth.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "1")
    );
    assert_eq!(
        list(&Signed::new(role())).await.status,
        StatusCode::OK,
        "another account"
    );
    upstream.set_quotas(Quotas {
        second: Duration::ZERO,
        ..quotas
    });
    assert_eq!(list(&client).await.status, StatusCode::OK, "a second later");
}

#[tokio::test]
async fn so_many_at_once_until_the_answers_are_read_or_given_up() {
    let quotas = Quotas {
        at_once: Some(2),
        ..Quotas::default()
    };
    let (upstream, client) = started(|o| o.quotas = quotas).await;
    let url = upstream.url();
    upstream.fail(Fault::HangStream, 2);
    let open = async || client.open(client.request(Method::POST, &url, &[], "{}")).await;
    let streams = [open().await, open().await];
    assert_eq!(open().await.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(streams);
    let again = async { while open().await.status() == StatusCode::TOO_MANY_REQUESTS {} };
    tokio::time::timeout(Duration::from_secs(60), again).await.unwrap();
}

#[tokio::test]
async fn so_many_sessions_for_each_principal_and_account() {
    let each = Quotas {
        sessions_each: Some(1),
        ..Quotas::default()
    };
    let (upstream, client) = started(|o| o.quotas = each).await;
    let url = upstream.url();
    let session = client.initialize(&url).await;
    assert_eq!(client.try_initialize(&url).await.status, StatusCode::TOO_MANY_REQUESTS);
    Signed::new(role()).initialize(&url).await;
    client
        .send(client.request(Method::DELETE, &url, &[("mcp-session-id", &session)], ""))
        .await;
    client.initialize(&url).await;
    upstream.set_quotas(Quotas {
        sessions: Some(1),
        ..Quotas::default()
    });
    assert_eq!(client.try_initialize(&url).await.status, StatusCode::TOO_MANY_REQUESTS);
}
