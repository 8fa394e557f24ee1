//! Route 53, all of it the sandbox's own.
//!
//! The emulator's keeps no set identifiers or weights, mixes up the order of records, doesn't page zones and
//! answers errors in S3's form, which the SDK can't read. What the server's tools need is little enough to hold here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use awsim_core::{AwsError, RouteDefinition, protocol};
use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    authorise::Check,
    value::{set, text},
};

mod changes;
mod health;
mod lists;

pub(super) use health::HealthCheck;

/// Where a record stands in a zone: its name with the labels reversed, its type, its set identifier.
pub(super) type Place = (String, String, String);

/// A hosted zone. Records are kept as they are shown.
#[derive(Clone)]
pub(super) struct Zone {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) reference: String,
    pub(super) comment: Option<String>,
    /// The VPC of a private zone, and its region.
    pub(super) vpc: Option<(String, String)>,
    pub(super) records: BTreeMap<Place, Value>,
}

#[derive(Default)]
struct Account {
    zones: BTreeMap<String, Zone>,
    checks: health::Checks,
    /// When each change was submitted.
    changes: HashMap<String, String>,
}

#[derive(Default)]
pub(super) struct Route53 {
    accounts: Mutex<HashMap<String, Account>>,
}

pub(super) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
const NAME_SERVERS: [&str; 4] = [
    "ns-1.sandbox.example",
    "ns-2.sandbox.example",
    "ns-3.sandbox.example",
    "ns-4.sandbox.example",
];

/// Method, path, operation.
const ROUTES: [(&str, &str, &str); 12] = [
    ("POST", "/2013-04-01/hostedzone", "CreateHostedZone"),
    ("GET", "/2013-04-01/hostedzone", "ListHostedZones"),
    ("GET", "/2013-04-01/hostedzone/{Id}", "GetHostedZone"),
    ("DELETE", "/2013-04-01/hostedzone/{Id}", "DeleteHostedZone"),
    ("GET", "/2013-04-01/hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", "/2013-04-01/hostedzonecount", "GetHostedZoneCount"),
    ("POST", "/2013-04-01/hostedzone/{Id}/rrset", "ChangeResourceRecordSets"),
    ("GET", "/2013-04-01/hostedzone/{Id}/rrset", "ListResourceRecordSets"),
    ("GET", "/2013-04-01/change/{Id}", "GetChange"),
    ("GET", "/2013-04-01/healthcheck", "ListHealthChecks"),
    (
        "GET",
        "/2013-04-01/healthcheck/{HealthCheckId}/status",
        "GetHealthCheckStatus",
    ),
    ("GET", "/2013-04-01/testdnsanswer", "TestDNSAnswer"),
];

