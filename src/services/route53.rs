//! Amazon Route 53: zones, records, changes, health checks.

mod change;
mod check;
mod health;
mod record;
mod values;
mod zones;

use std::{collections::BTreeMap, net::IpAddr, time::SystemTime};

use aws_sdk_route53::{
    Client,
    config::{self, retry::RetryConfig},
    types::{ChangeInfo, RrType},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{
    Access, Declare, Json, OpError, Ops, Page, Reply, dated, declare, ok,
    page::{pack, unpack},
};

use change::{ChangeResourceRecordSets, ChangedRecords};
use health::{HealthCheckList, ListHealthChecks};
use record::normal;
use zones::{CreateHostedZone, CreatedZone, DeleteHostedZone, DeletedZone, HostedZoneList, ListHostedZones};

pub use record::{AliasTarget, Record};

/// Arguments of `list_resource_record_sets`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListResourceRecordSets {
    /// May be left out beside name
    hosted_zone_id: Option<String>,
    /// Only records of exactly this name
    name: Option<String>,
    /// Begin at this name, in Route 53's order
    start_record_name: Option<String>,
    start_record_type: Option<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_resource_record_sets`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordList {
    hosted_zone_id: String,
    summary: RecordSummary,
    resource_record_sets: Vec<Record>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the list holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecordSummary {
    count: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_type: BTreeMap<String, usize>,
}

/// Arguments of `get_change`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetChange {
    id: String,
}

/// How far a change has got.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangeStatus {
    id: String,
    /// PENDING, or INSYNC when all name servers answer with it
    status: String,
    submitted_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// Arguments of `test_dns_answer`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestDnsAnswer {
    hosted_zone_id: String,
    record_name: String,
    record_type: String,
    resolver_ip: Option<String>,
    /// Its client
    edns0_client_subnet_ip: Option<String>,
}

/// Answer of `test_dns_answer`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DnsAnswer {
    record_name: String,
    record_type: String,
    /// NOERROR, or such as NXDOMAIN: no such name
    response_code: String,
    record_data: Vec<String>,
    nameserver: String,
}

#[tool_router(router = route53_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists DNS zones, public and private. Example: {"account": "production"}
    #[tool(meta = declare(Access::Read, &["route53:ListHostedZones"]))]
    async fn list_hosted_zones(
        &self,
        Parameters(input): Parameters<ListHostedZones>,
    ) -> Result<Json<Reply<HostedZoneList>>, OpError> {
        ok(zones::list(self, &self.client(Client::new)?, input).await?)
    }

    /// Creates a DNS zone, and shows the name servers to delegate to. Example: {"account": "development", "name": "dev.example.com"}
    #[tool(meta = declare(Access::Write, &["route53:CreateHostedZone", "ec2:DescribeVpcs"]).anywhere(&["route53:CreateHostedZone", "ec2:DescribeVpcs"]))]
    async fn create_hosted_zone(
        &self,
        Parameters(input): Parameters<CreateHostedZone>,
    ) -> Result<Json<Reply<CreatedZone>>, OpError> {
        ok(zones::create(self, &self.client(Client::new)?, input).await?)
    }

    /// Deletes a DNS zone that holds no more than its own NS and SOA records; refuses others. Example: {"account": "development", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    #[tool(meta = declare(Access::Destroy, &["route53:DeleteHostedZone", "route53:ListResourceRecordSets"]).on(&["arn:{partition}:route53:::hostedzone/{hosted_zone_id|last}"]))]
    async fn delete_hosted_zone(
        &self,
        Parameters(input): Parameters<DeleteHostedZone>,
    ) -> Result<Json<Reply<DeletedZone>>, OpError> {
        let zone = zone_id(&input.hosted_zone_id)?;
        ok(zones::delete(self, &self.client(Client::new)?, zone).await?)
    }

    /// Lists DNS records: a zone's, or by name alone those of one name. Example: {"account": "production", "name": "api.acme.example"}
    #[tool(meta = declare(Access::Read, &["route53:ListResourceRecordSets", "route53:ListHostedZonesByName"]))]
    async fn list_resource_record_sets(
        &self,
        Parameters(input): Parameters<ListResourceRecordSets>,
    ) -> Result<Json<Reply<RecordList>>, OpError> {
        let client = self.client(Client::new)?;
        let start = start(&input)?;
        let zone = match (&input.hosted_zone_id, &input.name) {
            (Some(id), _) => zone_id(id)?.to_owned(),
            (None, Some(name)) => zones::holding(&client, name).await?,
            (None, None) => return Err(OpError::InvalidInput("give hosted_zone_id, or name".to_owned())),
        };
        let only = input.name.as_deref().map(normal);
        let wanted = |name: &str| only.as_ref().is_none_or(|only| normal(name) == *only);
        let page = |token: Option<String>, size| {
            let request = client.list_resource_record_sets().hosted_zone_id(&zone).max_items(size);
            async move {
                let request = match token.as_deref().map(unpack::<Cursor>).transpose()? {
                    Some(at) => request
                        .start_record_name(at.name)
                        .set_start_record_type(at.r#type.as_deref().map(RrType::from))
                        .set_start_record_identifier(at.identifier),
                    None => request,
                };
                let answer = request.send().await?;
                let next = answer
                    .next_record_name
                    .filter(|name| answer.is_truncated && wanted(name));
                let next = next.map(|name| {
                    pack(&Cursor {
                        name,
                        r#type: answer.next_record_type.map(|t| t.as_str().to_owned()),
                        identifier: answer.next_record_identifier,
                    })
                });
                let records = answer.resource_record_sets.into_iter().filter(|r| wanted(&r.name));
                Ok(Page {
                    items: records.map(Record::from).collect(),
                    next: next.transpose()?,
                })
            }
        };
        let Page { items, next } = self.pager(input.max_results, start).collect(300, page).await?;
        ok(RecordList {
            summary: RecordSummary {
                count: items.len(),
                by_type: check::by_type(&items),
            },
            hosted_zone_id: zone,
            resource_record_sets: items,
            next_token: next,
        })
    }

    /// Changes DNS records, all or none, and shows each before and after. Send what list_resource_record_sets shows, edited. Example: {"account": "development", "hosted_zone_id": "Z0DEVPUBLIC000000001", "changes": [{"action": "UPSERT", "resource_record_set": {"name": "new.dev.acme.example", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"]}}]}
    #[tool(meta = declare(Access::Destroy, &["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"]).on(&["arn:{partition}:route53:::hostedzone/{hosted_zone_id|last}"]))]
    async fn change_resource_record_sets(
        &self,
        Parameters(input): Parameters<ChangeResourceRecordSets>,
    ) -> Result<Json<Reply<ChangedRecords>>, OpError> {
        ok(change::make(self, &self.client(Client::new)?, input).await?)
    }

    /// Shows whether a change, by its id, has reached all name servers. Example: {"account": "staging", "id": "C0123456789ABCDEFGHIJ"}
    #[tool(meta = declare(Access::Read, &["route53:GetChange"]))]
    async fn get_change(&self, Parameters(input): Parameters<GetChange>) -> Result<Json<Reply<ChangeStatus>>, OpError> {
        let id = bare_id(&input.id, "/change/", "id")?;
        let answer = self.client(Client::new)?.get_change().id(id).send().await?;
        ok(status(answer.change_info, self.now())?)
    }

    /// Lists Route 53 health checks with their status now and why: which targets of DNS failover are up. Example: {"account": "production"}
    #[tool(meta = declare(Access::Read, &["route53:ListHealthChecks", "route53:GetHealthCheckStatus"]))]
    async fn list_health_checks(
        &self,
        Parameters(input): Parameters<ListHealthChecks>,
    ) -> Result<Json<Reply<HealthCheckList>>, OpError> {
        ok(health::list(self, &self.client(Client::new)?, input).await?)
    }

    /// Shows what Route 53 answers to a DNS query now (public zones only). Example: {"account": "production", "hosted_zone_id": "Z0PRODPUBLIC00000001", "record_name": "api.acme.example", "record_type": "A"}
    #[tool(meta = declare(Access::Read, &["route53:TestDNSAnswer"]))]
    async fn test_dns_answer(
        &self,
        Parameters(input): Parameters<TestDnsAnswer>,
    ) -> Result<Json<Reply<DnsAnswer>>, OpError> {
        let addresses = [
            ("resolver_ip", &input.resolver_ip),
            ("edns0_client_subnet_ip", &input.edns0_client_subnet_ip),
        ];
        for (argument, given) in addresses {
            if let Some(text) = given.as_ref().filter(|text| text.parse::<IpAddr>().is_err()) {
                return Err(OpError::InvalidInput(format!(
                    "{argument} `{text}` is no address, such as 192.0.2.1"
                )));
            }
        }
        if input.edns0_client_subnet_ip.is_some() && input.resolver_ip.is_none() {
            let what = "edns0_client_subnet_ip needs resolver_ip: the client's resolver";
            return Err(OpError::InvalidInput(what.to_owned()));
        }
        let request = self.client(Client::new)?.test_dns_answer();
        let answer = request
            .hosted_zone_id(zone_id(&input.hosted_zone_id)?)
            .record_name(input.record_name)
            .record_type(RrType::from(input.record_type.to_ascii_uppercase().as_str()))
            .set_resolver_ip(input.resolver_ip)
            .set_edns0_client_subnet_ip(input.edns0_client_subnet_ip)
            .send()
            .await?;
        ok(DnsAnswer {
            record_name: answer.record_name,
            record_type: answer.record_type.as_str().to_owned(),
            response_code: answer.response_code,
            record_data: answer.record_data,
            nameserver: answer.nameserver,
        })
    }
}

/// Route 53 has no idempotency token: after an answer that got lost, a repeated request would tell a wrong story.
fn once() -> config::Builder {
    config::Config::builder().retry_config(RetryConfig::disabled())
}

/// Where the next page of records begins.
#[derive(Serialize, Deserialize)]
struct Cursor {
    name: String,
    r#type: Option<String>,
    identifier: Option<String>,
}

/// The start is a cursor that the caller writes; later ones are ours.
fn start(input: &ListResourceRecordSets) -> Result<Option<String>, OpError> {
    if input.next_token.is_some() {
        return Ok(input.next_token.clone());
    }
    let what = match (&input.name, &input.start_record_name, &input.start_record_type) {
        (Some(_), Some(_), _) => "name and start_record_name exclude each other",
        (None, None, Some(_)) => "start_record_type needs start_record_name",
        (None, None, None) => return Ok(None),
        (Some(name), None, r#type) | (None, Some(name), r#type) => {
            let (name, r#type, identifier) = (name.clone(), r#type.clone(), None);
            return pack(&Cursor {
                name,
                r#type,
                identifier,
            })
            .map(Some);
        }
    };
    Err(OpError::InvalidInput(what.to_owned()))
}

fn status(info: Option<ChangeInfo>, now: SystemTime) -> Result<ChangeStatus, OpError> {
    let info = info.ok_or_else(|| OpError::internal("Route 53 sent no ChangeInfo"))?;
    Ok(ChangeStatus {
        id: info.id.trim_start_matches("/change/").to_owned(),
        status: info.status.as_str().to_owned(),
        submitted_at: dated(&info.submitted_at, now),
        comment: info.comment.filter(|c| !c.is_empty()),
    })
}

fn zone_id(id: &str) -> Result<&str, OpError> {
    bare_id(id, "/hostedzone/", "hosted_zone_id")
}

/// Route 53's ids become part of a path, so only its own alphabet passes.
fn bare_id<'a>(id: &'a str, prefix: &str, argument: &str) -> Result<&'a str, OpError> {
    let bare = id.strip_prefix(prefix).unwrap_or(id);
    if (1..=32).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_alphanumeric()) {
        Ok(bare)
    } else {
        Err(OpError::InvalidInput(format!(
            "{argument} `{id}` is not an id such as Z0123456789ABCDEFGHIJ; list_hosted_zones shows the zones' ids"
        )))
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
