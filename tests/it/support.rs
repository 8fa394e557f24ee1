//! What the tests share: accounts to work in, the real program, and a client.

pub(crate) mod calls;
pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod collector;
pub(crate) mod iam;
pub(crate) mod messages;
pub(crate) mod process;
pub(crate) mod recorder;
pub(crate) mod redis;
pub(crate) mod signed;
pub(crate) mod sources;
pub(crate) mod stub;
pub(crate) mod upstream;
pub(crate) mod world;

use serde_json::{Value, json};

/// The body of a tool's result, after checking what every result must be: the same content as text and as structure, an
/// error marked as one, and either data or an error with a code, a message and whether to try again. Over several targets
/// that is so for each, and the summary counts them.
pub(crate) fn body_of(answer: &Value) -> Value {
    let result = answer
        .get("result")
        .unwrap_or_else(|| panic!("no result but: {answer}"));
    let body = result["structuredContent"].clone();
    let content = result["content"].as_array().unwrap();
    assert_eq!(content.len(), 1, "{result}");
    let text: Value = serde_json::from_str(content[0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, body, "the text form differs from the structure");
    let success = body["success"].as_bool().unwrap();
    assert_eq!(result["isError"], json!(!success), "{result}");
    match body.get("results").and_then(Value::as_array) {
        Some(results) => {
            assert!(body.get("data").is_none() && body.get("receipt").is_none(), "{body}");
            check_error(&body, success);
            for one in results {
                check_outcome(one);
            }
            let number = |key: &str| body["summary"][key].as_u64().unwrap();
            assert_eq!(number("targets"), number("ok") + number("failed"), "{body}");
            assert_eq!(number("ok") > 0, success, "{body}");
        }
        None => check_outcome(&body),
    }
    body
}

/// Either data or an error.
fn check_outcome(body: &Value) {
    let success = body["success"].as_bool().unwrap();
    assert_eq!(body.get("data").is_some(), success, "{body}");
    check_error(body, success);
}

fn check_error(body: &Value, success: bool) {
    assert_eq!(body.get("error").is_some(), !success, "{body}");
    if !success {
        let error = &body["error"];
        assert!(error["code"].is_string() && error["retryable"].is_boolean(), "{error}");
        assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()), "{error}");
    }
}

/// A name that no other test and no earlier run has used.
pub(crate) fn unique(what: &str) -> String {
    format!("it-{what}-{}", uuid::Uuid::new_v4().simple())
}

/// The text at `key`, which must be there.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

/// The texts at `key` of each item.
pub(crate) fn texts(items: &[Value], key: &str) -> Vec<String> {
    items.iter().map(|item| text(item, key).to_owned()).collect()
}
