//! A record set as it is read and written: one shape for both, so that what was read can be sent back.

use aws_sdk_route53::types::{
    AliasTarget as AwsAlias, GeoLocation, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
    ResourceRecordSetRegion, RrType,
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::OpError;

/// A DNS record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Full name, such as api.example.com
    name: String,
    /// A, AAAA, CNAME, TXT, MX, …
    r#type: String,
    /// Seconds; not with alias_target
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    /// Values; TXT in quotes
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resource_records: Vec<String>,
    /// Instead of ttl and resource_records
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_target: Option<AliasTarget>,
    /// Tells several of one name and type apart
    #[serde(skip_serializing_if = "Option::is_none")]
    set_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<i64>,
    /// Latency routing: the region the answer belongs to
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// PRIMARY or SECONDARY
    #[serde(skip_serializing_if = "Option::is_none")]
    failover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_answer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_location: Option<Geo>,
}

/// Where an alias points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasTarget {
    /// The zone of the load balancer, distribution or record pointed at
    hosted_zone_id: String,
    dns_name: String,
    #[serde(default)]
    evaluate_target_health: bool,
}

/// Geolocation routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Geo {
    #[serde(skip_serializing_if = "Option::is_none")]
    continent_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdivision_code: Option<String>,
}

impl Record {
    /// Name and type as Route 53 compares them: without case, with the last dot.
    pub(super) fn name_and_type(&self) -> (String, String) {
        let name = self.name.to_ascii_lowercase();
        // Route 53 writes the wildcard as an octal escape.
        let name = name
            .strip_prefix('*')
            .map_or(name.clone(), |rest| format!("\\052{rest}"));
        let name = if name.ends_with('.') { name } else { format!("{name}.") };
        (name, self.r#type.to_ascii_uppercase())
    }

    /// Whether two describe the same set, whatever its values.
    pub(super) fn same_set(&self, other: &Self) -> bool {
        self.name_and_type() == other.name_and_type() && self.set_identifier == other.set_identifier
    }
}

impl From<ResourceRecordSet> for Record {
    fn from(set: ResourceRecordSet) -> Self {
        Self {
            name: set.name,
            r#type: set.r#type.as_str().to_owned(),
            ttl: set.ttl,
            resource_records: set
                .resource_records
                .unwrap_or_default()
                .into_iter()
                .map(|r| r.value)
                .collect(),
            alias_target: set.alias_target.map(|alias| AliasTarget {
                hosted_zone_id: alias.hosted_zone_id,
                dns_name: alias.dns_name,
                evaluate_target_health: alias.evaluate_target_health,
            }),
            set_identifier: set.set_identifier,
            weight: set.weight,
            region: set.region.map(|r| r.as_str().to_owned()),
            failover: set.failover.map(|f| f.as_str().to_owned()),
            multi_value_answer: set.multi_value_answer,
            health_check_id: set.health_check_id,
            geo_location: set.geo_location.map(|geo| Geo {
                continent_code: geo.continent_code,
                country_code: geo.country_code,
                subdivision_code: geo.subdivision_code,
            }),
        }
    }
}

impl TryFrom<&Record> for ResourceRecordSet {
    type Error = OpError;