impl Route53 {
    pub(super) fn parse(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(String, Value), AwsError> {
        let routes = ROUTES.map(|(method, path_pattern, operation)| RouteDefinition {
            method,
            path_pattern,
            operation,
            required_query_param: None,
        });
        let parsed = protocol::parse_request(protocol::Protocol::RestXml, method, uri, headers, body, &routes)
            .map_err(|_| {
                let text = "The sandbox doesn't have this operation of Route 53.";
                AwsError::bad_request("UnknownOperationException", text)
            })?;
        Ok((parsed.operation, parsed.input))
    }

    pub(super) fn checks(&self, operation: &str, input: &Value) -> Vec<Check> {
        let id = bare(text(input, "Id").unwrap_or_default());
        let check = text(input, "HealthCheckId");
        let resource = match operation {
            "GetHealthCheckStatus" => format!("arn:aws:route53:::healthcheck/{}", check.unwrap_or_default()),
            "GetChange" => format!("arn:aws:route53:::change/{id}"),
            _ if id.is_empty() => "*".to_owned(),
            _ => format!("arn:aws:route53:::hostedzone/{id}"),
        };
        let mut check = Check::new(format!("route53:{operation}"), resource);
        if operation == "ChangeResourceRecordSets" {
            let changes = changes::of(input);
            let set = |key: &str| {
                let values = changes
                    .iter()
                    .filter_map(|change| change.get("ResourceRecordSet")?.get(key)?.as_str());
                values.map(str::to_owned).collect::<Vec<_>>()
            };
            let names = set("Name")
                .iter()
                .map(|name| normal(name).trim_end_matches('.').to_owned())
                .collect();
            let actions = changes
                .iter()
                .filter_map(|change| text(change, "Action").map(str::to_owned))
                .collect();
            check = check
                .with_list("route53:ChangeResourceRecordSetsNormalizedRecordNames", names)
                .with_list("route53:ChangeResourceRecordSetsRecordTypes", set("Type"))
                .with_list("route53:ChangeResourceRecordSetsActions", actions);
        }
        // "You must also have ec2:DescribeVpcs", for the VPC of a private zone.
        let vpcs = (operation == "CreateHostedZone" && input.get("VPC").is_some())
            .then(|| Check::new("ec2:DescribeVpcs", "*"));
        std::iter::once(check).chain(vpcs).collect()
    }

    pub(super) fn handle(&self, operation: &str, input: &Value, account: &str) -> Result<Value, AwsError> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = accounts.entry(account.to_owned()).or_default();
        match operation {
            "CreateHostedZone" => create(here, input),
            "ListHostedZones" => lists::zones(&here.zones, input),
            "ListHostedZonesByName" => lists::zones_by_name(&here.zones, input),
            "GetHostedZoneCount" => Ok(json!({ "HostedZoneCount": here.zones.len() })),
            "ListHealthChecks" => health::list(&here.checks, input),
            "GetHealthCheckStatus" => health::status(&here.checks, input),
            "TestDNSAnswer" => health::test(&here.zones, &here.checks, input),
            "GetChange" => {
                let id = bare(text(input, "Id").unwrap_or_default());
                let submitted = here.changes.get(id).ok_or_else(|| {
                    AwsError::not_found("NoSuchChange", format!("Could not find resource with ID: {id}"))
                })?;
                Ok(json!({ "ChangeInfo": change_info(id, "INSYNC", submitted) }))
            }
            "GetHostedZone" => zone(here, input).map(|zone| described(zone)),
            "ListResourceRecordSets" => lists::records(zone(here, input)?, input),
            "DeleteHostedZone" => {
                let zone = zone(here, input)?;
                let own = |record: &&Value| {
                    text(record, "Name") == Some(&zone.name) && ["NS", "SOA"].map(Some).contains(&text(record, "Type"))
                };
                if zone.records.values().any(|record| !own(&record)) {
                    let text = "The specified hosted zone contains non-required resource record sets and so cannot be deleted.";
                    return Err(AwsError::bad_request("HostedZoneNotEmpty", text));
                }
                let id = zone.id.clone();
                here.zones.remove(&id);
                Ok(json!({ "ChangeInfo": submit(here) }))
            }
            _ => {
                let zone = zone(here, input)?;
                zone.records = changes::apply(zone, input)?;
                Ok(json!({ "ChangeInfo": submit(here) }))
            }
        }
    }

    /// Puts a zone in place, with the given records and those that every zone has.
    pub(super) fn insert(&self, account: &str, mut zone: Zone, records: &[Value]) {
        let defaults = default_records(&zone.name);
        zone.records = defaults
            .iter()
            .chain(records)
            .map(changes::record)
            .map(|r| (changes::place(&r), r))
            .collect();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts
            .entry(account.to_owned())
            .or_default()
            .zones
            .insert(zone.id.clone(), zone);
    }

    /// Puts a health check in place.
    pub(super) fn insert_check(&self, account: &str, check: HealthCheck) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let checks = &mut accounts.entry(account.to_owned()).or_default().checks;
        checks.insert(check.id.clone(), check);
    }

    /// The body of an answer, in Route 53's name space.
    pub(super) fn body(operation: &str, answer: &Value) -> String {
        let fields = protocol::query::json_to_xml_fields(answer);
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response \
             xmlns=\"{NAMESPACE}\">{fields}</{operation}Response>"
        )
    }
}

