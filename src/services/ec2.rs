//! EC2: instances, their disks and their firewalls.

mod change;
mod console;
mod groups;
mod instances;
mod page;
mod volumes;

use std::collections::BTreeMap;

use aws_sdk_ec2::{
    Client,
    types::{Filter, Tag},
};
use rmcp::{handler::server::wrapper::Parameters, tool, tool_router};

use crate::ops::{Access, Declare, Json, OpError, Ops, Reply, declare, declare::idempotent, ok};

use change::{Changed, InstanceIds};
use console::{ConsoleOutput, GetConsoleOutput};
use groups::{DescribeSecurityGroups, GroupList};
use instances::{DescribeInstances, InstanceList};
use volumes::{DescribeVolumes, VolumeList};

/// Each instance that a change names.
const INSTANCES: [&str; 1] = ["arn:{partition}:ec2:{region}:{account}:instance/{instance_ids|each}"];

#[tool_router(router = ec2_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists EC2 instances: name, state since when, type, addresses, age; counts first. Example: {"account": "production", "name": "web-*", "state": "running"}
    #[tool(meta = declare(Access::Read, &["ec2:DescribeInstances"]))]
    async fn describe_instances(
        &self,
        Parameters(input): Parameters<DescribeInstances>,
    ) -> Result<Json<Reply<InstanceList>>, OpError> {
        ok(instances::describe(self, &self.client(Client::new)?, input).await?)
    }

    /// Starts stopped instances; all or none. Example: {"account": "staging", "instance_ids": ["i-0123456789abcdef0"]}
    // A customer's KMS key of an encrypted volume is granted to the instance in the caller's name (Amazon EBS, encryption).
    #[tool(meta = idempotent(declare(Access::Write, &["ec2:StartInstances"]).on(&INSTANCES).with_key(&["kms:CreateGrant"])))]
    async fn start_instances(
        &self,
        Parameters(input): Parameters<InstanceIds>,
    ) -> Result<Json<Reply<Changed>>, OpError> {
        ok(change::start(&self.client(Client::new)?, input).await?)
    }

    /// Stops instances; all or none. Memory, instance-store data and public addresses that aren't elastic are lost. reboot_instances keeps the last two. Example: {"account": "staging", "instance_ids": ["i-0123456789abcdef0"]}
    #[tool(meta = idempotent(declare(Access::Destroy, &["ec2:StopInstances"]).on(&INSTANCES)))]
    async fn stop_instances(
        &self,
        Parameters(input): Parameters<InstanceIds>,
    ) -> Result<Json<Reply<Changed>>, OpError> {
        ok(change::stop(&self.client(Client::new)?, input).await?)
    }

    /// Reboots running instances; all or none. Example: {"account": "staging", "instance_ids": ["i-0123456789abcdef0"]}
    #[tool(meta = declare(Access::Write, &["ec2:RebootInstances"]).on(&INSTANCES))]
    async fn reboot_instances(
        &self,
        Parameters(input): Parameters<InstanceIds>,
    ) -> Result<Json<Reply<Changed>>, OpError> {
        ok(change::reboot(&self.client(Client::new)?, input).await?)
    }

    /// Lists security groups with readable rules, what is open to the world, and which groups refer to them. Example: {"accounts": ["all"], "open_to_world": true}
    #[tool(meta = declare(Access::Read, &["ec2:DescribeSecurityGroups"]))]
    async fn describe_security_groups(
        &self,
        Parameters(input): Parameters<DescribeSecurityGroups>,
    ) -> Result<Json<Reply<GroupList>>, OpError> {
        ok(groups::describe(self, &self.client(Client::new)?, input).await?)
    }

    /// Lists EBS volumes: size, state, what they are attached to. Answers which disks nobody uses. Example: {"account": "production", "unattached": true}
    #[tool(meta = declare(Access::Read, &["ec2:DescribeVolumes"]))]
    async fn describe_volumes(
        &self,
        Parameters(input): Parameters<DescribeVolumes>,
    ) -> Result<Json<Reply<VolumeList>>, OpError> {
        ok(volumes::describe(self, &self.client(Client::new)?, input).await?)
    }

    /// Shows the end of an instance's console output, for one that doesn't boot or can't be reached. Example: {"account": "staging", "instance_id": "i-0123456789abcdef0"}
    #[tool(meta = declare(Access::Read, &["ec2:GetConsoleOutput"]))]
    async fn get_console_output(
        &self,
        Parameters(input): Parameters<GetConsoleOutput>,
    ) -> Result<Json<Reply<ConsoleOutput>>, OpError> {
        ok(console::get(self, &self.client(Client::new)?, input).await?)
    }
}

/// A filter, if there is something to look for.
fn filter(name: impl Into<String>, value: Option<&String>) -> Option<Filter> {
    let value = value?;
    Some(Filter::builder().name(name).values(value).build())
}

fn tag_filters(tags: &BTreeMap<String, String>) -> impl Iterator<Item = Filter> {
    tags.iter()
        .filter_map(|(key, value)| filter(format!("tag:{key}"), Some(value)))
}

/// The tag `Name` by itself, and the others.
fn named(tags: Option<Vec<Tag>>) -> (Option<String>, BTreeMap<String, String>) {
    let tags = tags.unwrap_or_default().into_iter();
    let mut tags: BTreeMap<String, String> = tags
        .filter_map(|t| Some((t.key?, t.value.unwrap_or_default())))
        .collect();
    (tags.remove("Name").filter(|name| !name.is_empty()), tags)
}

/// Ids of one kind, checked before AWS is asked.
fn check_ids<'a>(field: &str, prefix: &str, ids: impl IntoIterator<Item = &'a String>) -> Result<(), OpError> {
    match ids.into_iter().find(|id| !id.starts_with(prefix)) {
        Some(id) => Err(OpError::InvalidInput(format!(
            "{field} holds `{id}`, which is no id: ids begin with {prefix}, such as {prefix}0123456789abcdef0"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
