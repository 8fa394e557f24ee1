//! One list of what several targets list: each row says whose it is, and what each has in the order of time is in that order over all.

use std::collections::BTreeSet;

use rmcp::model::JsonObject;
use serde_json::{Value, json};

/// Says in each row of a target's list which account it is of, and which region where there are several.
pub(super) fn name_rows(body: &mut JsonObject, list: &str, regions: bool) {
    let text = |body: &JsonObject, key: &str, receipt: &str| {
        let told = body.get(key).or_else(|| body.get("receipt")?.get(receipt));
        told.and_then(Value::as_str).map(str::to_owned)
    };
    let account = text(body, "account", "account_id");
    let region = text(body, "region", "region").filter(|_| regions);
    let Some(Value::Array(rows)) = body.get_mut("data").and_then(|data| data.get_mut(list)) else {
        return;
    };
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        let mut named = JsonObject::new();
        for (key, value) in [("account", &account), ("region", &region)] {
            named.extend(value.as_ref().map(|v| (key.to_owned(), json!(v))));
        }
        // What the row itself calls so stays.
        named.extend(std::mem::take(row));
        *row = named;
    }
}

/// Whether the targets are in several regions.
pub(super) fn several_regions<'a>(bodies: impl Iterator<Item = &'a JsonObject>) -> bool {
    let region = |body: &'a JsonObject| {
        let told = body.get("region").or_else(|| body.get("receipt")?.get("region"));
        told.and_then(Value::as_str)
    };
    bodies.filter_map(region).collect::<BTreeSet<_>>().len() > 1
}

/// Takes the lists out of the results, and puts them together.
pub(super) fn take(results: &mut [Value], list: &str) -> Value {
    let data = results.iter_mut().filter_map(|r| r.get_mut("data")?.as_object_mut());
    let lists = data.filter_map(|data| match data.remove(list) {
        Some(Value::Array(rows)) => Some(rows),
        _ => None,
    });
    let lists: Vec<Vec<Value>> = lists.collect();
    let rising = |rows: &Vec<Value>| rows.is_sorted_by(|a, b| both(a, b, |a, b| a <= b));
    let falling = |rows: &Vec<Value>| rows.is_sorted_by(|a, b| both(a, b, |a, b| a >= b));
    let timed = lists.iter().flatten().all(|row| time(row).is_some());
    let (up, down) = (lists.iter().all(rising), lists.iter().all(falling));
    let mut rows: Vec<Value> = lists.into_iter().flatten().collect();
    match (timed, up, down) {
        // One row each says nothing of the order: the newest first, as AWS has it.
        (true, _, true) => rows.sort_by(|a, b| time(b).cmp(&time(a))),
        (true, true, false) => rows.sort_by(|a, b| time(a).cmp(&time(b))),
        // In an order of their own, which is not ours to change.
        _ => {}
    }
    Value::Array(rows)
}

fn both(a: &Value, b: &Value, ordered: impl Fn(&str, &str) -> bool) -> bool {
    time(a).zip(time(b)).is_some_and(|(a, b)| ordered(a, b))
}

/// A row's time: AWS writes it so that it sorts as text.
fn time(row: &Value) -> Option<&str> {
    let row = row.as_object()?;
    let bin = || {
        row.iter()
            .find(|(name, _)| name.starts_with("bin("))
            .map(|(_, value)| value)
    };
    row.get("@timestamp").or_else(bin)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(lists: &[Value]) -> Vec<String> {
        let mut results: Vec<Value> = lists
            .iter()
            .map(|rows| json!({ "data": { "rows": rows, "n": 1 } }))
            .collect();
        results.push(json!({ "error": {} }));
        let rows = take(&mut results, "rows");
        assert!(results.iter().all(|r| r.pointer("/data/rows").is_none()));
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["m"].as_str().unwrap().to_owned())
            .collect()
    }

    fn rows(key: &str, times: &[&str]) -> Value {
        times.iter().map(|t| json!({ key: t, "m": t })).collect()
    }

    #[test]
    fn rows_come_in_the_order_that_each_list_has() {
        let at = "@timestamp";
        assert_eq!(
            merged(&[rows(at, &["5", "3"]), rows(at, &["4", "1"])]),
            ["5", "4", "3", "1"]
        );
        assert_eq!(merged(&[rows(at, &["3", "5"]), rows(at, &["4"])]), ["3", "4", "5"]);
        assert_eq!(
            merged(&[rows("bin(5m)", &["5", "3"]), rows("bin(5m)", &["9"])]),
            ["9", "5", "3"]
        );
        assert_eq!(
            merged(&[rows("count", &["1", "3"]), rows("count", &["9"])]),
            ["1", "3", "9"]
        );
        assert_eq!(
            merged(&[rows(at, &["3", "5", "4"]), rows(at, &["9"])]),
            ["3", "5", "4", "9"]
        );
        assert!(merged(&[rows(at, &[]), rows(at, &[])]).is_empty());
    }

    #[test]
    fn a_row_says_whose_it_is() {
        let mut body = json!({ "account": "a", "region": "r", "data": { "rows": [{ "x": 1 }, { "account": "own" }] } });
        let body = body.as_object_mut().unwrap();
        name_rows(body, "rows", true);
        let expected = json!([{ "account": "a", "region": "r", "x": 1 }, { "account": "own", "region": "r" }]);
        assert_eq!(body["data"]["rows"], expected);
        let receipt = json!({ "receipt": { "account_id": "1", "region": "q" } });
        assert!(several_regions([&*body, receipt.as_object().unwrap()].into_iter()));
    }
}
