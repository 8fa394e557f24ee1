//! What Route 53 would refuse, said before it is asked: which change it is, and what would be right.
//!
//! AWS answers a wrong batch with all its complaints in one line of its own words. A change of DNS is made at bad moments, so the
//! mistakes that are made there are named here. What only Route 53 can know, it still says.

use std::collections::{BTreeMap, BTreeSet};

use crate::ops::OpError;

use super::{
    change::{RecordAction, RecordChange},
    record::Record,
    values,
};

/// The longest that anybody may keep an answer. Source: RFC 2181.
const LONGEST_TTL: i64 = 2_147_483_647;

/// What the changes say on their own.
///
/// # Errors
/// The first that is wrong.
pub(super) fn alone(changes: &[RecordChange]) -> Result<(), OpError> {
    if changes.is_empty() || changes.len() > 100 {
        return Err(OpError::InvalidInput(format!(
            "changes holds {}; 1 to 100 are allowed",
            changes.len()
        )));
    }
    for (at, change) in changes.iter().enumerate() {
        let record = &change.resource_record_set;
        let checked = form(record).and_then(|()| routing(record));
        // What is to go may be anything that was once let in.
        let checked = match change.action {
            RecordAction::Delete => form(record),
            _ => checked.and_then(|()| content(record)),
        };
        checked.map_err(|what| wrong(at, change, &what))?;
        let earlier = changes.iter().take(at).position(|c| {
            c.resource_record_set.same_set(record)
                && (c.action == RecordAction::Delete) == (change.action == RecordAction::Delete)
        });
        if let Some(earlier) = earlier {
            let what = format!(
                "change {} is for the same record already: each of one name and type needs a set_identifier of its own",
                earlier + 1
            );
            return Err(wrong(at, change, &what));
        }
    }
    Ok(())
}

