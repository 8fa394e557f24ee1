//! Hosted zones: finding, making and deleting them.

use aws_sdk_route53::{
    Client,
    types::{HostedZone as AwsHostedZone, HostedZoneConfig, Vpc, VpcRegion},
};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page};

use super::{
    ChangeStatus,
    change::current,
    check, once,
    record::{Record, normal},
    status,
};

/// Arguments of `list_hosted_zones`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListHostedZones {
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_hosted_zones`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HostedZoneList {
    summary: ZoneSummary,
    hosted_zones: Vec<HostedZone>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the list holds.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ZoneSummary {
    public: usize,
    private: usize,
    resource_record_sets: i64,
}

/// One zone.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HostedZone {
    name: String,
    id: String,
    private_zone: bool,
    resource_record_set_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Arguments of `create_hosted_zone`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateHostedZone {
    name: String,
    /// Makes it private, for this VPC
    vpc_id: Option<String>,
    /// Default: the call's region
    vpc_region: Option<String>,
    comment: Option<String>,
    /// Repeated with the same one, a call makes no second zone
    caller_reference: Option<String>,
}

/// Answer of `create_hosted_zone`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CreatedZone {
    name: String,
    id: String,
    private_zone: bool,
    /// What the parent zone's (or registrar's) NS record must name
    #[serde(skip_serializing_if = "Vec::is_empty")]
    name_servers: Vec<String>,
    caller_reference: String,
    change: ChangeStatus,
}

/// Arguments of `delete_hosted_zone`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteHostedZone {
    pub(super) hosted_zone_id: String,
}

/// Answer of `delete_hosted_zone`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeletedZone {
    name: String,
    id: String,
    change: ChangeStatus,
}

/// All zones of the account.
pub(super) async fn list(ops: &Ops, client: &Client, input: ListHostedZones) -> Result<HostedZoneList, OpError> {
    let page = |token, size| {
        let request = client.list_hosted_zones().set_marker(token).max_items(size);
        async move {
            let answer = request.send().await?;
            let next = answer.next_marker.filter(|_| answer.is_truncated);
            let items = answer.hosted_zones.into_iter().map(zone).collect();
            Ok(Page { items, next })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token);
    let Page { items, next } = pager.collect(100, page).await?;
    let private = items.iter().filter(|z| z.private_zone).count();
    Ok(HostedZoneList {
        summary: ZoneSummary {
            public: items.len() - private,
            private,
            resource_record_sets: items.iter().map(|z| z.resource_record_set_count).sum(),
        },
        hosted_zones: items,
        next_token: next,
    })
}

/// The id of the zone that holds a name: that of the longest name above it.
pub(super) async fn holding(client: &Client, name: &str) -> Result<String, OpError> {
    let mut above = name.trim_end_matches('.');
    while above.contains('.') {
        let answer = client
            .list_hosted_zones_by_name()
            .dns_name(above)
            .max_items(20)
            .send()
            .await?;
        let zones = answer.hosted_zones.into_iter().map(zone);
        let zones: Vec<_> = zones.filter(|z| normal(&z.name) == normal(above)).collect();
        match zones.as_slice() {
            [] => above = above.split_once('.').map_or("", |(_, rest)| rest),
            [one] => return Ok(one.id.clone()),
            several => {
                let named = several.iter().map(|z| {
                    let kind = if z.private_zone { "private" } else { "public" };
                    format!(
                        "{} ({kind}{})",
                        z.id,
                        z.comment.as_ref().map(|c| format!(", {c}")).unwrap_or_default()
                    )
                });
                return Err(OpError::InvalidInput(format!(
                    "there are {} zones {above}: give hosted_zone_id, one of {}",
                    several.len(),
                    named.collect::<Vec<_>>().join(", ")
                )));
            }
        }
    }
    Err(OpError::NotFound(format!(
        "no zone of this account holds `{name}`: list_hosted_zones shows its zones; another account may have it"
    )))
}

/// A new zone, and the name servers that must be told of.
pub(super) async fn create(ops: &Ops, client: &Client, input: CreateHostedZone) -> Result<CreatedZone, OpError> {
    let (private, region) = match (&input.vpc_id, input.vpc_region) {
        (None, Some(_)) => {
            return Err(OpError::InvalidInput(
                "vpc_region needs vpc_id: without, the zone is public".to_owned(),
            ));
        }
        (Some(id), _) if !id.starts_with("vpc-") => {
            return Err(OpError::InvalidInput(format!(
                "vpc_id `{id}` is not an id such as vpc-0123456789abcdef0"
            )));
        }
        (vpc, named) => (
            vpc.is_some(),
            named.or_else(|| client.config().region().map(ToString::to_string)),
        ),
    };
    let vpc = input.vpc_id.map(|id| {
        let region = region.as_deref().map(VpcRegion::from);
        Vpc::builder().vpc_id(id).set_vpc_region(region).build()
    });
    let reference = input
        .caller_reference
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let config = HostedZoneConfig::builder()
        .private_zone(private)
        .set_comment(input.comment)
        .build();
    let request = client
        .create_hosted_zone()
        .name(input.name)
        .caller_reference(reference)
        .set_vpc(vpc)
        .hosted_zone_config(config);
    let answer = request.customize().config_override(once()).send().await?;
    let made = answer
        .hosted_zone
        .ok_or_else(|| OpError::internal("Route 53 sent no HostedZone"))?;
    let caller_reference = made.caller_reference.clone();
    let HostedZone {
        name, id, private_zone, ..
    } = zone(made);
    Ok(CreatedZone {
        name,
        id,
        private_zone,
        name_servers: answer.delegation_set.map(|d| d.name_servers).unwrap_or_default(),
        caller_reference,
        change: status(answer.change_info, ops.now())?,
    })
}

/// The end of a zone that holds nothing but what every zone holds.
pub(super) async fn delete(ops: &Ops, client: &Client, id: &str) -> Result<DeletedZone, OpError> {
    let records = current(client, id, None).await?;
    let soa = records.iter().find(|r| r.r#type == "SOA");
    let name = soa.map(|r| r.name.clone()).unwrap_or_default();
    let left: Vec<&Record> = records
        .iter()
        .filter(|r| r.name != name || !["SOA", "NS"].contains(&r.r#type.as_str()))
        .collect();
    if let Some(first) = left.first() {
        let counts = check::by_type(left.iter().copied());
        let counts = counts.iter().map(|(r#type, count)| format!("{count} {}", r#type));
        return Err(OpError::InvalidInput(format!(
            "the zone {name} holds {} records besides its own NS and SOA ({}), first {} {}: nothing was deleted. list_resource_record_sets shows them, change_resource_record_sets deletes them",
            left.len(),
            counts.collect::<Vec<_>>().join(", "),
            first.name,
            first.r#type,
        )));
    }
    let answer = client
        .delete_hosted_zone()
        .id(id)
        .customize()
        .config_override(once())
        .send()
        .await?;
    Ok(DeletedZone {
        name,
        id: id.to_owned(),
        change: status(answer.change_info, ops.now())?,
    })
}

fn zone(zone: AwsHostedZone) -> HostedZone {
    let config = zone.config;
    HostedZone {
        name: zone.name,
        id: zone.id.trim_start_matches("/hostedzone/").to_owned(),
        private_zone: config.as_ref().is_some_and(|c| c.private_zone),
        resource_record_set_count: zone.resource_record_set_count.unwrap_or_default(),
        comment: config.and_then(|c| c.comment).filter(|c| !c.is_empty()),
    }
}
