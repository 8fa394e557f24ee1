//! Lists of zones and records, in AWS's order and by AWS's pages.

use std::collections::BTreeMap;

use awsim_core::AwsError;
use serde_json::{Value, json};

use super::{Zone, bare, changes::reversed, normal, set, summary, text};

const ZONES_PAGE: usize = 100;
const RECORDS_PAGE: usize = 300;

pub(super) fn zones(all: &BTreeMap<String, Zone>, input: &Value) -> Result<Value, AwsError> {
    let limit = limit(input, ZONES_PAGE)?;
    let marker = text(input, "marker").map(bare).filter(|marker| !marker.is_empty());
    if let Some(marker) = marker.filter(|marker| !all.contains_key(*marker)) {
        let text = format!("No hosted zone found with ID: {marker}");
        return Err(AwsError::bad_request("NoSuchHostedZone", text));
    }
    let mut rest = all
        .values()
        .skip_while(|zone| marker.is_some_and(|marker| zone.id != marker));
    let page: Vec<_> = rest.by_ref().take(limit).map(summary).collect();
    let next = rest.next();
    let mut answer = json!({
        "HostedZones": { "HostedZone": page },
        "IsTruncated": next.is_some(),
        "MaxItems": limit.to_string(),
    });
    if let Some(marker) = marker {
        set(&mut answer, "Marker", marker);
    }
    if let Some(next) = next {
        set(&mut answer, "NextMarker", next.id.as_str());
    }
    Ok(answer)
}

pub(super) fn zones_by_name(all: &BTreeMap<String, Zone>, input: &Value) -> Result<Value, AwsError> {
    let limit = limit(input, ZONES_PAGE)?;
    let name = text(input, "dnsname").map(normal);
    let id = text(input, "hostedzoneid").map(bare).unwrap_or_default();
    let start = (reversed(name.as_deref().unwrap_or_default()), id.to_owned());
    let mut sorted: Vec<_> = all
        .values()
        .map(|zone| ((reversed(&zone.name), zone.id.clone()), zone))
        .collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut rest = sorted
        .into_iter()
        .skip_while(|(place, _)| name.is_some() && *place < start);
    let page: Vec<_> = rest.by_ref().take(limit).map(|(_, zone)| summary(zone)).collect();
    let next = rest.next();
    let mut answer = json!({
        "HostedZones": { "HostedZone": page },
        "IsTruncated": next.is_some(),
        "MaxItems": limit.to_string(),
    });
    if let Some(name) = name {
        set(&mut answer, "DNSName", name);
    }
    if let Some((_, next)) = next {
        set(&mut answer, "NextDNSName", next.name.as_str());
        set(&mut answer, "NextHostedZoneId", next.id.as_str());
    }
    Ok(answer)
}

pub(super) fn records(zone: &Zone, input: &Value) -> Result<Value, AwsError> {
    let limit = limit(input, RECORDS_PAGE)?;
    let (name, kind, identifier) = (text(input, "name"), text(input, "type"), text(input, "identifier"));
    if (kind.is_some() && name.is_none()) || (identifier.is_some() && kind.is_none()) {
        let text = "StartRecordType needs StartRecordName, and StartRecordIdentifier needs StartRecordType.";
        return Err(AwsError::bad_request("InvalidInput", text));
    }
    let owned = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let start = (
        name.map(|name| reversed(&normal(name))).unwrap_or_default(),
        owned(kind),
        owned(identifier),
    );
    let mut rest = zone.records.range(start..).map(|(_, record)| record);
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let next = rest.next();
    let mut answer = json!({
        "ResourceRecordSets": { "ResourceRecordSet": page },
        "IsTruncated": next.is_some(),
        "MaxItems": limit.to_string(),
    });
    for (from, to) in [
        ("Name", "NextRecordName"),
        ("Type", "NextRecordType"),
        ("SetIdentifier", "NextRecordIdentifier"),
    ] {
        if let Some(value) = next.and_then(|record| record.get(from)) {
            set(&mut answer, to, value.clone());
        }
    }
    Ok(answer)
}

/// AWS takes a page size that is too large for its own largest one.
pub(super) fn limit(input: &Value, largest: usize) -> Result<usize, AwsError> {
    let Some(asked) = text(input, "maxitems") else {
        return Ok(largest);
    };
    asked
        .parse()
        .ok()
        .filter(|n| *n > 0)
        .map(|n: usize| n.min(largest))
        .ok_or_else(|| {
            AwsError::bad_request(
                "InvalidInput",
                format!("{asked} isn't a valid value for maxitems: it must be at least 1"),
            )
        })
}
