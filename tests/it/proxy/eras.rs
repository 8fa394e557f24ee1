//! Clients and endpoints of both revisions, in every pairing.

use serde_json::json;

use super::talk::{Setting, Talk, text_of};
use crate::support::upstream::Era;

fn era(era: Era) -> Setting {
    let mut setting = Setting::default();
    setting.upstream.era = era;
    setting
}

#[tokio::test]
async fn a_legacy_client_reaches_every_endpoint() {
    for upstream in [Era::Legacy, Era::LegacyRpc, Era::Modern, Era::Both] {
        let mut talk = Talk::legacy(era(upstream)).await;
        let listed = talk.ask("tools/list", json!({})).await;
        assert!(listed["result"]["tools"].is_array(), "{upstream:?}: {listed}");
        assert!(
            listed["result"].get("resultType").is_none(),
            "its revision has no such field"
        );
        assert_eq!(talk.seen(json!({ "code": "1" })).await["account"], "111111111111");
        assert_eq!(talk.ask("ping", json!({})).await["result"], json!({}));
        assert_eq!(
            talk.asked("server/discover") > 0,
            upstream == Era::Modern,
            "asked only where initialize is refused"
        );
    }
}

#[tokio::test]
async fn a_modern_client_reaches_every_endpoint() {
    for upstream in [Era::Legacy, Era::LegacyRpc, Era::Modern, Era::Both] {
        let mut talk = Talk::modern(era(upstream)).await;
        let found = talk.ask("server/discover", json!({})).await;
        let versions = found["result"]["supportedVersions"].to_string();
        assert!(versions.contains("2026-07-28"), "{upstream:?}: {found}");
        assert!(found["result"]["capabilities"]["tools"].is_object());
        let listed = talk.ask("tools/list", json!({})).await;
        assert_eq!(listed["result"]["resultType"], "complete", "{upstream:?}: {listed}");
        assert!(listed["result"]["ttlMs"].is_number());
        let seen = talk.seen(json!({ "code": "1" })).await;
        let legacy = matches!(upstream, Era::Legacy | Era::LegacyRpc);
        assert_eq!(seen["session_id"].is_string(), legacy, "{upstream:?}: {seen}");
        assert_eq!(talk.asked("initialize") > 0, legacy);
        let version = talk
            .upstream
            .requests()
            .last()
            .unwrap()
            .header("mcp-protocol-version")
            .unwrap()
            .to_owned();
        assert_eq!(version, if legacy { "2025-11-25" } else { "2026-07-28" });
        assert_eq!(
            talk.ask("ping", json!({})).await["error"]["code"],
            -32601,
            "this revision has no ping"
        );
    }
}

#[tokio::test]
async fn a_modern_client_is_asked_back_in_its_own_way() {
    let mut talk = Talk::modern(era(Era::Both)).await;
    let asked = talk.call("asking", json!({})).await;
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let answer = json!({ "name": { "action": "accept", "content": { "name": "Ada" } } });
    let params = json!({ "name": "asking", "arguments": {}, "inputResponses": answer });
    let answered = talk.ask("tools/call", params).await;
    assert!(text_of(&answered).contains("Ada"), "{answered}");
}

#[tokio::test]
async fn a_modern_client_listens_under_its_own_id() {
    let mut talk = Talk::modern(era(Era::Both)).await;
    talk.ask("server/discover", json!({})).await;
    let id = talk
        .begin(
            "subscriptions/listen",
            json!({ "notifications": { "toolsListChanged": true } }),
        )
        .await;
    let acknowledged = talk.next_message().await;
    assert_eq!(
        acknowledged["method"], "notifications/subscriptions/acknowledged",
        "{acknowledged}"
    );
    let subscription =
        |note: &serde_json::Value| note["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].clone();
    assert_eq!(subscription(&acknowledged), json!(id), "{acknowledged}");
    talk.upstream
        .put_tool(json!({ "name": "new", "inputSchema": { "type": "object" } }));
    let changed = talk.next_message().await;
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    assert_eq!(subscription(&changed), json!(id), "{changed}");
}

#[tokio::test]
async fn a_legacy_client_can_not_be_asked_back_by_a_modern_endpoint() {
    let mut talk = Talk::legacy(era(Era::Modern)).await;
    let asked = talk.call("asking", json!({})).await;
    assert!(
        asked["error"]["message"].as_str().unwrap().contains("asks back"),
        "{asked}"
    );
}
