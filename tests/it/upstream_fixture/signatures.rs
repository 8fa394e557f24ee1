use std::sync::Arc;

use aws_ops_mcp::sandbox::Sandbox;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use super::{role, script, seen, started, user};
use crate::support::{
    signed::{Read, Signed, message, modern},
    upstream::{Caller, Upstream, signers_of},
};

/// A call that would be answered, signed.
fn call(client: &Signed, upstream: &Upstream) -> Request<Full<Bytes>> {
    let (headers, message) = modern("tools/call", script());
    let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    client.request(Method::POST, &upstream.url(), &headers, &message.to_string())
}

#[track_caller]
fn refused(read: &Read, text: &str) {
    assert_eq!(read.status, StatusCode::FORBIDDEN, "{read:?}");
    let message = read.answer()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with(text), "{message}");
    assert!(!message.contains("(botocore"), "the opinions differ: {message}");
}

const MISMATCH: &str = "The request signature we calculated does not match";

#[tokio::test]
async fn whatever_is_tampered_with_is_refused() {
    let (upstream, client) = started(|_| {}).await;
    assert_eq!(client.send(call(&client, &upstream)).await.status, StatusCode::OK);

    let body = call(&client, &upstream).map(|_| Full::from("{}".to_owned()));
    refused(&client.send(body).await, MISMATCH);
    for (name, value) in [
        ("mcp-name", "aws___get_tasks"),
        ("x-amz-date", "20260101T000000Z"),
        ("accept", "*/*"),
    ] {
        let mut header = call(&client, &upstream);
        header.headers_mut().insert(name, HeaderValue::from_static(value));
        let read = client.send(header).await;
        refused(&read, if name == "x-amz-date" { "" } else { MISMATCH });
    }
    let mut query = call(&client, &upstream);
    *query.uri_mut() = format!("{}?a=b", upstream.url()).parse().unwrap();
    refused(&client.send(query).await, MISMATCH);
    let mut method = call(&client, &upstream);
    *method.method_mut() = Method::PUT;
    refused(&client.send(method).await, MISMATCH);

    let mut added = call(&client, &upstream);
    added
        .headers_mut()
        .insert("x-amz-meta", HeaderValue::from_static("unsigned"));
    refused(&client.send(added).await, "There were headers present");
    // The only body that is taken is the one that was signed.
    let mut unsigned = call(&client, &upstream);
    let marker = HeaderValue::from_static("UNSIGNED-PAYLOAD");
    unsigned.headers_mut().insert("x-amz-content-sha256", marker);
    refused(&client.send(unsigned).await, MISMATCH);
}

