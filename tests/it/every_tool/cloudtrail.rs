//! CloudTrail. The other emulator has other events, and not the seeded ones.

use serde_json::json;

use super::Step;

const HERE: &str = "the events are the sandbox's";

pub(crate) fn steps() -> Vec<Step> {
    let needs = &["cloudtrail:LookupEvents"];
    let steps = vec![
        Step::new("lookup_events", json!({}), needs, "ok"),
        Step::new(
            "lookup_events",
            json!({ "event_name": "CreateFunction20150331" }),
            needs,
            "ok",
        ),
        Step::new("lookup_events", json!({ "since": "91d" }), &[], "invalid_input"),
        Step::new(
            "lookup_events",
            json!({ "since": "1h", "until": "2h" }),
            &[],
            "invalid_input",
        ),
    ];
    steps.into_iter().map(|step| step.only_here(HERE)).collect()
}
