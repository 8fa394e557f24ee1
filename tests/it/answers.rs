//! What is alike in the answers of all tools: who reads one of them can read all.

use serde_json::{Value, json};

use crate::support::{iam::Proof, world::World};

fn first_key(value: &Value) -> &str {
    value.as_object().unwrap().keys().next().unwrap()
}

#[tokio::test]
async fn a_list_that_is_cut_says_so_before_its_counts() {
    let world = World::new().await;
    let part = json!({ "account": "production", "max_results": 1 });
    // The other emulator gives all roles at once.
    let roles = Some("list_roles").filter(|_| !Proof::is_elsewhere());
    for tool in ["list_secrets", "list_buckets", "describe_log_groups"]
        .into_iter()
        .chain(roles)
    {
        let data = world.call(tool, part.clone()).await["data"].take();
        assert_eq!(first_key(&data), "partial", "{tool}: {data}");
        let whole = world.call(tool, json!({ "account": "production" })).await["data"].take();
        assert!(whole.get("partial").is_none(), "{tool}: {whole}");
    }
}

#[tokio::test]
async fn what_was_not_found_was_looked_for_somewhere() {
    let world = World::new().await;
    let wrong = json!({ "account": "staging", "secret_id": "no/such/secret" });
    let error = world.fails("not_found", "describe_secret", wrong.clone()).await;
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.starts_with("Looked in staging, us-east-1."), "{hint}");
    assert!(hint.contains("\"accounts\": [\"all\"]"), "{hint}");
    let change = world.fails("not_found", "restore_secret", wrong).await;
    assert!(!change["hint"].as_str().unwrap().contains("accounts"), "{change}");
    let all = json!({ "accounts": ["all"], "secret_id": "no/such/secret" });
    let body = world.call("describe_secret", all).await;
    for result in body["results"].as_array().unwrap() {
        assert_eq!(first_key(result), "account");
        assert!(result["error"].get("hint").is_none(), "{result}");
    }
}