    fn try_from(record: &Record) -> Result<Self, OpError> {
        let wrong = |what: &str| OpError::InvalidInput(format!("record `{}` {}: {what}", record.name, record.r#type));
        match (&record.alias_target, record.resource_records.is_empty(), record.ttl) {
            (Some(_), true, None) | (None, false, Some(_)) => {}
            (Some(_), ..) => return Err(wrong("alias_target excludes ttl and resource_records")),
            (None, true, _) => return Err(wrong("give resource_records and ttl, or alias_target")),
            (None, false, None) => return Err(wrong("ttl is missing")),
        }
        let routed = record.weight.is_some()
            || record.region.is_some()
            || record.failover.is_some()
            || record.geo_location.is_some()
            || record.multi_value_answer.is_some();
        if routed != record.set_identifier.is_some() {
            return Err(wrong(
                "set_identifier goes together with one of weight, region, failover, geo_location, multi_value_answer",
            ));
        }
        let built = |e: aws_sdk_route53::error::BuildError| wrong(&e.to_string());
        let values = record
            .resource_records
            .iter()
            .map(|v| ResourceRecord::builder().value(v).build());
        let values = values.collect::<Result<Vec<_>, _>>().map_err(built)?;
        let alias = record.alias_target.as_ref().map(|alias| {
            AwsAlias::builder()
                .hosted_zone_id(&alias.hosted_zone_id)
                .dns_name(&alias.dns_name)
                .evaluate_target_health(alias.evaluate_target_health)
                .build()
        });
        let geo = record.geo_location.as_ref().map(|geo| {
            GeoLocation::builder()
                .set_continent_code(geo.continent_code.clone())
                .set_country_code(geo.country_code.clone())
                .set_subdivision_code(geo.subdivision_code.clone())
                .build()
        });
        Self::builder()
            .name(&record.name)
            .r#type(RrType::from(record.r#type.to_ascii_uppercase().as_str()))
            .set_ttl(record.ttl)
            .set_resource_records((!values.is_empty()).then_some(values))
            .set_alias_target(alias.transpose().map_err(built)?)
            .set_set_identifier(record.set_identifier.clone())
            .set_weight(record.weight)
            .set_region(record.region.as_deref().map(ResourceRecordSetRegion::from))
            .set_failover(record.failover.as_deref().map(ResourceRecordSetFailover::from))
            .set_multi_value_answer(record.multi_value_answer)
            .set_health_check_id(record.health_check_id.clone())
            .set_geo_location(geo)
            .build()
            .map_err(built)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: serde_json::Value) -> Record {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_is_read_can_be_sent_back() {
        for value in [
            json!({"name": "a.example.com.", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1", "192.0.2.2"]}),
            json!({"name": "a.example.com.", "type": "A", "alias_target": {"hosted_zone_id": "Z2", "dns_name": "lb.", "evaluate_target_health": true}}),
            json!({"name": "a.example.com.", "type": "A", "ttl": 1, "resource_records": ["192.0.2.1"], "set_identifier": "blue", "weight": 10}),
            json!({"name": "a.example.com.", "type": "A", "ttl": 1, "resource_records": ["192.0.2.1"], "set_identifier": "eu", "region": "eu-west-1"}),
            json!({"name": "a.example.com.", "type": "A", "ttl": 1, "resource_records": ["192.0.2.1"], "set_identifier": "p", "failover": "PRIMARY", "health_check_id": "h"}),
            json!({"name": "a.example.com.", "type": "A", "ttl": 1, "resource_records": ["192.0.2.1"], "set_identifier": "g", "geo_location": {"country_code": "DE"}}),
        ] {
            let before = record(value);
            assert_eq!(Record::from(ResourceRecordSet::try_from(&before).unwrap()), before);
        }
    }

    #[test]
    fn half_records_are_refused_with_what_is_missing() {
        for (value, expected) in [
            (json!({"name": "a", "type": "A"}), "give resource_records and ttl"),
            (
                json!({"name": "a", "type": "A", "resource_records": ["192.0.2.1"]}),
                "ttl is missing",
            ),
            (
                json!({"name": "a", "type": "A", "ttl": 1, "alias_target": {"hosted_zone_id": "Z", "dns_name": "x"}}),
                "excludes",
            ),
            (
                json!({"name": "a", "type": "A", "ttl": 1, "resource_records": ["192.0.2.1"], "weight": 1}),
                "set_identifier",
            ),
        ] {
            let said = ResourceRecordSet::try_from(&record(value)).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn names_compare_as_route53_compares_them() {
        let plain = record(json!({"name": "*.Example.com", "type": "a"}));
        let stored = record(json!({"name": "\\052.example.com.", "type": "A"}));
        assert!(plain.same_set(&stored));
    }
}
