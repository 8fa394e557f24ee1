//! A record set as it is read and written: one shape for both, so that what was read can be sent back.

use aws_sdk_route53::{
    error::BuildError,
    types::{
        AliasTarget as AwsAlias, GeoLocation, ResourceRecord, ResourceRecordSet, ResourceRecordSetFailover,
        ResourceRecordSetRegion, RrType,
    },
};
use rmcp::schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::ops::OpError;

// What models read of these is in the tool's own description: each word here would stand in every client's context.

/// A DNS record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline, description = "", transform = bare)]
pub struct Record {
    pub(super) name: String,
    pub(super) r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ttl: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("default" = null))]
    pub(super) resource_records: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alias_target: Option<AliasTarget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) set_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) geo_location: Option<Geo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) multi_value_answer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health_check_id: Option<String>,
    /// Routing that this tool shows, but can't write.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub(super) read_only_routing: Option<String>,
}

/// Leaves out what a wrong call is told anyway.
pub(super) fn bare(schema: &mut Schema) {
    schema.remove("additionalProperties");
    schema.remove("required");
}

/// Where an alias points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline, description = "", transform = bare)]
pub struct AliasTarget {
    pub(super) hosted_zone_id: String,
    pub(super) dns_name: String,
    pub(super) evaluate_target_health: bool,
}

/// Geolocation routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline, description = "", transform = bare)]
pub(super) struct Geo {
    #[serde(skip_serializing_if = "Option::is_none")]
    continent_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdivision_code: Option<String>,
}

impl Record {
    /// Name and type as Route 53 compares them.
    pub(super) fn name_and_type(&self) -> (String, String) {
        (normal(&self.name), self.r#type.to_ascii_uppercase())
    }

    /// Whether two describe the same set, whatever its values.
    pub(super) fn same_set(&self, other: &Self) -> bool {
        self.name_and_type() == other.name_and_type() && self.set_identifier == other.set_identifier
    }

    /// The routing policies that it names. One is right at most.
    pub(super) fn policies(&self) -> Vec<&str> {
        let named = [
            ("weight", self.weight.is_some()),
            ("region", self.region.is_some()),
            ("failover", self.failover.is_some()),
            ("geo_location", self.geo_location.is_some()),
            ("multi_value_answer", self.multi_value_answer == Some(true)),
        ];
        let known = named.into_iter().filter_map(|(name, given)| given.then_some(name));
        known.chain(self.read_only_routing.as_deref()).collect()
    }
}

/// A name as Route 53 compares it: without case, with the last dot, and the wildcard as an octal escape.
pub(super) fn normal(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let name = name
        .strip_prefix('*')
        .map_or(name.clone(), |rest| format!("\\052{rest}"));
    if name.ends_with('.') { name } else { format!("{name}.") }
}

impl From<ResourceRecordSet> for Record {
    fn from(set: ResourceRecordSet) -> Self {
        let read_only_routing = match (&set.geo_proximity_location, &set.cidr_routing_config) {
            (Some(_), _) => Some("geoproximity"),
            (None, Some(_)) => Some("by the client's CIDR"),
            (None, None) => None,
        };
        let values = set.resource_records.unwrap_or_default().into_iter();
        Self {
            name: set.name,
            r#type: set.r#type.as_str().to_owned(),
            ttl: set.ttl,
            resource_records: values.map(|r| r.value).collect(),
            alias_target: set.alias_target.map(|alias| AliasTarget {
                hosted_zone_id: alias.hosted_zone_id,
                dns_name: alias.dns_name,
                evaluate_target_health: alias.evaluate_target_health,
            }),
            set_identifier: set.set_identifier,
            weight: set.weight,
            region: set.region.map(|r| r.as_str().to_owned()),
            failover: set.failover.map(|f| f.as_str().to_owned()),
            geo_location: set.geo_location.map(|geo| Geo {
                continent_code: geo.continent_code,
                country_code: geo.country_code,
                subdivision_code: geo.subdivision_code,
            }),
            multi_value_answer: set.multi_value_answer,
            health_check_id: set.health_check_id,
            read_only_routing: read_only_routing.map(str::to_owned),
        }
    }
}

impl TryFrom<&Record> for ResourceRecordSet {
    type Error = OpError;

    fn try_from(record: &Record) -> Result<Self, OpError> {
        let built = |e: BuildError| OpError::InvalidInput(format!("record `{}` {}: {e}", record.name, record.r#type));
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
            json!({"name": "a.example.com.", "type": "A", "ttl": 1, "resource_records": ["192.0.2.1"], "set_identifier": "m", "multi_value_answer": true}),
        ] {
            let before = record(value);
            assert_eq!(Record::from(ResourceRecordSet::try_from(&before).unwrap()), before);
        }
    }

    #[test]
    fn names_compare_as_route53_compares_them() {
        let plain = record(json!({"name": "*.Example.com", "type": "a"}));
        let stored = record(json!({"name": "\\052.example.com.", "type": "A"}));
        assert!(plain.same_set(&stored));
    }
}
