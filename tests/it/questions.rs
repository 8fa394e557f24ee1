//! What an SRE asks, answered end to end: a client opens a session, and has the answer after three tool calls at most.

mod incident;
mod inventory;
mod routine;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{
    body_of,
    world::{ALICE, World},
};

/// A client's session that counts its calls.
struct Session {
    world: World,
    id: String,
    calls: usize,
}

impl Session {
    /// `None` where the tests don't run in the sandbox: its contents are what the answers are compared with.
    async fn open() -> Option<Self> {
        let world = World::sandbox(&[]).await?;
        let id = world.session().await;
        Some(Self { world, id, calls: 0 })
    }

    /// Calls a tool that must succeed, and gives the whole body: many accounts' `results`, or one's `data`.
    async fn ask(&mut self, tool: &str, arguments: Value) -> Value {
        self.calls += 1;
        assert!(self.calls <= 3, "more than three calls");
        let params = json!({ "name": tool, "arguments": arguments });
        let message = json!({ "jsonrpc": "2.0", "id": self.calls, "method": "tools/call", "params": params });
        let response = self.world.send(ALICE, Some(&self.id), &message).await;
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = body_of(&serde_json::from_slice(&bytes).unwrap());
        assert_eq!(body["success"], json!(true), "{tool}: {body}");
        body
    }
}

/// The data of one account's result.
fn of<'a>(body: &'a Value, account: &str) -> &'a Value {
    let results = body["results"]
        .as_array()
        .unwrap_or_else(|| panic!("not of many accounts: {body}"));
    let one = results.iter().find(|r| r["receipt"]["account"] == json!(account));
    &one.unwrap_or_else(|| panic!("nothing of {account} in {body}"))["data"]
}
