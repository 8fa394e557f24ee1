//! The types that the sandbox has: what each asks of its service, and which properties can't be changed.

use serde_json::{Map, Value};

/// A type of resource.
pub(super) struct Kind {
    name: &'static str,
    /// What its list handler asks in the caller's name, its read handler, its update handler.
    pub(super) list: &'static [&'static str],
    pub(super) read: &'static [&'static str],
    pub(super) update: &'static [&'static str],
    /// The property that a list needs.
    pub(super) parent: Option<&'static str>,
    /// What a list shows of each; nothing: all.
    listed: &'static [&'static str],
    pub(super) create_only: &'static [&'static str],
    pub(super) read_only: &'static [&'static str],
    /// After how many questions an update is through.
    pub(super) polls: usize,
}

/// Types that exist, but that Cloud Control does nothing with.
pub(super) const UNSUPPORTED: [&str; 2] = ["AWS::ElastiCache::CacheCluster", "AWS::CodeDeploy::DeploymentGroup"];

// Source: the handlers' permissions in CloudFormation's resource type schemas.
static KINDS: [Kind; 6] = [
    Kind {
        name: "AWS::RDS::DBInstance",
        list: &["rds:DescribeDBInstances"],
        read: &["rds:DescribeDBInstances"],
        update: &["rds:DescribeDBInstances", "rds:ModifyDBInstance"],
        parent: None,
        listed: &[],
        create_only: &[
            "DBInstanceIdentifier",
            "DBName",
            "Engine",
            "MasterUsername",
            "StorageEncrypted",
        ],
        read_only: &["DBInstanceArn", "DBInstanceStatus", "Endpoint"],
        polls: 3,
    },
    Kind {
        name: "AWS::EKS::Cluster",
        list: &["eks:ListClusters"],
        read: &["eks:DescribeCluster"],
        update: &[
            "eks:DescribeCluster",
            "eks:UpdateClusterVersion",
            "eks:UpdateClusterConfig",
        ],
        parent: None,
        listed: &["Name"],
        create_only: &["Name", "RoleArn"],
        read_only: &["Arn", "Endpoint"],
        polls: 3,
    },
    Kind {
        name: "AWS::EKS::Nodegroup",
        list: &["eks:ListNodegroups"],
        read: &["eks:DescribeNodegroup"],
        update: &["eks:DescribeNodegroup", "eks:UpdateNodegroupConfig"],
        parent: Some("ClusterName"),
        listed: &["ClusterName", "NodegroupName"],
        create_only: &["ClusterName", "NodegroupName", "InstanceTypes"],
        read_only: &["Arn"],
        polls: 2,
    },
    Kind {
        name: "AWS::Lambda::Function",
        list: &["lambda:ListFunctions"],
        read: &["lambda:GetFunction"],
        update: &["lambda:GetFunction", "lambda:UpdateFunctionConfiguration"],
        parent: None,
        listed: &[],
        create_only: &["FunctionName", "PackageType"],
        read_only: &["Arn"],
        polls: 1,
    },
    Kind {
        name: "AWS::DynamoDB::Table",
        list: &["dynamodb:ListTables"],
        read: &["dynamodb:DescribeTable"],
        update: &["dynamodb:DescribeTable", "dynamodb:UpdateTable"],
        parent: None,
        listed: &["TableName"],
        create_only: &["TableName"],
        read_only: &["Arn", "StreamArn"],
        polls: 2,
    },
    Kind {
        name: "AWS::SQS::Queue",
        list: &["sqs:ListQueues"],
        read: &["sqs:GetQueueAttributes", "sqs:ListQueueTags"],
        update: &["sqs:SetQueueAttributes", "sqs:GetQueueAttributes", "sqs:TagQueue"],
        parent: None,
        listed: &["QueueUrl"],
        create_only: &["QueueName", "FifoQueue"],
        read_only: &["Arn", "QueueUrl"],
        polls: 1,
    },
];

pub(super) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// What a list shows of a resource.
    pub(super) fn listed(&self, model: &Value) -> Value {
        if self.listed.is_empty() {
            return model.clone();
        }
        let shown: Map<String, Value> = self
            .listed
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), model.get(*key)?.clone())))
            .collect();
        Value::Object(shown)
    }

    /// What the service itself would say against an update, in the end.
    pub(super) fn refused(&self, before: &Value, after: &Value) -> Option<(&'static str, String)> {
        let storage = |model: &Value| -> Option<u64> { model.get("AllocatedStorage")?.as_str()?.parse().ok() };
        match (storage(before), storage(after)) {
            (Some(old), Some(new)) if new < old => Some((
                "InvalidRequest",
                format!(
                    "Invalid storage size for engine name postgres and storage type gp3: {new} (Service: Rds, Status Code: 400)"
                ),
            )),
            _ => None,
        }
    }
}
