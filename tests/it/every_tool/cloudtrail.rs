//! CloudTrail. The other emulator's events are what it was asked since it started.

use serde_json::json;

use super::Step;

pub(crate) fn steps() -> Vec<Step> {
    let needs = &["cloudtrail:LookupEvents"];
    vec![
        Step::new("lookup_events", json!({}), needs, "ok"),
        Step::new(
            "lookup_events",
            json!({ "event_name": "CreateFunction20150331" }),
            needs,
            "ok",
        )
        .only_here("nobody made a function since it started, and it names no call of a REST service as AWS does"),
        Step::new("lookup_events", json!({ "since": "91d" }), &[], "invalid_input"),
        Step::new(
            "lookup_events",
            json!({ "since": "1h", "until": "2h" }),
            &[],
            "invalid_input",
        ),
    ]
}