#[tokio::test]
async fn aws_s_words_for_credentials_that_do_not_serve() {
    let (upstream, client) = started(|_| {}).await;
    let with = |change: &dyn Fn(&mut Signed)| {
        let mut other = client.clone();
        change(&mut other);
        call(&other, &upstream)
    };
    let bare = Request::post(upstream.url()).body(Full::default()).unwrap();
    refused(&client.send(bare).await, "Missing Authentication Token");
    let region = with(&|c| c.region = "us-west-2");
    refused(
        &client.send(region).await,
        "Credential should be scoped to a valid region",
    );
    let service = with(&|c| c.service = "bedrock-agentcore");
    refused(
        &client.send(service).await,
        "Credential should be scoped to correct service",
    );
    let key = with(&|c| c.caller = Caller::of("999999999999"));
    let read = client.send(key).await;
    refused(&read, "The security token included in the request is invalid.");
    assert_eq!(read.header("x-amzn-errortype"), "UnrecognizedClientException");
    let token = with(&|c| c.caller.token = Some("another".to_owned()));
    refused(
        &client.send(token).await,
        "The security token included in the request is invalid.",
    );
    let secret = with(&|c| c.caller.secret.push('x'));
    refused(&client.send(secret).await, MISMATCH);

    upstream.expire(&user().access_key);
    let read = client.send(call(&client, &upstream)).await;
    refused(&read, "The security token included in the request is expired");
    assert_eq!(read.header("x-amzn-errortype"), "ExpiredTokenException");
    // New credentials of the same key serve again.
    upstream.admit(user());
    assert_eq!(client.send(call(&client, &upstream)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn get_and_delete_are_signed_as_well() {
    let (upstream, client) = started(|_| {}).await;
    let session = client.initialize(&upstream.url()).await;
    for method in [Method::GET, Method::DELETE] {
        let builder = Request::builder()
            .method(method)
            .uri(upstream.url())
            .header("mcp-session-id", &session);
        let bare = builder.body(Full::default()).unwrap();
        refused(&client.send(bare).await, "Missing Authentication Token");
    }
    assert_eq!(upstream.session_count(), 1);
}

#[tokio::test]
async fn who_is_not_known_from_the_start_can_be_looked_up() {
    let (upstream, client) = started(|o| {
        o.callers.clear();
        o.lookup = Some(Arc::new(|key| Some(role()).filter(|c| c.access_key == key)));
    })
    .await;
    refused(&client.send(call(&client, &upstream)).await, "The security token");
    let client = Signed::new(role());
    let read = client.send(call(&client, &upstream)).await;
    assert_eq!(seen(&read)["arn"], json!(role().arn));
}

#[tokio::test]
async fn roles_that_were_assumed_in_the_sandbox_can_sign() {
    let sandbox = Sandbox::new().await.unwrap();
    let (upstream, mut client) = started(|o| o.lookup = Some(signers_of(&sandbox))).await;
    let base = sandbox.base_credentials();
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new("us-east-1"))
        .http_client(sandbox.http_client())
        .credentials_provider(base.clone())
        .build();
    let role = "arn:aws:iam::333333333333:role/aws-ops-target";
    let sts = aws_sdk_sts::Client::from_conf(config);
    let assumed = sts.assume_role().role_arn(role).role_session_name("it").send().await;
    let assumed = assumed.unwrap().credentials.unwrap();
    for (key, account) in [
        (base.access_key_id(), "111111111111"),
        (assumed.access_key_id.as_str(), "333333333333"),
    ] {
        client.caller = Caller::in_sandbox(&sandbox, key).unwrap();
        let read = client.send(call(&client, &upstream)).await;
        assert_eq!(seen(&read)["account"], account);
    }
    assert_eq!(client.caller.secret, assumed.secret_access_key);
    sandbox.expire_sessions();
    let read = client.send(call(&client, &upstream)).await;
    refused(&read, "The security token included in the request is expired");
}

#[tokio::test]
async fn one_opinion_is_not_enough() {
    let (upstream, client) = started(|o| o.verifier = Some("http://127.0.0.1:1/".to_owned())).await;
    let read = client.send(call(&client, &upstream)).await;
    assert!(
        read.status == StatusCode::FORBIDDEN && read.text.contains("(botocore alone: "),
        "{read:?}"
    );
}

#[tokio::test]
async fn tools_that_need_no_account_are_there_unsigned_if_that_is_wanted() {
    let unsigned = |upstream: &Upstream, tool: &str| {
        let (headers, message) = modern("tools/call", json!({ "name": tool }));
        let builder = Request::post(upstream.url()).header("content-type", "application/json");
        let builder = builder.header("accept", "application/json, text/event-stream");
        let builder = headers.iter().fold(builder, |b, (n, v)| b.header(*n, v));
        builder.body(Full::from(message.to_string())).unwrap()
    };
    let (upstream, client) = started(|o| o.unsigned = true).await;
    let read = client.send(unsigned(&upstream, "aws___list_regions")).await;
    assert_eq!(read.status, StatusCode::OK, "{read:?}");
    refused(&client.send(unsigned(&upstream, "aws___run_script")).await, "Missing");
    let (upstream, client) = started(|_| {}).await;
    refused(&client.send(unsigned(&upstream, "aws___list_regions")).await, "Missing");
}

#[tokio::test]
async fn every_request_is_recorded_as_it_came() {
    let (upstream, client) = started(|_| {}).await;
    let url = format!("{}/elsewhere?x=%2F", upstream.base());
    client.post(&url, &[("x-mark", "1")], &message("ping", json!({}))).await;
    client.send(call(&client, &upstream)).await;
    let requests = upstream.requests();
    let [first, second] = requests.as_slice() else {
        panic!("{requests:?}")
    };
    assert_eq!(
        (&first.method, first.uri.to_string().as_str()),
        (&Method::POST, "/elsewhere?x=%2F")
    );
    assert_eq!(
        (first.header("x-mark"), first.status),
        (Some("1"), Some(StatusCode::NOT_FOUND))
    );
    assert_eq!((first.message(), &first.account), (message("ping", json!({})), &None));
    assert_eq!(
        (second.account.as_deref(), second.status),
        (Some("111111111111"), Some(StatusCode::OK))
    );
    upstream.clear();
    assert!(upstream.requests().is_empty());
}