fn create(here: &mut Account, input: &Value) -> Result<Value, AwsError> {
    let reference = text(input, "CallerReference").unwrap_or_default().to_owned();
    if here.zones.values().any(|zone| zone.reference == reference) {
        let text = "A hosted zone has already been created with the specified caller reference.";
        return Err(AwsError::conflict("HostedZoneAlreadyExists", text));
    }
    if input.get("HostedZoneConfig").and_then(|c| text(c, "PrivateZone")) == Some("true") && input.get("VPC").is_none()
    {
        let text = "When you're creating a private hosted zone, you must specify a VPC.";
        return Err(AwsError::bad_request("InvalidInput", text));
    }
    let vpc = input
        .get("VPC")
        .and_then(|v| Some((text(v, "VPCId")?.to_owned(), text(v, "VPCRegion")?.to_owned())));
    let id = format!(
        "Z{}",
        uuid::Uuid::new_v4()
            .simple()
            .to_string()
            .to_uppercase()
            .get(..20)
            .unwrap_or_default()
    );
    let name = normal(text(input, "Name").unwrap_or_default());
    let zone = Zone {
        id: id.clone(),
        reference,
        comment: input
            .get("HostedZoneConfig")
            .and_then(|c| text(c, "Comment"))
            .map(str::to_owned),
        vpc,
        records: default_records(&name)
            .into_iter()
            .map(|r| (changes::place(&r), r))
            .collect(),
        name,
    };
    let mut answer = described(&zone);
    here.zones.insert(id, zone);
    set(&mut answer, "ChangeInfo", submit(here));
    Ok(answer)
}

fn submit(here: &mut Account) -> Value {
    let id = format!(
        "C{}",
        uuid::Uuid::new_v4()
            .simple()
            .to_string()
            .to_uppercase()
            .get(..20)
            .unwrap_or_default()
    );
    let now = now();
    let answer = change_info(&id, "PENDING", &now);
    here.changes.insert(id, now);
    answer
}

fn now() -> String {
    let now = aws_smithy_types::DateTime::from(std::time::SystemTime::now());
    now.fmt(aws_smithy_types::date_time::Format::DateTime)
        .unwrap_or_default()
}

fn change_info(id: &str, status: &str, submitted: &str) -> Value {
    json!({ "Id": format!("/change/{id}"), "Status": status, "SubmittedAt": submitted })
}

fn zone<'a>(here: &'a mut Account, input: &Value) -> Result<&'a mut Zone, AwsError> {
    let id = bare(text(input, "Id").unwrap_or_default());
    let missing = || AwsError::not_found("NoSuchHostedZone", format!("No hosted zone found with ID: {id}"));
    here.zones.get_mut(id).ok_or_else(missing)
}

fn described(zone: &Zone) -> Value {
    let mut answer = json!({ "HostedZone": summary(zone) });
    match &zone.vpc {
        Some((id, region)) => set(
            &mut answer,
            "VPCs",
            json!({ "VPC": [{ "VPCId": id, "VPCRegion": region }] }),
        ),
        None => set(
            &mut answer,
            "DelegationSet",
            json!({ "NameServers": { "NameServer": NAME_SERVERS } }),
        ),
    }
    answer
}

fn summary(zone: &Zone) -> Value {
    let mut config = json!({ "PrivateZone": zone.vpc.is_some() });
    if let Some(comment) = &zone.comment {
        set(&mut config, "Comment", comment.as_str());
    }
    json!({
        "Id": format!("/hostedzone/{}", zone.id),
        "Name": zone.name,
        "CallerReference": zone.reference,
        "Config": config,
        "ResourceRecordSetCount": zone.records.len(),
    })
}

fn default_records(name: &str) -> [Value; 2] {
    let soa = format!(
        "{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
        NAME_SERVERS[0]
    );
    let servers: Vec<_> = NAME_SERVERS
        .iter()
        .map(|server| json!({ "Value": format!("{server}.") }))
        .collect();
    [
        json!({ "Name": name, "Type": "NS", "TTL": "172800", "ResourceRecords": { "ResourceRecord": servers } }),
        json!({ "Name": name, "Type": "SOA", "TTL": "900", "ResourceRecords": { "ResourceRecord": [{ "Value": soa }] } }),
    ]
}

/// `/hostedzone/Z1` and `Z1` are the same.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// A name as Route 53 writes it: lower case, with the last dot, and a wildcard as its octal code.
fn normal(name: &str) -> String {
    let name = name.to_lowercase().replace('*', "\\052");
    if name.ends_with('.') { name } else { format!("{name}.") }
}

#[cfg(test)]
mod tests;
