//! Streams of /sse whose POSTs land elsewhere.

use http::StatusCode;
use serde_json::json;
use tokio::sync::mpsc;

use crate::support::{
    body_of,
    messages::{initialize, initialized},
    redis::Redis,
    stub::Behaviour,
    text,
    world::{ALICE, BOB},
};

use super::{call, listing, message_of, next_event, text_of, two, until};

#[tokio::test]
async fn a_message_reaches_its_stream_from_any_replica() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, stub) = two(&redis, &[]).await;
    let (endpoint, mut stream) = a.stream().await;
    // Where a replica has just come up, its mail may take a moment.
    until(async || {
        let posted = b.post(&endpoint, ALICE, None, &initialize()).await.status();
        posted == StatusCode::ACCEPTED
    })
    .await;
    let answer = message_of(&next_event(&mut stream).await.unwrap());
    assert_eq!(answer["result"]["protocolVersion"], "2025-06-18");
    for (replica, message) in [(&b, initialized()), (&a, listing()), (&b, listing())] {
        // From wherever, and for nobody else.
        let stolen = replica.post(&endpoint, BOB, None, &message).await;
        assert_eq!(stolen.status(), StatusCode::NOT_FOUND);
        let posted = replica.post(&endpoint, ALICE, None, &message).await;
        assert_eq!(posted.status(), StatusCode::ACCEPTED);
        if message.get("id").is_some() {
            let body = body_of(&message_of(&next_event(&mut stream).await.unwrap()));
            assert_eq!(body["success"], json!(true), "{body}");
            assert_eq!(text(&body["receipt"], "session_name"), "aws-ops-alice");
        }
    }
    assert_eq!(stub.seen("ListSecrets").len(), 2);
    drop(stream);
    for replica in [&b, &a] {
        until(async || replica.post(&endpoint, ALICE, None, &listing()).await.status() == StatusCode::NOT_FOUND).await;
    }
}

#[tokio::test]
async fn what_goes_from_one_replica_to_another_is_sealed() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &[]).await;
    let (seen, mut posts) = mpsc::unbounded_channel();
    let mut spy = redis::Client::open(redis.url())
        .unwrap()
        .get_async_pubsub()
        .await
        .unwrap();
    spy.psubscribe("*").await.unwrap();
    tokio::spawn(async move {
        let mut letters = spy.into_on_message();
        while let Some(letter) = futures::StreamExt::next(&mut letters).await {
            seen.send(String::from_utf8_lossy(letter.get_payload_bytes()).into_owned())
                .unwrap();
        }
    });
    let (endpoint, mut stream) = a.stream().await;
    until(async || b.post(&endpoint, ALICE, None, &initialize()).await.status() == StatusCode::ACCEPTED).await;
    next_event(&mut stream).await.unwrap();
    b.post(&endpoint, ALICE, None, &initialized()).await;
    let secret = json!({ "account": "production", "name": "a", "secret_string": "hunter2", "wrong": "hunter2" });
    let posted = b.post(&endpoint, ALICE, None, &call("create_secret", &secret)).await;
    assert_eq!(posted.status(), StatusCode::ACCEPTED);
    let answer = message_of(&next_event(&mut stream).await.unwrap());
    assert_eq!(body_of(&answer)["error"]["code"], "invalid_input");
    let id = endpoint.split('=').next_back().unwrap();
    let (mut said, mut message) = (Vec::new(), None);
    while message.is_none() || said.len() < 6 {
        let letter = posts.recv().await.unwrap();
        if letter.contains("sealed") {
            message = Some(letter.clone());
        }
        said.push(letter);
    }
    for letter in &said {
        for hidden in ["hunter2", "create_secret", "alice", id] {
            assert!(!letter.contains(hidden), "{hidden} in {letter}");
        }
    }
    // Who can write there can neither repeat a message nor make one up.
    let letter = message.unwrap();
    let mut forged: serde_json::Value = serde_json::from_str(&letter).unwrap();
    forged["message"]["sealed"] = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let mut look = redis.look().await;
    let channels: Vec<String> = redis::cmd("PUBSUB")
        .arg("CHANNELS")
        .query_async(&mut look)
        .await
        .unwrap();
    for channel in channels.iter().filter(|c| !c.ends_with(":all")) {
        for again in [&letter, &forged.to_string()] {
            let _: usize = redis::cmd("PUBLISH")
                .arg(channel)
                .arg(again)
                .query_async(&mut look)
                .await
                .unwrap();
        }
    }
    let mut gone = 0;
    while gone < 2 {
        gone += usize::from(posts.recv().await.unwrap().contains("\"gone\""));
    }
}

#[tokio::test]
async fn a_call_from_another_replica_is_in_flight_where_it_runs() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, stub) = two(&redis, &["--max-in-flight-per-caller", "1"]).await;
    let (endpoint, mut stream) = a.stream().await;
    until(async || b.post(&endpoint, ALICE, None, &initialize()).await.status() == StatusCode::ACCEPTED).await;
    next_event(&mut stream).await.unwrap();
    b.post(&endpoint, ALICE, None, &initialized()).await;
    stub.all(Behaviour::Hangs);
    until(async || b.post(&endpoint, ALICE, None, &listing()).await.status() == StatusCode::ACCEPTED).await;
    stub.until(|c| c.hanging == 1).await;
    let mut other = listing();
    other["id"] = json!(2);
    let full = b.post(&endpoint, ALICE, None, &other).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text_of(full).await.contains("MAX_IN_FLIGHT_PER_CALLER"));
    assert_eq!(a.call(ALICE, None).await, StatusCode::TOO_MANY_REQUESTS);
    stub.release();
    next_event(&mut stream).await.unwrap();
    until(async || a.call(ALICE, None).await == StatusCode::OK).await;
}

#[tokio::test]
async fn a_stream_of_a_replica_that_was_killed_is_unknown() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &[]).await;
    let (endpoint, stream) = a.stream().await;
    until(async || b.post(&endpoint, ALICE, None, &initialize()).await.status() == StatusCode::ACCEPTED).await;
    // The mail stops; the record of the stream is still there.
    a.lifecycle.over.cancel();
    until(async || b.post(&endpoint, ALICE, None, &listing()).await.status() == StatusCode::NOT_FOUND).await;
    drop(stream);
}
