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
    /// A health check of Route 53. Its ARN has no account.
    HealthCheck,
    /// What an organization consists of: root, units, accounts, policies. Their ARNs have the management account, and AWS's own
    /// policies none.
    Organization,
    /// A bucket. Its ARN has no account.
    Bucket,
    /// An object. Its ARN has no account.
    Object,
}

impl ResourceKind {
    /// What an action works on; `None` for an action that nobody has looked up yet.
    pub fn of(action: &str) -> Option<Self> {
        Some(match action {
            "secretsmanager:ListSecrets" | "route53:ListHostedZones" | "s3:ListAllMyBuckets" => Self::Any,
            "route53:CreateHostedZone"
            | "route53:ListHealthChecks"
            | "route53:ListHostedZonesByName"
            | "route53:TestDNSAnswer"
            | "ec2:DescribeVpcs" => Self::Any,
            "organizations:DescribeOrganization" | "organizations:ListAccounts" | "organizations:ListRoots" => {
                Self::Any
            }
            "organizations:DescribeOrganizationalUnit"
            | "organizations:DescribePolicy"
            | "organizations:ListAccountsForParent"
            | "organizations:ListOrganizationalUnitsForParent"
            | "organizations:ListParents"
            | "organizations:ListPoliciesForTarget" => Self::Organization,
            "secretsmanager:CreateSecret"
            | "secretsmanager:DeleteSecret"
            | "secretsmanager:GetSecretValue"
            | "secretsmanager:TagResource"
            | "secretsmanager:UpdateSecret" => Self::Secret,
            "route53:ChangeResourceRecordSets" | "route53:DeleteHostedZone" | "route53:ListResourceRecordSets" => {
                Self::HostedZone
            }
            "route53:GetChange" => Self::Change,
            "route53:GetHealthCheckStatus" => Self::HealthCheck,
            "s3:ListBucket" => Self::Bucket,
            "s3:DeleteObject" | "s3:DeleteObjectVersion" | "s3:GetObject" | "s3:GetObjectVersion" | "s3:PutObject" => {
                Self::Object
            }
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
            Self::HealthCheck => format!("arn:{partition}:route53:::healthcheck/*"),
            Self::Organization => format!("arn:{partition}:organizations::*:*"),
            Self::Bucket => format!("arn:{partition}:s3:::*"),
            Self::Object => format!("arn:{partition}:s3:::*/*"),
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
            Self::HealthCheck => "HealthCheck",
            Self::Organization => "Organization",
            Self::Bucket => "Bucket",
            Self::Object => "Object",
        }
    }
}
