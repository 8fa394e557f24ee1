//! Whatever calls tools: the server in process, or a client of the real program.

use serde_json::{Value, json};

use super::{client::Client, world::World};

pub(crate) trait Calls {
    /// Calls a tool; its result's body, whether it succeeded or not.
    async fn call(&self, tool: &str, arguments: Value) -> Value;

    /// Calls a tool that must succeed; its data.
    async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let body = self.call(tool, arguments.clone()).await;
        assert_eq!(body["success"], json!(true), "{tool} {arguments}: {body}");
        body["data"].clone()
    }
}

impl Calls for World {
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        World::call(self, tool, arguments).await
    }
}

impl Calls for Client {
    async fn call(&self, tool: &str, arguments: Value) -> Value {
        Client::call(self, tool, arguments).await
    }
}
