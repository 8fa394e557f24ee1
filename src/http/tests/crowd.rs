//! Many callers at once, all of whose calls have the same JSON-RPC id.

use futures::future::join_all;

use super::support::*;

const CALLERS: usize = 50;
const CALLS: usize = 6;

fn name(n: usize) -> String {
    format!("caller{n:03}")
}

fn token(n: usize) -> String {
    format!("0123456789abcdef0123456789abcdef{n:03}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_a_result_of_somebody_else() {
    let app = crowd_app(
        &(0..CALLERS)
            .map(|n| format!("{}={}", name(n), token(n)))
            .collect::<Vec<_>>()
            .join(","),
    );
    join_all((0..CALLERS).map(|n| {
        let app = &app;
        async move {
            let session = app.initialize(&token(n)).await;
            let (endpoint, mut stream) = app.initialize_sse(&token(n)).await;
            for _ in 0..CALLS {
                let stateless = json_of(app.call(&token(n), None, "whoami").await).await;
                let in_session = json_of(app.call(&token(n), Some(&session), "whoami").await).await;
                app.post_to(&endpoint, &token(n), &call("whoami")).await;
                let over_sse = data_of(&next_event(&mut stream).await.unwrap());
                for answer in [stateless, in_session, over_sse] {
                    assert!(result_text(&answer).contains(&name(n)), "{answer} for {}", name(n));
                }
            }
        }
    }))
    .await;
}
