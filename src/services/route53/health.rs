//! Health checks, and what Route 53's checkers say of them.

use std::collections::BTreeMap;

use aws_sdk_route53::{
    Client,
    types::{HealthCheck as AwsHealthCheck, HealthCheckConfig, HealthCheckObservation},
};
use futures::{StreamExt as _, TryStreamExt as _};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated};

/// How many checks are asked about at once: Route 53 takes five requests a second from an account.
const AT_ONCE: usize = 4;

/// Arguments of `list_health_checks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListHealthChecks {
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_health_checks`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HealthCheckList {
    summary: HealthSummary,
    /// The unhealthy first
    health_checks: Vec<HealthCheck>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// How many are how.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct HealthSummary {
    healthy: usize,
    unhealthy: usize,
    unknown: usize,
}

/// What Route 53 makes of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    /// Answers leave it out.
    Unhealthy,
    /// Not to be told from here.
    Unknown,
    /// Answers may name it.
    Healthy,
}

/// One health check.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HealthCheck {
    /// What is checked
    name: String,
    status: Health,
    /// How many checkers reach it, or what else the status comes from
    because: String,
    /// What the checker that failed last said
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<String>,
    /// As records' health_check_id names it
    id: String,
    r#type: String,
    /// It counts as the opposite of what the checkers say
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    inverted: bool,
    #[serde(skip)]
    children: Vec<String>,
    #[serde(skip)]
    threshold: usize,
}

/// All checks, each with what is known of it now.
pub(super) async fn list(ops: &Ops, client: &Client, input: ListHealthChecks) -> Result<HealthCheckList, OpError> {
    let page = |token, size| {
        let request = client.list_health_checks().set_marker(token).max_items(size);
        async move {
            let answer = request.send().await?;
            let next = answer.next_marker.filter(|_| answer.is_truncated);
            let checks = futures::stream::iter(answer.health_checks).map(|check| observed(ops, client, check));
            let items = checks.buffered(AT_ONCE).try_collect().await?;
            Ok(Page { items, next })
        }
    };
    let pager = ops.pager(input.max_results, input.next_token);
    let Page { mut items, next } = pager.collect(100, page).await?;
    calculate(&mut items);
    items.sort_by_key(|check| check.status);
    let count = |status| items.iter().filter(|check| check.status == status).count();
    Ok(HealthCheckList {
        summary: HealthSummary {
            healthy: count(Health::Healthy),
            unhealthy: count(Health::Unhealthy),
            unknown: count(Health::Unknown),
        },
        health_checks: items,
        next_token: next,
    })
}

/// A check with what its checkers say. Only those of endpoints have checkers.
async fn observed(ops: &Ops, client: &Client, check: AwsHealthCheck) -> Result<HealthCheck, OpError> {
    let config = check.health_check_config;
    let r#type = config.as_ref().map(|c| c.r#type.as_str()).unwrap_or_default();
    let mut shown = HealthCheck {
        name: config.as_ref().map(name).unwrap_or_default(),
        status: Health::Unknown,
        because: match r#type {
            "CLOUDWATCH_METRIC" => "it follows the CloudWatch alarm: describe_alarms shows its state".to_owned(),
            _ => "its state is not kept by Route 53's checkers".to_owned(),
        },
        last_failure: None,
        checked: None,
        inverted: config.as_ref().is_some_and(|c| c.inverted == Some(true)),
        children: config
            .as_ref()
            .and_then(|c| c.child_health_checks.clone())
            .unwrap_or_default(),
        threshold: config
            .as_ref()
            .and_then(|c| c.health_threshold)
            .and_then(|t| t.try_into().ok())
            .unwrap_or_default(),
        id: check.id,
        r#type: r#type.to_owned(),
    };
    if config.as_ref().is_some_and(|c| c.disabled == Some(true)) {
        (shown.status, shown.because) = (
            settled(true, shown.inverted),
            "it is disabled, and always counts so".to_owned(),
        );
        return Ok(shown);
    }
    if matches!(r#type, "CALCULATED" | "CLOUDWATCH_METRIC" | "RECOVERY_CONTROL") {
        return Ok(shown);
    }
    let answer = client.get_health_check_status().health_check_id(&shown.id).send().await;
    let observations = match answer.map_err(OpError::from) {
        Ok(answer) => answer.health_check_observations,
        Err(OpError::Aws { aws_code, .. }) if aws_code == "NoSuchHealthCheck" => {
            shown.because = "it was deleted just now".to_owned();
            return Ok(shown);
        }
        Err(error) => return Err(error),
    };
    judge(&mut shown, &observations, ops.now());
    Ok(shown)
}

/// Route 53 takes an endpoint for healthy when more than 18 % of the checkers do. Source: "How Amazon Route 53 determines whether a
/// health check is healthy".
fn judge(shown: &mut HealthCheck, observations: &[HealthCheckObservation], now: std::time::SystemTime) {
    let reports: Vec<_> = observations.iter().filter_map(|o| o.status_report.as_ref()).collect();
    let succeeded = |status: Option<&str>| status.is_some_and(|s| s.starts_with("Success"));
    let good = reports.iter().filter(|report| succeeded(report.status())).count();
    if reports.is_empty() {
        shown.because = "no checker has reported yet".to_owned();
        return;
    }
    shown.status = settled(good * 100 > reports.len() * 18, shown.inverted);
    shown.because = format!("{good} of {} checkers reach it", reports.len());
    let failed = reports.iter().filter(|report| !succeeded(report.status()));
    shown.last_failure = failed
        .max_by_key(|report| report.checked_time().map(aws_smithy_types::DateTime::secs))
        .and_then(|report| report.status.clone());
    let last = reports
        .iter()
        .filter_map(|report| report.checked_time())
        .max_by_key(|time| time.secs());
    shown.checked = last.map(|time| dated(time, now));
}

fn settled(healthy: bool, inverted: bool) -> Health {
    if healthy != inverted {
        Health::Healthy
    } else {
        Health::Unhealthy
    }
}

/// What is calculated of other checks, as far as those are in the list. One may be calculated of another, but not for ever.
fn calculate(checks: &mut [HealthCheck]) {
    for _ in 0..3 {
        let known: BTreeMap<String, Health> = checks.iter().map(|c| (c.id.clone(), c.status)).collect();
        for check in checks
            .iter_mut()
            .filter(|c| c.status == Health::Unknown && !c.children.is_empty())
        {
            let children: Vec<Health> = check.children.iter().filter_map(|id| known.get(id).copied()).collect();
            let healthy = children.iter().filter(|c| **c == Health::Healthy).count();
            let open = check.children.len() - children.iter().filter(|c| **c != Health::Unknown).count();
            check.because = format!(
                "{healthy} of {} checks below it are healthy, {} needed",
                check.children.len(),
                check.threshold
            );
            if healthy >= check.threshold || healthy + open < check.threshold {
                check.status = settled(healthy >= check.threshold, check.inverted);
            } else {
                check.because += &format!("; {open} unknown");
            }
        }
    }
}

/// What is checked, as one would write it down.
fn name(config: &HealthCheckConfig) -> String {
    let r#type = config.r#type.as_str();
    if let Some(alarm) = &config.alarm_identifier {
        return format!("alarm {} in {}", alarm.name, alarm.region.as_str());
    }
    if let Some(control) = &config.routing_control_arn {
        return control.clone();
    }
    let address = config.ip_address.as_deref();
    let host = config.fully_qualified_domain_name.as_deref().or(address);
    let Some(host) = host else {
        return format!("{} other checks", config.child_health_checks().len());
    };
    let port = config.port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = config.resource_path.as_deref().unwrap_or_default();
    let at = address
        .filter(|a| *a != host)
        .map(|a| format!(" at {a}"))
        .unwrap_or_default();
    let searching = config
        .search_string
        .as_deref()
        .map(|text| format!(" for \"{text}\""))
        .unwrap_or_default();
    let scheme = r#type.split('_').next().unwrap_or_default().to_ascii_lowercase();
    format!("{scheme}://{host}{port}{path}{at}{searching}")
}
