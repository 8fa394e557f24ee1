//! `ChangeResourceRecordSets`: all the changes of a batch, or none of them.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use awsim_core::AwsError;
use serde_json::{Map, Value, json};

use super::{Place, Zone, normal, text};

const TYPES: [&str; 14] = [
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT",
];
/// What makes a record one of several with its name and type.
const ROUTING: [&str; 6] = [
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "GeoProximityLocation",
];

/// The changes that a request lists. A list of one arrives without a list around it.
pub(super) fn of(input: &Value) -> Vec<Value> {
    list(input.pointer("/ChangeBatch/Changes/Change"))
}

fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// The zone's records after the batch.
pub(super) fn apply(zone: &Zone, input: &Value) -> Result<BTreeMap<Place, Value>, AwsError> {
    let changes = of(input);
    if changes.is_empty() {
        return Err(AwsError::bad_request(
            "InvalidInput",
            "A change batch needs at least one change.",
        ));
    }
    let mut records = zone.records.clone();
    let mut faults = Vec::new();
    for change in &changes {
        let record = record(change.get("ResourceRecordSet").unwrap_or(&Value::Null));
        let fault = faulty(zone, &record)
            .or_else(|| one(&mut records, text(change, "Action").unwrap_or_default(), record).err());
        faults.extend(fault);
    }
    faults.extend(whole(zone, &records));
    if faults.is_empty() {
        return Ok(records);
    }
    Err(AwsError::bad_request(
        "InvalidChangeBatch",
        format!("[{}]", faults.join(", ")),
    ))
}

/// A record as it is kept and shown: with a normal name, and its values always in a list.
pub(super) fn record(sent: &Value) -> Value {
    let mut record = sent.as_object().cloned().unwrap_or_else(Map::new);
    record.insert("Name".to_owned(), json!(normal(text(sent, "Name").unwrap_or_default())));
    let values = list(sent.pointer("/ResourceRecords/ResourceRecord"));
    if !values.is_empty() {
        record.insert("ResourceRecords".to_owned(), json!({ "ResourceRecord": values }));
    }
    if let Some(Value::Object(alias)) = record.get_mut("AliasTarget") {
        let target = alias.get("DNSName").and_then(Value::as_str).map(normal);
        alias.extend(target.map(|target| ("DNSName".to_owned(), json!(target))));
    }
    Value::Object(record)
}

pub(super) fn place(record: &Value) -> Place {
    let part = |key| text(record, key).unwrap_or_default().to_owned();
    (reversed(&part("Name")), part("Type"), part("SetIdentifier"))
}

/// `www.acme.example.` → `example.acme.www.`, by which Route 53 sorts.
pub(super) fn reversed(name: &str) -> String {
    name.split('.')
        .rev()
        .filter(|label| !label.is_empty())
        .map(|label| format!("{label}."))
        .collect()
}

fn one(records: &mut BTreeMap<Place, Value>, action: &str, record: Value) -> Result<(), String> {
    let place = place(&record);
    let called = called(&record);
    match (action, records.get(&place)) {
        ("CREATE", Some(_)) => Err(format!(
            "Tried to create resource record set {called} but it already exists"
        )),
        ("CREATE" | "UPSERT", _) => {
            records.insert(place, record);
            Ok(())
        }
        ("DELETE", None) => Err(format!(
            "Tried to delete resource record set {called} but it was not found"
        )),
        ("DELETE", Some(now)) if *now != record => Err(format!(
            "Tried to delete resource record set {called} but the values provided do not match the current values"
        )),
        ("DELETE", Some(_)) => {
            records.remove(&place);
            Ok(())
        }
        _ => Err(format!("Invalid action: {action}")),
    }
}

fn called(record: &Value) -> String {
    let part = |key| text(record, key).unwrap_or_default();
    match text(record, "SetIdentifier") {
        Some(set) => format!(
            "[name='{}', type='{}', set identifier='{set}']",
            part("Name"),
            part("Type")
        ),
        None => format!("[name='{}', type='{}']", part("Name"), part("Type")),
    }
}

