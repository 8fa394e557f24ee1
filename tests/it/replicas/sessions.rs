//! Sessions of /mcp.

use futures::future::join_all;
use http::StatusCode;
use redis::AsyncCommands as _;
use serde_json::json;

use crate::support::{
    messages::initialized,
    redis::Redis,
    world::{ALICE, BOB},
};

use super::{listing, next_event, two};

#[tokio::test]
async fn a_session_of_one_replica_works_on_the_other_and_for_its_caller_alone() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &[]).await;
    let session = a.session().await;
    for replica in [&b, &a] {
        assert_eq!(replica.call(BOB, Some(&session)).await, StatusCode::NOT_FOUND);
        let stream = replica.get("/mcp", BOB, Some(&session)).await;
        assert_eq!(stream.status(), StatusCode::NOT_FOUND);
        let notified = replica.post("/mcp", BOB, Some(&session), &initialized()).await;
        assert_eq!(notified.status(), StatusCode::NOT_FOUND);
        assert_eq!(replica.delete(BOB, &session).await, StatusCode::NOT_FOUND);
    }
    assert_eq!(b.call(ALICE, Some(&session)).await, StatusCode::OK);
    let notified = b.post("/mcp", ALICE, Some(&session), &initialized()).await;
    assert_eq!(notified.status(), StatusCode::ACCEPTED);
    let stream = b.get("/mcp", ALICE, Some(&session)).await;
    assert_eq!(stream.status(), StatusCode::OK);
    // The first replica goes away, and the client sees nothing of it.
    a.lifecycle.over.cancel();
    drop(a);
    assert_eq!(b.call(ALICE, Some(&session)).await, StatusCode::OK);
    assert_eq!(b.call(ALICE, Some("no-such-session")).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_session_that_is_ended_on_one_replica_has_ended_on_all() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &[]).await;
    let session = a.session().await;
    let mut stream = a.get("/mcp", ALICE, Some(&session)).await.into_body();
    // The first event only says how to come again.
    next_event(&mut stream).await.unwrap();
    assert_eq!(b.delete(ALICE, &session).await, StatusCode::NO_CONTENT);
    assert_eq!(next_event(&mut stream).await, None, "its stream ends");
    for replica in [&a, &b] {
        assert_eq!(replica.call(ALICE, Some(&session)).await, StatusCode::NOT_FOUND);
        assert_eq!(replica.delete(ALICE, &session).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_that_comes_to_another_replica_restores_its_session_once() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &["--max-sessions-per-caller", "1"]).await;
    let session = a.session().await;
    for _ in 0..5 {
        let calls = (0..40_usize).map(|at| {
            let (router, session) = (b.router.clone(), session.clone());
            let lifecycle = b.lifecycle.clone();
            tokio::spawn(async move {
                let replica = super::Replica { router, lifecycle };
                // In one session each call has an id of its own.
                let mut message = listing();
                message["id"] = json!(at);
                let token = [ALICE, BOB][at % 2];
                replica.post("/mcp", token, Some(&session), &message).await.status()
            })
        });
        let seen = join_all(calls).await;
        for (at, status) in seen.into_iter().enumerate() {
            let expected = [StatusCode::OK, StatusCode::NOT_FOUND][at % 2];
            assert_eq!(status.unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn a_session_lives_as_long_as_any_replica_hears_of_it_and_its_record_says_nothing() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &["--session-idle-timeout", "300s", "--state-prefix", "ours:"]).await;
    let session = a.session().await;
    let mut look = redis.look().await;
    let keys: Vec<String> = look.keys("*session:*").await.unwrap();
    assert!(keys.len() == 1 && keys[0].starts_with("ours:session:"), "{keys:?}");
    let key = &keys[0];
    let record: String = look.get(key).await.unwrap();
    for secret in [session.as_str(), "alice", ALICE] {
        assert!(
            !key.contains(secret) && !record.contains(secret),
            "{secret}: {key} {record}"
        );
    }
    let life = async |mut look: redis::aio::MultiplexedConnection| -> i64 { look.pttl(key).await.unwrap() };
    let _: () = look.pexpire(key, 10_000).await.unwrap();
    // Others don't keep it alive.
    assert_eq!(b.call(BOB, Some(&session)).await, StatusCode::NOT_FOUND);
    assert_eq!(b.call(ALICE, Some(&session)).await, StatusCode::OK);
    let left = life(look.clone()).await;
    assert!((290_000..=300_000).contains(&left), "{left}");
    let _: () = look.pexpire(key, 1).await.unwrap();
    while look.exists::<_, bool>(key).await.unwrap() {}
    for replica in [&a, &b] {
        let gone = replica.post("/mcp", ALICE, Some(&session), &listing()).await;
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    }
    a.session().await;
}
