//! The registry, and who one is.

use serde_json::json;

use super::Step;

pub(crate) fn steps() -> Vec<Step> {
    vec![
        Step::local("list_accounts", json!({})),
        Step::new("get_caller_identity", json!({}), &[], "ok"),
    ]
}
