use serde_json::{Value, json};

use super::*;

fn trail(events: i64) -> CloudTrail {
    let trail = CloudTrail::default();
    for number in 0..events {
        let event = Event {
            id: format!("event-{number}"),
            time: number,
            region: "us-east-1".to_owned(),
            name: if number % 2 == 0 { "CreateSecret" } else { "ListSecrets" }.to_owned(),
            read_only: number % 2 == 1,
            ..Event::default()
        };
        trail.note("333333333333", event);
    }
    trail
}

fn look(trail: &CloudTrail, input: Value) -> Result<Value, String> {
    let mut context = RequestContext::new("cloudtrail", "us-east-1");
    context.account_id = "333333333333".to_owned();
    trail.handle("LookupEvents", &input, &context).map_err(|e| e.code)
}

fn ids(answer: &Value) -> Vec<&str> {
    let events = answer["Events"].as_array().unwrap().iter();
    events.map(|event| event["EventId"].as_str().unwrap()).collect()
}

#[test]
fn the_newest_come_first_and_a_page_goes_on_behind_its_last() {
    let trail = trail(7);
    let first = look(&trail, json!({ "MaxResults": 3 })).unwrap();
    assert_eq!(ids(&first), ["event-6", "event-5", "event-4"]);
    let newer = Event {
        id: "newer".to_owned(),
        time: 9,
        region: "us-east-1".to_owned(),
        ..Event::default()
    };
    trail.note("333333333333", newer);
    let rest = look(&trail, json!({ "MaxResults": 50, "NextToken": first["NextToken"] })).unwrap();
    assert_eq!(ids(&rest), ["event-3", "event-2", "event-1", "event-0"]);
    assert!(rest.get("NextToken").is_none());
    let within = look(&trail, json!({ "StartTime": 2.0, "EndTime": 3.0 })).unwrap();
    assert_eq!(ids(&within), ["event-3", "event-2"]);
    let reads = json!({ "LookupAttributes": [{ "AttributeKey": "ReadOnly", "AttributeValue": "true" }] });
    assert_eq!(ids(&look(&trail, reads).unwrap()), ["event-5", "event-3", "event-1"]);
}

#[test]
fn an_account_keeps_so_many_and_the_oldest_go() {
    let trail = trail(i64::try_from(MOST).unwrap() + 5);
    let all = trail.events();
    assert_eq!(all["333333333333"].len(), MOST);
    assert_eq!(all["333333333333"][0].id, "event-5");
}

#[test]
fn wrong_parameters_end_as_at_aws() {
    let trail = trail(1);
    let attribute = |key: &str| json!({ "AttributeKey": key, "AttributeValue": "x" });
    for (input, code) in [
        (
            json!({ "LookupAttributes": [attribute("Nothing")] }),
            "InvalidLookupAttributesException",
        ),
        (
            json!({ "LookupAttributes": [attribute("EventName"), attribute("Username")] }),
            "InvalidLookupAttributesException",
        ),
        (json!({ "StartTime": 2, "EndTime": 1 }), "InvalidTimeRangeException"),
        (json!({ "MaxResults": 51 }), "InvalidMaxResultsException"),
        (json!({ "NextToken": "x" }), "InvalidNextTokenException"),
    ] {
        assert_eq!(look(&trail, input.clone()).unwrap_err(), code, "{input}");
    }
}
