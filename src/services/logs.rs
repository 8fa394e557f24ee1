//! CloudWatch Logs: its groups, a quick look at events, and Logs Insights.

mod events;
mod query;

use aws_sdk_cloudwatchlogs::{Client, types::LogGroupClass};
use aws_smithy_types::DateTime;
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};

use crate::ops::{Access, Declare, Json, OpError, Ops, Page, Reply, dated, declare, ok, size};

use events::{EventList, FilterLogEvents};
use query::{QueryLogs, QueryResults};

/// Arguments of `describe_log_groups`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribeLogGroups {
    /// Anywhere in the name
    log_group_name_pattern: Option<String>,
    log_group_name_prefix: Option<String>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `describe_log_groups`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LogGroupList {
    /// Of the groups below
    total_stored: String,
    /// How many of them keep their events for ever
    never_expire: usize,
    log_groups: Vec<LogGroup>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One log group.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LogGroup {
    name: String,
    stored: String,
    #[serde(skip)]
    bytes: u64,
    retention: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// Where it is not the standard one: Logs Insights can't do everything there
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
}

#[tool_router(router = logs_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists log groups with size, retention and age. Example: {"account": "production", "log_group_name_pattern": "checkout"}
    #[tool(meta = declare(Access::Read, &["logs:DescribeLogGroups"]))]
    async fn describe_log_groups(
        &self,
        Parameters(input): Parameters<DescribeLogGroups>,
    ) -> Result<Json<Reply<LogGroupList>>, OpError> {
        if input.log_group_name_pattern.is_some() && input.log_group_name_prefix.is_some() {
            return Err(OpError::InvalidInput(
                "log_group_name_pattern and log_group_name_prefix exclude each other".to_owned(),
            ));
        }
        let client = self.client(Client::new)?;
        let now = self.now();
        let page = |token, size| {
            let request = client
                .describe_log_groups()
                .set_log_group_name_pattern(input.log_group_name_pattern.clone())
                .set_log_group_name_prefix(input.log_group_name_prefix.clone());
            async move {
                let answer = request.limit(size).set_next_token(token).send().await?;
                let groups = answer.log_groups.unwrap_or_default().into_iter();
                Ok(Page {
                    items: groups.map(|group| summary(group, now)).collect(),
                    next: answer.next_token,
                })
            }
        };
        let pager = self.pager(input.max_results, input.next_token);
        let Page { items, next } = pager.collect(50, page).await?;
        ok(LogGroupList {
            total_stored: size(items.iter().map(|g: &LogGroup| g.bytes).sum()),
            never_expire: items.iter().filter(|g| g.retention == FOR_EVER).count(),
            log_groups: items,
            next_token: next,
        })
    }

    /// Runs a Logs Insights query and waits for its rows, merged over several accounts. Costs by bytes scanned. Example: {"accounts": ["all"], "log_group_name_prefix": "/ecs/api", "query": "filter @message like /timeout/ | stats count(*) by bin(5m)", "since": "3h"}
    #[tool(meta = declare(Access::Read, &["logs:StartQuery", "logs:GetQueryResults", "logs:StopQuery", "logs:DescribeLogGroups"]).merged("rows"))]
    async fn query_logs(&self, Parameters(input): Parameters<QueryLogs>) -> Result<Json<Reply<QueryResults>>, OpError> {
        ok(query::run(self, &self.client(Client::new)?, input).await?)
    }

    /// A quick look at a group's newest events; to count or search more use query_logs. Example: {"account": "production", "log_group_name": "/ecs/api", "filter_pattern": "timeout -health"}
    #[tool(meta = declare(Access::Read, &["logs:FilterLogEvents"]))]
    async fn filter_log_events(
        &self,
        Parameters(input): Parameters<FilterLogEvents>,
    ) -> Result<Json<Reply<EventList>>, OpError> {
        ok(events::filter(self, &self.client(Client::new)?, input).await?)
    }
}

const FOR_EVER: &str = "never expires";

fn summary(group: aws_sdk_cloudwatchlogs::types::LogGroup, now: std::time::SystemTime) -> LogGroup {
    let bytes = group
        .stored_bytes
        .and_then(|b| u64::try_from(b).ok())
        .unwrap_or_default();
    LogGroup {
        name: group.log_group_name.unwrap_or_default(),
        stored: size(bytes),
        bytes,
        retention: group
            .retention_in_days
            .map_or_else(|| FOR_EVER.to_owned(), |days| format!("{days} d")),
        created: group.creation_time.map(|t| dated(&DateTime::from_millis(t), now)),
        class: group
            .log_group_class
            .filter(|c| *c != LogGroupClass::Standard)
            .map(|c| c.as_str().to_owned()),
        kms_key_id: group.kms_key_id,
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
