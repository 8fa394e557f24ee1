//! Without the Redis: what goes on, what fails, and that nothing is let in that the limits would have stopped.

use std::time::Instant;

use http::{Response, StatusCode, header::RETRY_AFTER};

use crate::support::{
    messages::initialize,
    process::program,
    redis::Redis,
    stub::Stub,
    world::{ALICE, World},
};

use super::{Replica, listing, message_of, next_event, text_of, two, until};

/// Checks that it says clearly what is out, and when to come again.
async fn out(response: Response<axum::body::Body>) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(RETRY_AFTER));
    let said = text_of(response).await;
    assert!(said.contains("STATE_URL"), "{said}");
}

/// What needs the shared state fails, and what doesn't goes on.
async fn all_is_out(replica: &Replica, session: &str, endpoint: &str) {
    out(replica.post("/mcp", ALICE, Some(session), &listing()).await).await;
    out(replica.post("/mcp", ALICE, None, &initialize()).await).await;
    out(replica.get("/mcp", ALICE, Some(session)).await).await;
    out(replica.get("/sse", ALICE, None).await).await;
    out(replica.post(endpoint, ALICE, None, &listing()).await).await;
    assert_eq!(replica.delete(ALICE, session).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(replica.ready().await, StatusCode::OK);
    until(async || replica.call(ALICE, None).await == StatusCode::OK).await;
}

#[tokio::test]
async fn sessions_and_streams_fail_clearly_in_an_outage_and_go_on_after_it() {
    let Some(mut redis) = Redis::lasting() else { return };
    let flags = [
        "--caller-rate",
        "1000",
        "--caller-burst",
        "1000",
        "--state-replicas",
        "2",
    ];
    let (a, b, _stub) = two(&redis, &flags).await;
    let session = a.session().await;
    let (endpoint, mut stream) = a.stream().await;
    until(async || b.post(&endpoint, ALICE, None, &initialize()).await.status() == StatusCode::ACCEPTED).await;
    next_event(&mut stream).await.unwrap();
    b.post(&endpoint, ALICE, None, &crate::support::messages::initialized())
        .await;
    for _ in 0..2 {
        redis.kill();
        for replica in [&a, &b] {
            all_is_out(replica, &session, &endpoint).await;
        }
        redis.restart();
        for replica in [&a, &b] {
            until(async || replica.call(ALICE, Some(&session)).await == StatusCode::OK).await;
            until(async || {
                let posted = replica.post(&endpoint, ALICE, None, &listing()).await;
                posted.status() == StatusCode::ACCEPTED
            })
            .await;
            let answer = message_of(&next_event(&mut stream).await.unwrap());
            assert_eq!(answer["id"], 1, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_forgot_everything_ends_the_sessions_and_new_ones_begin() {
    let Some(mut redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &[]).await;
    let session = a.session().await;
    redis.kill();
    redis.restart();
    until(async || a.call(ALICE, Some(&session)).await == StatusCode::NOT_FOUND).await;
    let session = a.session().await;
    until(async || b.call(ALICE, Some(&session)).await == StatusCode::OK).await;
}

#[tokio::test]
async fn an_outage_lets_in_nothing_that_the_limits_would_have_stopped() {
    for replicas in [1, 2] {
        let Some(mut redis) = Redis::lasting() else { return };
        let number = replicas.to_string();
        let flags = [
            "--caller-rate",
            "20",
            "--caller-burst",
            "10",
            "--state-replicas",
            &number,
        ];
        let (a, b, _stub) = two(&redis, &flags).await;
        let all = &[&a, &b][..replicas];
        let start = Instant::now();
        let (mut given, mut in_outage) = (0_u32, 0);
        for phase in 0..3 {
            match phase {
                1 => redis.kill(),
                2 => redis.restart(),
                _ => {}
            }
            // Replicas notice the end of an outage up to a second apart: meanwhile one may give its share beside the others.
            let apart = if phase == 2 && replicas > 1 { 20.0 / 2.0 } else { 0.0 };
            let begun = Instant::now();
            while begun.elapsed().as_millis() < 2500 {
                for replica in all {
                    if replica.call(ALICE, None).await == StatusCode::OK {
                        given += 1;
                        in_outage += u32::from(phase == 1);
                    }
                    let most = 10.0 + 20.0 * start.elapsed().as_secs_f64() + apart;
                    assert!(f64::from(given) <= most, "{given} of {most}");
                }
            }
        }
        assert!(in_outage >= 20, "the stateless era goes on: {in_outage}");
    }
}

#[tokio::test]
async fn a_replica_starts_without_its_redis_and_finds_it_later() {
    let Some(mut redis) = Redis::later() else { return };
    let (a, b, _stub) = two(&redis, &[]).await;
    assert_eq!(a.ready().await, StatusCode::OK);
    assert_eq!(a.call(ALICE, None).await, StatusCode::OK);
    out(a.post("/mcp", ALICE, None, &initialize()).await).await;
    redis.restart();
    until(async || a.post("/mcp", ALICE, None, &initialize()).await.status() == StatusCode::OK).await;
    let session = a.session().await;
    until(async || b.call(ALICE, Some(&session)).await == StatusCode::OK).await;
}

/// What docs/replicas.md says that the user needs.
const RIGHTS: &str =
    "+@connection +eval +evalsha +script|load +time +get +getex +set +psetex +del +publish +subscribe +unsubscribe";

#[tokio::test]
async fn a_redis_that_refuses_the_password_is_an_outage_and_the_documented_rights_are_enough() {
    let user = format!("ops on >right ~ours:* &ours:* {RIGHTS}");
    let mut flags = vec!["--user"];
    flags.extend(user.split(' '));
    let Some(redis) = Redis::with(&flags) else { return };
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/replicas.md")).unwrap();
    assert!(docs.contains(RIGHTS), "{RIGHTS}");
    let stub = Stub::new().await;
    let world = World::of_stub(&stub, &[]);
    let url = |password: &str| format!("redis://ops:{password}@127.0.0.1:{}/0", redis.port());
    let one = ["--caller-rate", "1", "--caller-burst", "1"];
    let wrong = Replica::new(&world, &url("wrong"), &one);
    out(wrong.post("/mcp", ALICE, None, &initialize()).await).await;
    // One place is not enough for four replicas: none of them gives it.
    out(wrong.post("/mcp", ALICE, None, &listing()).await).await;
    let rates = [
        "--caller-rate",
        "1000",
        "--caller-burst",
        "1000",
        "--state-prefix",
        "ours:",
    ];
    let (a, b) = (
        Replica::new(&world, &url("right"), &rates),
        Replica::new(&world, &url("right"), &rates),
    );
    let session = a.session().await;
    assert_eq!(b.call(ALICE, Some(&session)).await, StatusCode::OK);
    let (endpoint, mut stream) = a.stream().await;
    until(async || b.post(&endpoint, ALICE, None, &initialize()).await.status() == StatusCode::ACCEPTED).await;
    next_event(&mut stream).await.unwrap();
    assert_eq!(b.delete(ALICE, &session).await, StatusCode::NO_CONTENT);
    // Under another prefix it may do nothing.
    let elsewhere = Replica::new(&world, &url("right"), &[]);
    out(elsewhere.post("/mcp", ALICE, None, &initialize()).await).await;
}

#[test]
fn the_password_is_never_shown() {
    let token = "0123456789abcdef0123456789abcdef";
    let url = format!("redis://ops:hunter2@127.0.0.1:{}", crate::support::redis::free_port());
    let mut running = program(&["serve", "--port", "0", "--log-level", "trace"])
        .env("MCP_AUTH_TOKEN", token)
        .env("STATE_URL", &url)
        .start();
    running.err_line("does not answer");
    running.terminate();
    let ended = running.end();
    assert!(!ended.err.contains("hunter2"), "{}", ended.err);
    for wrong in [
        "http://ops:hunter2@x",
        "hunter2",
        "redis://hunter2:x@",
        "rediss://:hunter2@x#insecure",
    ] {
        let said = program(&["serve", "--port", "0"])
            .env("MCP_AUTH_TOKEN", token)
            .env("STATE_URL", wrong)
            .run();
        assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{}", said.err);
        assert!(
            said.err.contains("STATE_URL") && !said.err.contains("hunter2"),
            "{}",
            said.err
        );
    }
}
