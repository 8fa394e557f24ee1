//! What each IAM action works on, so that policies name no more than the service allows to name.
//!
//! Source: the Service Authorization Reference, column "Resource types" of each service.

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// The action takes no resource.
    Any,
    /// A secret.
    Secret,
    /// A hosted zone. Its ARN has no account.
    HostedZone,
    /// A change of DNS records. Its ARN has no account.
    Change,
    /// A bucket. Its ARN has no account.
    Bucket,
    /// A bucket that does not exist yet: it is nobody's. Others' names are taken.
    NewBucket,
    /// An object. Its ARN has no account.
    Object,
    /// A Lambda function.
    Function,
    /// A log group, with its streams.
    LogGroup,
    /// A role.
    Role,
    /// A user.
    User,
    /// A managed policy: the account's own, or AWS's, whose ARNs have no account.
    Policy,
    /// A role, user or group.
    Principal,
    /// An instance.
    Instance,
}

impl ResourceKind {
    /// What an action works on; `None` for an action that nobody has looked up yet.
    pub fn of(action: &str) -> Option<Self> {
        Some(match action {
            "secretsmanager:ListSecrets" | "route53:ListHostedZones" | "s3:ListAllMyBuckets" => Self::Any,
            // Cloud Control's. The resources themselves are judged by their own services' actions.
            "cloudformation:GetResource"
            | "cloudformation:GetResourceRequestStatus"
            | "cloudformation:ListResources"
            | "cloudformation:UpdateResource"
            | "cloudtrail:LookupEvents" => Self::Any,
            // Alarms are resources, but composite ones are only shown to who may describe `*` (DescribeAlarms).
            "cloudwatch:DescribeAlarms"
            | "cloudwatch:DescribeAlarmHistory"
            | "cloudwatch:GetMetricData"
            | "cloudwatch:GetMetricStatistics"
            | "cloudwatch:ListMetrics"
            | "logs:GetQueryResults"
            | "logs:StopQuery" => Self::Any,
            "logs:DescribeLogGroups" | "logs:FilterLogEvents" | "logs:StartQuery" => Self::LogGroup,
            "iam:GetAccountAuthorizationDetails" | "iam:ListPolicies" | "iam:ListUsers" => Self::Any,
            "ec2:DescribeInstances" | "ec2:DescribeSecurityGroups" | "ec2:DescribeVolumes" => Self::Any,
            "ec2:GetConsoleOutput" | "ec2:RebootInstances" | "ec2:StartInstances" | "ec2:StopInstances" => {
                Self::Instance
            }
            "iam:GetRole" | "iam:GetRolePolicy" | "iam:ListAttachedRolePolicies" | "iam:ListRolePolicies" => Self::Role,
            "iam:GetAccessKeyLastUsed" | "iam:ListAccessKeys" => Self::User,
            "iam:GetPolicy" | "iam:GetPolicyVersion" | "iam:ListPolicyVersions" => Self::Policy,
            "iam:SimulatePrincipalPolicy" => Self::Principal,
            "secretsmanager:CreateSecret"
            | "secretsmanager:DeleteSecret"
            | "secretsmanager:DescribeSecret"
            | "secretsmanager:GetResourcePolicy"
            | "secretsmanager:GetSecretValue"
            | "secretsmanager:ListSecretVersionIds"
            | "secretsmanager:PutResourcePolicy"
            | "secretsmanager:RestoreSecret"
            | "secretsmanager:RotateSecret"
            | "secretsmanager:TagResource"
            | "secretsmanager:UntagResource"
            | "secretsmanager:UpdateSecret" => Self::Secret,
            "lambda:InvokeFunction" => Self::Function,
            "route53:ChangeResourceRecordSets" | "route53:ListResourceRecordSets" => Self::HostedZone,
            "route53:GetChange" => Self::Change,
            "s3:CreateBucket" => Self::NewBucket,
            "s3:GetBucketAcl"
            | "s3:GetBucketLogging"
            | "s3:GetBucketOwnershipControls"
            | "s3:GetBucketPolicyStatus"
            | "s3:GetBucketPublicAccessBlock"
            | "s3:GetBucketVersioning"
            | "s3:GetEncryptionConfiguration"
            | "s3:GetLifecycleConfiguration"
            | "s3:ListBucket"
            | "s3:ListBucketVersions"
            | "s3:PutBucketOwnershipControls"
            | "s3:PutBucketPublicAccessBlock"
            | "s3:PutBucketVersioning"
            | "s3:PutEncryptionConfiguration" => Self::Bucket,
            "s3:DeleteObject"
            | "s3:DeleteObjectVersion"
            | "s3:GetObject"
            | "s3:GetObjectTagging"
            | "s3:GetObjectVersion"
            | "s3:GetObjectVersionTagging"
            | "s3:PutObject"
            | "s3:PutObjectTagging" => Self::Object,
            _ => return None,
        })
    }

    /// Every resource of this kind in an account. Both parts may be placeholders of a template.
    pub fn every(self, partition: &str, account: &str) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Secret => format!("arn:{partition}:secretsmanager:*:{account}:secret:*"),
            Self::HostedZone => format!("arn:{partition}:route53:::hostedzone/*"),
            Self::Change => format!("arn:{partition}:route53:::change/*"),
            Self::Bucket | Self::NewBucket => format!("arn:{partition}:s3:::*"),
            Self::Object => format!("arn:{partition}:s3:::*/*"),
            Self::Function => format!("arn:{partition}:lambda:*:{account}:function:*"),
            Self::LogGroup => format!("arn:{partition}:logs:*:{account}:log-group:*"),
            Self::Role => format!("arn:{partition}:iam::{account}:role/*"),
            Self::User => format!("arn:{partition}:iam::{account}:user/*"),
            Self::Policy => format!("arn:{partition}:iam::*:policy/*"),
            Self::Principal => format!("arn:{partition}:iam::{account}:*"),
            Self::Instance => format!("arn:{partition}:ec2:*:{account}:instance/*"),
        }
    }

    /// Whether other accounts' resources match the ARN, so that a condition must keep them out. Route 53 has no access across
    /// accounts.
    pub fn reaches_other_accounts(self) -> bool {
        matches!(self, Self::Bucket | Self::Object)
    }

    /// As the end of a statement's Sid.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Secret => "Secret",
            Self::HostedZone => "HostedZone",
            Self::Change => "Change",
            Self::Bucket => "Bucket",
            Self::NewBucket => "NewBucket",
            Self::Object => "Object",
            Self::Function => "Function",
            Self::LogGroup => "LogGroup",
            Self::Role => "Role",
            Self::User => "User",
            Self::Policy => "Policy",
            Self::Principal => "Principal",
            Self::Instance => "Instance",
        }
    }
}