/// What is wrong with a record on its own.
fn faulty(zone: &Zone, record: &Value) -> Option<String> {
    let (name, kind) = (
        text(record, "Name").unwrap_or_default(),
        text(record, "Type").unwrap_or_default(),
    );
    if !TYPES.contains(&kind) {
        return Some(format!("Invalid record type: {kind}"));
    }
    if name != zone.name && !name.ends_with(&format!(".{}", zone.name)) {
        return Some(format!(
            "RRSet with DNS name {name} is not permitted in zone {}",
            zone.name
        ));
    }
    if kind == "CNAME" && name == zone.name {
        return Some(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {}",
            zone.name
        ));
    }
    let routed = ROUTING.iter().any(|key| record.get(*key).is_some());
    if routed != record.get("SetIdentifier").is_some() {
        return Some(format!(
            "{} needs both a SetIdentifier and a routing policy, or neither",
            called(record)
        ));
    }
    match (
        record.get("AliasTarget"),
        record.get("ResourceRecords"),
        record.get("TTL"),
    ) {
        (Some(_), None, None) => return None,
        (None, Some(_), Some(_)) => {}
        _ => {
            return Some(format!(
                "{} needs either an AliasTarget, or a TTL and ResourceRecords",
                called(record)
            ));
        }
    }
    let ttl = text(record, "TTL").unwrap_or_default();
    if ttl.parse::<u32>().ok().filter(|ttl| *ttl <= 2_147_483_647).is_none() {
        return Some(format!("Invalid TTL: {ttl}"));
    }
    let values = list(record.pointer("/ResourceRecords/ResourceRecord"));
    if kind == "CNAME" && values.len() > 1 {
        return Some(format!("{} may have only one value", called(record)));
    }
    values
        .iter()
        .filter_map(|value| text(value, "Value"))
        .find_map(|value| invalid(kind, value))
}

fn invalid(kind: &str, value: &str) -> Option<String> {
    let problem = match kind {
        "A" if value.parse::<Ipv4Addr>().is_err() => "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)",
        "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
            "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
        }
        "TXT" if !(value.len() > 1 && value.starts_with('"') && value.ends_with('"')) => {
            "InvalidCharacterString (Value should be enclosed in quotation marks)"
        }
        "MX" if value.split_whitespace().count() != 2 => "MXRRDATANotTwoFields (MX records must have 2 fields)",
        "CNAME" | "PTR" | "NS" if value.is_empty() || value.contains(char::is_whitespace) => {
            "DomainLabelEmpty (Value is not a valid domain name)"
        }
        _ => return None,
    };
    Some(format!(
        "Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"
    ))
}

/// What is wrong with the zone as the batch would leave it.
fn whole(zone: &Zone, records: &BTreeMap<Place, Value>) -> Option<String> {
    let apex = reversed(&zone.name);
    let has = |kind: &str| records.contains_key(&(apex.clone(), kind.to_owned(), String::new()));
    if !has("SOA") {
        return Some("A HostedZone must contain exactly one SOA record.".to_owned());
    }
    if !has("NS") {
        return Some("A HostedZone must contain at least one NS record for the zone itself.".to_owned());
    }
    for (here, kind, set) in records.keys() {
        let range = (here.clone(), String::new(), String::new())..;
        let same = records
            .range(range)
            .map(|(place, _)| place)
            .take_while(|place| place.0 == *here);
        let siblings: Vec<_> = same.collect();
        let name = reversed(here);
        if kind == "CNAME" && siblings.iter().any(|place| place.1 != "CNAME") {
            return Some(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the \
                 same DNS name in zone {}",
                zone.name
            ));
        }
        if set.is_empty() && siblings.iter().any(|place| place.1 == *kind && !place.2.is_empty()) {
            return Some(format!(
                "RRSet with DNS name {name}, type {kind} cannot be both simple and one of several with a SetIdentifier"
            ));
        }
    }
    None
}
