//! Health checks and what the checkers all over the world say of them; and what a name server answers by them.

use std::collections::BTreeMap;

use awsim_core::AwsError;
use serde_json::{Value, json};

use super::{NAME_SERVERS, Zone, bare, lists, normal, set, text};

const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];
/// An alias may point at an alias, but not for ever.
const DEEPEST: usize = 8;

/// A health check, and how many of the checkers it fails.
pub(crate) struct HealthCheck {
    pub(crate) id: String,
    pub(crate) config: Value,
    pub(crate) failing: usize,
}

pub(super) type Checks = BTreeMap<String, HealthCheck>;

pub(super) fn list(all: &Checks, input: &Value) -> Result<Value, AwsError> {
    let limit = lists::limit(input, 100)?;
    let marker = text(input, "marker").filter(|marker| !marker.is_empty());
    if marker.is_some_and(|marker| !all.contains_key(marker)) {
        return Err(AwsError::bad_request("InvalidInput", "The marker is no health check."));
    }
    let mut rest = all
        .values()
        .skip_while(|check| marker.is_some_and(|marker| check.id != marker));
    let shown = |check: &HealthCheck| {
        json!({
            "Id": check.id, "CallerReference": format!("terraform-{}", check.id), "HealthCheckConfig": check.config,
            "HealthCheckVersion": 1,
        })
    };
    let page: Vec<_> = rest.by_ref().take(limit).map(shown).collect();
    let next = rest.next();
    let mut answer = json!({
        "HealthChecks": { "HealthCheck": page },
        "Marker": marker.unwrap_or_default(),
        "IsTruncated": next.is_some(),
        "MaxItems": limit.to_string(),
    });
    if let Some(next) = next {
        set(&mut answer, "NextMarker", next.id.as_str());
    }
    Ok(answer)
}

pub(super) fn status(all: &Checks, input: &Value) -> Result<Value, AwsError> {
    let id = text(input, "HealthCheckId").unwrap_or_default();
    let missing = || {
        AwsError::not_found(
            "NoSuchHealthCheck",
            format!("A health check with id {id} does not exist."),
        )
    };
    let check = all.get(id).ok_or_else(missing)?;
    if !text(&check.config, "Type").is_some_and(|t| t.starts_with("HTTP") || t == "TCP") {
        let text = "The operation is not supported for health checks of this type.";
        return Err(AwsError::bad_request("InvalidInput", text));
    }
    let now = super::now();
    let observations: Vec<_> = (0..REGIONS.len() * 2)
        .map(|n| {
            let status = if n < check.failing {
                "Failure: Connection timed out. The endpoint or the internet connection is down, or requests are being blocked by your firewall."
            } else {
                "Success: HTTP Status Code 200, OK"
            };
            json!({
                "Region": REGIONS.iter().cycle().nth(n), "IPAddress": format!("192.0.2.{}", n + 10),
                "StatusReport": { "Status": status, "CheckedTime": now },
            })
        })
        .collect();
    Ok(json!({ "HealthCheckObservations": { "HealthCheckObservation": observations } }))
}

/// What a name server of the zone answers.
pub(super) fn test(zones: &BTreeMap<String, Zone>, checks: &Checks, input: &Value) -> Result<Value, AwsError> {
    let argument = |key| text(input, key).unwrap_or_default();
    let id = bare(argument("hostedzoneid"));
    let zone = zones
        .get(id)
        .ok_or_else(|| AwsError::not_found("NoSuchHostedZone", format!("No hosted zone found with ID: {id}")))?;
    if zone.vpc.is_some() {
        return Err(AwsError::bad_request(
            "InvalidInput",
            "This operation is for public hosted zones.",
        ));
    }
    let (name, kind) = (normal(argument("recordname")), argument("recordtype"));
    let found = values(zone, checks, &name, kind, DEEPEST);
    let code = if found.is_some() { "NOERROR" } else { "NXDOMAIN" };
    Ok(json!({
        "Nameserver": NAME_SERVERS[0],
        "RecordName": argument("recordname"),
        "RecordType": kind,
        "RecordData": { "RecordDataEntry": found.unwrap_or_default() },
        "ResponseCode": code,
        "Protocol": "UDP",
    }))
}

/// The values of a name and type; none where there is no such name.
fn values(zone: &Zone, checks: &Checks, name: &str, kind: &str, deep: usize) -> Option<Vec<Value>> {
    let named = |name: &str| {
        zone.records
            .values()
            .filter(|r| text(r, "Name") == Some(name))
            .collect::<Vec<_>>()
    };
    let mut records = named(name);
    if records.is_empty() {
        let (_, rest) = name.split_once('.')?;
        records = named(&format!("\\052.{rest}"));
    }
    if records.is_empty() {
        return None;
    }
    let of_kind = records
        .iter()
        .copied()
        .filter(|r| [kind, "CNAME"].map(Some).contains(&text(r, "Type")));
    let up = |record: &Value| match text(record, "HealthCheckId").and_then(|id| checks.get(id)) {
        Some(check) => check.failing < REGIONS.len(),
        None => true,
    };
    let rank = |record: &&Value| {
        let weight = text(record, "Weight")
            .and_then(|w| w.parse::<u32>().ok())
            .unwrap_or_default();
        (up(record), text(record, "Failover") == Some("PRIMARY"), weight)
    };
    let Some(record) = of_kind.max_by_key(rank) else {
        return Some(Vec::new());
    };
    if let Some(target) = record
        .get("AliasTarget")
        .and_then(|alias| text(alias, "DNSName"))
        .filter(|_| deep > 0)
    {
        return Some(values(zone, checks, target, kind, deep - 1).unwrap_or_default());
    }
    let listed = record
        .pointer("/ResourceRecords/ResourceRecord")
        .and_then(Value::as_array);
    Some(
        listed
            .into_iter()
            .flatten()
            .filter_map(|value| value.get("Value").cloned())
            .collect(),
    )
}
