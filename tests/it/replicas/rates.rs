//! Rates that count on all replicas together.

use std::time::Instant;

use http::{StatusCode, header::RETRY_AFTER};

use crate::support::{
    redis::Redis,
    world::{ALICE, BOB},
};

use super::{listing, text_of, two};

#[tokio::test]
async fn what_one_replica_gives_another_has_given_too() {
    let Some(redis) = Redis::start() else { return };
    let (a, b, _stub) = two(&redis, &["--caller-rate", "1", "--caller-burst", "6"]).await;
    let start = Instant::now();
    let mut given = 0;
    for at in 0..40 {
        let replica = [&a, &b][at % 2];
        match replica.call(ALICE, None).await {
            StatusCode::OK => given += 1,
            status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
        }
    }
    let most = 6 + start.elapsed().as_secs() + 1;
    assert!((6..=most).contains(&given), "{given} of {most}");
    let refused = b.post("/mcp", ALICE, None, &listing()).await;
    if refused.status() == StatusCode::TOO_MANY_REQUESTS {
        assert_eq!(refused.headers()[RETRY_AFTER], "1");
        assert!(text_of(refused).await.contains("CALLER_RATE"));
    }
    assert_eq!(b.call(BOB, None).await, StatusCode::OK);
}
