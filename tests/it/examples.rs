//! The example in each tool's description is one that works: who tries it in the sandbox gets an answer.

use aws_ops_mcp::server::Catalogue;
use serde_json::{Value, json};

use crate::support::world::{MANAGEMENT_ROLE, World};

/// Whose example holds an id that AWS made, or that only a change brings about.
const MADE: [&str; 8] = [
    "get_change",
    "get_resource_request_status",
    "delete_hosted_zone",
    "restore_secret",
    "start_instances",
    "stop_instances",
    "reboot_instances",
    "get_console_output",
];

#[tokio::test]
async fn the_example_in_each_description_works_in_the_sandbox() {
    for tool in Catalogue::new(true).unwrap().tools() {
        let description = tool.description.as_deref().unwrap_or_default();
        let Some((_, example)) = description.split_once("Example: ") else {
            assert_eq!(tool.name, "list_accounts", "it has no example");
            continue;
        };
        let mut arguments: Value = serde_json::from_str(example).unwrap_or_else(|e| panic!("{}: {e}", tool.name));
        if MADE.contains(&&*tool.name) {
            continue;
        }
        // Each in a sandbox of its own, since some change what others read.
        let Some(world) = World::sandbox(&[]).await else {
            return;
        };
        if arguments["account"] == json!("management") {
            arguments.as_object_mut().unwrap().remove("account");
            arguments["role_arn"] = json!(MANAGEMENT_ROLE);
        }
        let body = world.call(&tool.name, arguments).await;
        assert_eq!(body["success"], json!(true), "{}: {body}", tool.name);
    }
}
