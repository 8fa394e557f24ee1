//! CloudWatch: alarms and metrics.

mod alarm;
mod data;
mod series;

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::{
    Client,
    types::{DimensionFilter, RecentlyActive},
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{
    Access, Json, OpError, Ops, Page, Reply, declare, ok,
    page::{pack, unpack},
};

use alarm::{AlarmHistory, AlarmList, DescribeAlarmHistory, DescribeAlarms};
use data::{GetMetricData, MetricData};

/// Arguments of `list_metrics`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMetrics {
    namespace: Option<String>,
    metric_name: Option<String>,
    /// An empty value matches any
    #[serde(default)]
    dimensions: BTreeMap<String, String>,
    /// Only with data in the last 3 hours
    #[serde(default)]
    recently_active: bool,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_metrics`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MetricList {
    /// How many of the metrics below are in each namespace
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    by_namespace: BTreeMap<String, usize>,
    metrics: Vec<MetricName>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One metric.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MetricName {
    metric_name: String,
    namespace: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dimensions: BTreeMap<String, String>,
}

#[tool_router(router = cloudwatch_tools, vis = "pub(crate)")]
impl Ops {
    /// Shows which alarms fire (metric, composite and log alarms), since when and why; of all accounts in one call. Example: {"accounts": ["all"]}
    #[tool(meta = declare(Access::Read, &["cloudwatch:DescribeAlarms"]))]
    async fn describe_alarms(
        &self,
        Parameters(input): Parameters<DescribeAlarms>,
    ) -> Result<Json<Reply<AlarmList>>, OpError> {
        ok(alarm::describe(self, &self.client(Client::new)?, input).await?)
    }

    /// What happened to alarms: state changes with reasons, actions, edits. Example: {"account": "production", "alarm_name": "prod-api-5xx-rate", "since": "2d"}
    #[tool(meta = declare(Access::Read, &["cloudwatch:DescribeAlarmHistory"]))]
    async fn describe_alarm_history(
        &self,
        Parameters(input): Parameters<DescribeAlarmHistory>,
    ) -> Result<Json<Reply<AlarmHistory>>, OpError> {
        ok(alarm::history(self, &self.client(Client::new)?, input).await?)
    }

    /// Reads a metric: min, max, avg, last and points. list_metrics shows what exists. Example: {"account": "production", "namespace": "AWS/RDS", "metric_name": "CPUUtilization", "dimensions": {"DBInstanceIdentifier": "orders-db"}}
    #[tool(meta = declare(Access::Read, &["cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"]))]
    async fn get_metric_data(
        &self,
        Parameters(input): Parameters<GetMetricData>,
    ) -> Result<Json<Reply<MetricData>>, OpError> {
        ok(data::get(self, &self.client(Client::new)?, input).await?)
    }

    /// Lists metrics with their dimensions. Example: {"account": "production", "namespace": "AWS/ECS", "dimensions": {"ServiceName": "api"}}
    #[tool(meta = declare(Access::Read, &["cloudwatch:ListMetrics"]))]
    async fn list_metrics(
        &self,
        Parameters(input): Parameters<ListMetrics>,
    ) -> Result<Json<Reply<MetricList>>, OpError> {
        let client = self.client(Client::new)?;
        let filter = |(name, value): (&String, &String)| {
            let value = Some(value.clone()).filter(|v| !v.is_empty());
            DimensionFilter::builder().name(name).set_value(value).build()
        };
        let filters: Vec<DimensionFilter> = input.dimensions.iter().map(filter).collect();
        let page = |token: Option<String>, size: i32| {
            let request = client
                .list_metrics()
                .set_namespace(input.namespace.clone())
                .set_metric_name(input.metric_name.clone())
                .set_dimensions((!filters.is_empty()).then(|| filters.clone()))
                .set_recently_active(input.recently_active.then_some(RecentlyActive::Pt3H));
            async move {
                // AWS's pages have 500 metrics and no other size, so the cursor says how many of one were shown.
                let (token, skip): (Option<String>, usize) = token.map_or(Ok((None, 0)), |t| unpack(&t))?;
                let answer = request.set_next_token(token.clone()).send().await?;
                let all = answer.metrics.unwrap_or_default();
                let shown = skip + usize::try_from(size).unwrap_or_default();
                let next = match (all.len() > shown, answer.next_token) {
                    (true, _) => Some(pack(&(token, shown))?),
                    (false, Some(next)) => Some(pack(&(Some(next), 0))?),
                    (false, None) => None,
                };
                let items = all.into_iter().take(shown).skip(skip).map(|metric| MetricName {
                    metric_name: metric.metric_name.unwrap_or_default(),
                    namespace: metric.namespace.unwrap_or_default(),
                    dimensions: alarm::dimensions(metric.dimensions),
                });
                Ok(Page {
                    items: items.collect(),
                    next,
                })
            }
        };
        let Page { items, next } = self
            .pager(input.max_results, input.next_token)
            .collect(500, page)
            .await?;
        let mut by_namespace = BTreeMap::new();
        for metric in &items {
            *by_namespace.entry(metric.namespace.clone()).or_default() += 1;
        }
        ok(MetricList {
            by_namespace,
            metrics: items,
            next_token: next,
        })
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