/// What they say beside the records of the same names, of which `current` holds all.
///
/// # Errors
/// The first that does not go with the others.
pub(super) fn together(changes: &[RecordChange], current: &[Record]) -> Result<(), OpError> {
    let after = after(changes, current);
    for (at, change) in changes
        .iter()
        .enumerate()
        .filter(|(_, c)| c.action != RecordAction::Delete)
    {
        let record = &change.resource_record_set;
        let (name, r#type) = record.name_and_type();
        let mut others: Vec<_> = after.iter().filter(|other| !other.same_set(record)).collect();
        // What is only at the zone's own name says most.
        others.sort_by_key(|other| other.r#type != "SOA");
        let mut others = others.into_iter();
        let checked = others.try_for_each(|other| {
            let (other_name, other_type) = other.name_and_type();
            match (name == other_name, r#type == other_type) {
                (true, true) => siblings(record, other),
                (true, false) => neighbours(&r#type, &other_type),
                _ => Ok(()),
            }
        });
        checked.map_err(|what| wrong(at, change, &what))?;
    }
    Ok(())
}

fn wrong(at: usize, change: &RecordChange, what: &str) -> OpError {
    let record = &change.resource_record_set;
    let set = record
        .set_identifier
        .as_ref()
        .map(|set| format!(" `{set}`"))
        .unwrap_or_default();
    let action = change.action.as_str();
    OpError::InvalidInput(format!(
        "change {} ({action} {} {}{set}): {what}",
        at + 1,
        record.name,
        record.r#type
    ))
}

/// The records of the touched names as the changes would leave them.
fn after<'r>(changes: &'r [RecordChange], current: &'r [Record]) -> Vec<&'r Record> {
    let mut records: Vec<&Record> = current.iter().collect();
    for change in changes {
        let record = &change.resource_record_set;
        records.retain(|r| !r.same_set(record));
        if change.action != RecordAction::Delete {
            records.push(record);
        }
    }
    records
}

/// Values with a ttl, or an alias; a set identifier with a policy, or neither.
fn form(record: &Record) -> Result<(), String> {
    match (&record.alias_target, record.resource_records.is_empty(), record.ttl) {
        (Some(_), true, None) | (None, false, Some(_)) => {}
        (Some(_), ..) => {
            return Err("alias_target excludes ttl and resource_records: an alias takes its target's".to_owned());
        }
        (None, true, _) => return Err("give resource_records and ttl, or alias_target".to_owned()),
        (None, false, None) => return Err("ttl is missing: 60 (seconds) suits what may have to move".to_owned()),
    }
    match (record.policies().as_slice(), &record.set_identifier) {
        ([], None) | ([_], Some(_)) => Ok(()),
        ([one], None) => Err(format!(
            "{one} needs a set_identifier, which tells this record from the others of its name and type"
        )),
        ([], Some(_)) => Err(
            "set_identifier needs one of weight, region, failover, geo_location, multi_value_answer beside it"
                .to_owned(),
        ),
        (several, _) => Err(format!(
            "{} exclude each other: one routing policy to a record",
            several.join(" and ")
        )),
    }
}

fn routing(record: &Record) -> Result<(), String> {
    if let Some(weight) = record.weight.filter(|w| !(0..=255).contains(w)) {
        return Err(format!("weight is {weight}; 0 (no traffic) to 255 are allowed"));
    }
    match record.failover.as_deref() {
        None | Some("SECONDARY") => {}
        Some("PRIMARY") => {
            let watched = record
                .alias_target
                .as_ref()
                .is_some_and(|alias| alias.evaluate_target_health);
            if record.health_check_id.is_none() && !watched {
                return Err(
                    "a PRIMARY needs a health_check_id (list_health_checks shows them), or an alias_target with evaluate_target_health: without, it never fails over".to_owned(),
                );
            }
        }
        Some(other) => return Err(format!("failover is `{other}`; PRIMARY or SECONDARY are allowed")),
    }
    if record.multi_value_answer == Some(true) && record.alias_target.is_some() {
        return Err("multi_value_answer can't be an alias: give resource_records and ttl".to_owned());
    }
    Ok(())
}

fn content(record: &Record) -> Result<(), String> {
    if let Some(ttl) = record.ttl.filter(|ttl| !(0..=LONGEST_TTL).contains(ttl)) {
        return Err(format!("ttl is {ttl}; 0 to {LONGEST_TTL} seconds are allowed"));
    }
    if let Some(alias) = &record.alias_target {
        for (field, value) in [("hosted_zone_id", &alias.hosted_zone_id), ("dns_name", &alias.dns_name)] {
            if value.trim().is_empty() {
                return Err(format!("alias_target's {field} is empty"));
            }
        }
    }
    let r#type = record.r#type.to_ascii_uppercase();
    if r#type == "CNAME" && record.resource_records.len() > 1 {
        return Err(format!("a CNAME has one value, not {}", record.resource_records.len()));
    }
    let mut seen = BTreeSet::new();
    for value in &record.resource_records {
        values::check(&r#type, value)?;
        if !seen.insert(value) {
            return Err(format!("`{value}` is there twice"));
        }
    }
    Ok(())
}

/// Two records of one name and type.
fn siblings(record: &Record, other: &Record) -> Result<(), String> {
    let called = other.set_identifier.as_deref().unwrap_or_default();
    match (record.policies().first(), other.policies().first()) {
        (Some(mine), Some(theirs)) if mine != theirs => Err(format!(
            "its routing is {mine}, but that of `{called}` is {theirs}: all records of one name and type share one policy; DELETE the others in the same call to change it"
        )),
        (Some(mine), None) => Err(format!(
            "there is a simple record of this name and type, which can't stand beside one with {mine}: DELETE it in the same call"
        )),
        (None, Some(theirs)) => Err(format!(
            "`{called}` of this name and type has {theirs}: give a set_identifier and {theirs} too, or DELETE the others in the same call"
        )),
        _ => same_place(record, other, called),
    }
}

/// Where a policy has room for one record only.
fn same_place(record: &Record, other: &Record, called: &str) -> Result<(), String> {
    if let Some(failover) = record.failover.as_ref().filter(|_| record.failover == other.failover) {
        return Err(format!(
            "`{called}` is {failover} already: one PRIMARY and one SECONDARY"
        ));
    }
    if let Some(region) = record.region.as_ref().filter(|_| record.region == other.region) {
        return Err(format!(
            "`{called}` has region {region} already: one record to a region"
        ));
    }
    if record.geo_location.is_some() && record.geo_location == other.geo_location {
        return Err(format!(
            "`{called}` has this geo_location already: one record to a location"
        ));
    }
    Ok(())
}

/// Two records of one name and different types.
fn neighbours(r#type: &str, other: &str) -> Result<(), String> {
    match (r#type, other) {
        ("CNAME", "SOA") => Err(
            "this is the zone's own name, where no CNAME can be: use an A or AAAA record with alias_target".to_owned(),
        ),
        ("CNAME", other) => Err(format!(
            "there is a record {other} of this name, and a CNAME stands alone: DELETE that in the same call"
        )),
        (_, "CNAME") => Err("there is a CNAME of this name, which stands alone: DELETE it in the same call".to_owned()),
        _ => Ok(()),
    }
}

/// How many records there are of each type.
pub(super) fn by_type<'r>(records: impl IntoIterator<Item = &'r Record>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in records {
        *counts.entry(record.r#type.clone()).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn changes(list: Value) -> Vec<RecordChange> {
        serde_json::from_value(list).unwrap()
    }

    /// One change of `api.example.com` A with a value, and what else is given.
    fn one(action: &str, more: Value) -> Value {
        let mut record = json!({"name": "api.example.com", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"]});
        record
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"action": action, "resource_record_set": record})
    }

    fn records(list: &[Value]) -> Vec<Record> {
        let change = |more: &Value| {
            changes(json!([one("CREATE", more.clone())]))
                .remove(0)
                .resource_record_set
        };
        list.iter().map(change).collect()
    }

    #[test]
    fn each_change_is_checked_alone() {
        let alias = json!({"hosted_zone_id": "Z2", "dns_name": "lb.example.com", "evaluate_target_health": false});
        for (more, expected) in [
            (json!({"resource_records": []}), "give resource_records and ttl"),
            (json!({"ttl": null}), "ttl is missing"),
            (json!({"ttl": -1}), "ttl is -1"),
            (json!({"alias_target": alias}), "alias_target excludes ttl"),
            (json!({"weight": 10}), "weight needs a set_identifier"),
            (json!({"set_identifier": "blue"}), "needs one of weight"),
            (
                json!({"set_identifier": "blue", "weight": 1, "region": "eu-west-1"}),
                "weight and region exclude",
            ),
            (
                json!({"set_identifier": "blue", "weight": 256}),
                "0 (no traffic) to 255",
            ),
            (
                json!({"set_identifier": "p", "failover": "PRIMARY"}),
                "needs a health_check_id",
            ),
            (
                json!({"set_identifier": "p", "failover": "primary"}),
                "PRIMARY or SECONDARY",
            ),
            (
                json!({"set_identifier": "p", "failover": "PRIMARY", "alias_target": alias, "ttl": null, "resource_records": []}),
                "never fails over",
            ),
            (
                json!({"set_identifier": "m", "multi_value_answer": true, "alias_target": alias, "ttl": null, "resource_records": []}),
                "can't be an alias",
            ),
            (json!({"resource_records": ["lb.example.com"]}), "such as 192.0.2.1"),
            (json!({"resource_records": ["192.0.2.1", "192.0.2.1"]}), "twice"),
            (
                json!({"type": "CNAME", "resource_records": ["a.example", "b.example"]}),
                "one value",
            ),
        ] {
            let good = one("CREATE", json!({"name": "other.example.com"}));
            let said = alone(&changes(json!([good, one("UPSERT", more)])))
                .unwrap_err()
                .to_string();
            assert!(
                said.contains("change 2 (UPSERT api.example.com ") && said.contains(expected),
                "{said}"
            );
        }
        let twice = json!([
            one("UPSERT", json!({})),
            one("UPSERT", json!({"name": "API.example.com."}))
        ]);
        let said = alone(&changes(twice)).unwrap_err().to_string();
        assert!(
            said.contains("change 2") && said.contains("change 1 is for the same"),
            "{said}"
        );
        // To go, and to come again with another value.
        alone(&changes(json!([
            one("DELETE", json!({})),
            one("CREATE", json!({"ttl": 5}))
        ])))
        .unwrap();
        // What was once let in can always go.
        alone(&changes(json!([one(
            "DELETE",
            json!({"set_identifier": "p", "failover": "PRIMARY"})
        )])))
        .unwrap();
    }

    #[test]
    fn records_of_one_name_go_together() {
        let blue = json!({"set_identifier": "blue", "weight": 90});
        let primary = json!({"set_identifier": "p", "failover": "PRIMARY", "health_check_id": "h"});
        let cname = json!({"type": "CNAME", "resource_records": ["x.example.com"]});
        for (now, change, expected) in [
            (json!({}), blue.clone(), "a simple record"),
            (blue.clone(), json!({}), "give a set_identifier and weight too"),
            (
                blue.clone(),
                json!({"set_identifier": "eu", "region": "eu-west-1"}),
                "`blue` is weight",
            ),
            (
                primary,
                json!({"set_identifier": "q", "failover": "PRIMARY", "health_check_id": "h"}),
                "`p` is PRIMARY already",
            ),
            (
                json!({"set_identifier": "a", "region": "eu-west-1"}),
                json!({"set_identifier": "b", "region": "eu-west-1"}),
                "one record to a region",
            ),
            (
                json!({"set_identifier": "a", "geo_location": {"country_code": "DE"}}),
                json!({"set_identifier": "b", "geo_location": {"country_code": "DE"}}),
                "one record to a location",
            ),
            (json!({}), cname.clone(), "stands alone"),
            (cname.clone(), json!({}), "there is a CNAME"),
            (json!({"type": "SOA"}), cname, "alias_target"),
        ] {
            let current = records(&[now]);
            let said = together(&changes(json!([one("UPSERT", change)])), &current)
                .unwrap_err()
                .to_string();
            assert!(said.contains(expected), "{said}");
        }
        // The policy of a name is changed at once.
        let switched = json!([one("DELETE", blue.clone()), one("CREATE", json!({}))]);
        together(&changes(switched), &records(std::slice::from_ref(&blue))).unwrap();
        let weights = json!([
            one("UPSERT", json!({"set_identifier": "blue", "weight": 0})),
            one("UPSERT", json!({"set_identifier": "green", "weight": 100}))
        ]);
        together(&changes(weights), &records(&[blue])).unwrap();
    }
}
