//! Types of resources as Cloud Control and CloudFormation name them, `AWS::RDS::DBInstance`, and which IAM actions work on them.

use std::fmt;

use crate::config::value::nearest;

/// Namespaces whose IAM prefix is not their name in lower case. Source: the Service Authorization Reference beside CloudFormation's
/// resource types.
const PREFIXES: [(&str, &str); 52] = [
    ("ACMPCA", "acm-pca"),
    ("AccessAnalyzer", "access-analyzer"),
    ("AmazonMQ", "mq"),
    ("ApiGatewayV2", "apigateway"),
    ("ApplicationAutoScaling", "application-autoscaling"),
    ("AutoScalingPlans", "autoscaling-plans"),
    ("BackupGateway", "backup-gateway"),
    ("BedrockAgentCore", "bedrock-agentcore"),
    ("CertificateManager", "acm"),
    ("CodeGuruProfiler", "codeguru-profiler"),
    ("CodeGuruReviewer", "codeguru-reviewer"),
    ("CodeStarConnections", "codestar-connections"),
    ("CodeStarNotifications", "codestar-notifications"),
    ("DevOpsGuru", "devops-guru"),
    ("DirectoryService", "ds"),
    ("DocDB", "rds"),
    ("EFS", "elasticfilesystem"),
    ("EMR", "elasticmapreduce"),
    ("EMRContainers", "emr-containers"),
    ("EMRServerless", "emr-serverless"),
    ("ElasticLoadBalancingV2", "elasticloadbalancing"),
    ("Elasticsearch", "es"),
    ("EventSchemas", "schemas"),
    ("InspectorV2", "inspector2"),
    ("KinesisAnalytics", "kinesisanalytics"),
    ("KinesisAnalyticsV2", "kinesisanalytics"),
    ("KinesisFirehose", "firehose"),
    ("Location", "geo"),
    ("MSK", "kafka"),
    ("Neptune", "rds"),
    ("NeptuneGraph", "neptune-graph"),
    ("NetworkFirewall", "network-firewall"),
    ("OpenSearchServerless", "aoss"),
    ("OpenSearchService", "es"),
    ("PCAConnectorAD", "pca-connector-ad"),
    ("RedshiftServerless", "redshift-serverless"),
    ("ResourceExplorer2", "resource-explorer-2"),
    ("ResourceGroups", "resource-groups"),
    ("Route53RecoveryControl", "route53-recovery-control-config"),
    ("Route53RecoveryReadiness", "route53-recovery-readiness"),
    ("S3ObjectLambda", "s3-object-lambda"),
    ("S3Outposts", "s3-outposts"),
    ("SSMContacts", "ssm-contacts"),
    ("SSMIncidents", "ssm-incidents"),
    ("SSMQuickSetup", "ssm-quicksetup"),
    ("SecurityLake", "securitylake"),
    ("ServiceCatalogAppRegistry", "servicecatalog"),
    ("StepFunctions", "states"),
    ("SupportApp", "supportapp"),
    ("VoiceID", "voiceid"),
    ("VpcLattice", "vpc-lattice"),
    ("WAFRegional", "waf-regional"),
];

/// Namespaces whose every action would be too much: whoever may do all of them may make everybody anything.
const GUARDED: [&str; 6] = ["account", "iam", "identitystore", "organizations", "sso", "sts"];

/// The types there whose own name their actions have in theirs. Of any other name a pattern could fit everything, as `*e*` does.
const GUARDED_KINDS: [&str; 19] = [
    "AccessKey",
    "Account",
    "Application",
    "ApplicationAssignment",
    "Assignment",
    "Group",
    "GroupMembership",
    "GroupPolicy",
    "InstanceAccessControlAttributeConfiguration",
    "InstanceProfile",
    "Organization",
    "OrganizationalUnit",
    "PermissionSet",
    "Role",
    "RolePolicy",
    "SAMLProvider",
    "ServerCertificate",
    "User",
    "UserPolicy",
];

/// What people ask for most, to be offered where a name is wrong.
const COMMON: [&str; 62] = [
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::Backup::BackupVault",
    "AWS::CertificateManager::Certificate",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFront::Distribution",
    "AWS::CloudTrail::Trail",
    "AWS::CloudWatch::Alarm",
    "AWS::CodeBuild::Project",
    "AWS::CodePipeline::Pipeline",
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::EIP",
    "AWS::EC2::Instance",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::NatGateway",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::EC2::Volume",
    "AWS::ECR::Repository",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::EFS::FileSystem",
    "AWS::EKS::Addon",
    "AWS::EKS::Cluster",
    "AWS::EKS::FargateProfile",
    "AWS::EKS::Nodegroup",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::IAM::User",
    "AWS::KMS::Key",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::MSK::Cluster",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBSubnetGroup",
    "AWS::Redshift::Cluster",
    "AWS::Route53::HostedZone",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SSM::Parameter",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
    "AWS::WAFv2::WebACL",
];

/// A type's name, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceType<'a> {
    vendor: &'a str,
    namespace: &'a str,
    kind: &'a str,
    module: bool,
}

impl<'a> ResourceType<'a> {
    /// Reads `Vendor::Service::Type`.
    ///
    /// # Errors
    /// Another form, and which type was meant if that can be guessed.
    pub fn parse(name: &'a str) -> Result<Self, String> {
        let parts: Vec<&str> = name.split("::").collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        match parts.as_slice() {
            [vendor, namespace, kind, rest @ ..]
                if parts.iter().all(word) && matches!(rest, [] | ["MODULE"]) && name.len() <= 196 =>
            {
                Ok(Self {
                    vendor,
                    namespace,
                    kind,
                    module: !rest.is_empty(),
                })
            }
            _ => Err(format!(
                "`{name}` is no type of resource: they are written Vendor::Service::Type, such as AWS::RDS::DBInstance{}",
                did_you_mean(name)
            )),
        }
    }

    /// The IAM actions of the type's own service; none for types that are not AWS's, whose own role works for them. Of what would give
    /// power over everything only the actions that name the type, such as `iam:*User*` for a user, and none for a type unknown there.
    pub fn actions(self) -> Option<String> {
        if self.vendor != "AWS" || self.module {
            return None;
        }
        let listed = PREFIXES.iter().find(|(namespace, _)| *namespace == self.namespace);
        let prefix = match (listed, self.namespace) {
            (Some((_, prefix)), _) => (*prefix).to_owned(),
            (None, "Cognito") if self.kind.starts_with("IdentityPool") => "cognito-identity".to_owned(),
            (None, "Cognito") => "cognito-idp".to_owned(),
            (None, namespace) => namespace.to_ascii_lowercase(),
        };
        if !GUARDED.contains(&prefix.as_str()) {
            return Some(format!("{prefix}:*"));
        }
        let part = match self.kind {
            "ManagedPolicy" | "Policy" | "ResourcePolicy" => "Polic",
            "OIDCProvider" => "OpenIDConnectProvider",
            kind => GUARDED_KINDS.iter().find(|known| **known == kind)?,
        };
        Some(format!("{prefix}:*{part}*"))
    }
}

impl fmt::Display for ResourceType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}::{}", self.vendor, self.namespace, self.kind)
    }
}

/// `; did you mean AWS::RDS::DBInstance?` for a name that resembles a common one, or nothing.
pub fn did_you_mean(name: &str) -> String {
    let bare = |text: &str| -> String {
        let text = text.to_ascii_lowercase();
        let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        letters.trim_start_matches("aws").trim_end_matches('s').to_owned()
    };
    let wanted = bare(name);
    let bared: Vec<(String, &str)> = COMMON.iter().map(|common| (bare(common), *common)).collect();
    // `rds instance` or `DBInstance` is less than the whole name, but may be all that was said.
    let last = |common: &str| common.rsplit("::").next().map(bare);
    let found = bared
        .iter()
        .find(|(bare, common)| *bare == wanted || last(common).is_some_and(|kind| kind == wanted))
        .map(|(_, common)| *common)
        .or_else(|| {
            let near = nearest(&wanted, bared.iter().map(|(bare, _)| bare.as_str()))?;
            bared.iter().find(|(bare, _)| bare == near).map(|(_, common)| *common)
        });
    found
        .filter(|common| *common != name)
        .map_or_else(String::new, |common| format!("; did you mean {common}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_tells_the_actions_of_its_service() {
        for (name, expected) in [
            ("AWS::RDS::DBInstance", Some("rds:*")),
            ("AWS::Logs::LogGroup", Some("logs:*")),
            (
                "AWS::ElasticLoadBalancingV2::LoadBalancer",
                Some("elasticloadbalancing:*"),
            ),
            (
                "AWS::ElasticLoadBalancing::LoadBalancer",
                Some("elasticloadbalancing:*"),
            ),
            ("AWS::CertificateManager::Certificate", Some("acm:*")),
            ("AWS::StepFunctions::StateMachine", Some("states:*")),
            ("AWS::IAM::User", Some("iam:*User*")),
            ("AWS::IAM::ManagedPolicy", Some("iam:*Polic*")),
            ("AWS::Organizations::Account", Some("organizations:*Account*")),
            ("AWS::IAM::OIDCProvider", Some("iam:*OpenIDConnectProvider*")),
            ("AWS::Cognito::UserPool", Some("cognito-idp:*")),
            ("AWS::Cognito::IdentityPool", Some("cognito-identity:*")),
            ("AWS::IAM::e", None),
            ("AWS::Organizations::s", None),
            ("Datadog::Monitors::Monitor", None),
            ("Acme::Web::Site::MODULE", None),
        ] {
            assert_eq!(
                ResourceType::parse(name).unwrap().actions().as_deref(),
                expected,
                "{name}"
            );
        }
        assert!(PREFIXES.is_sorted() && COMMON.is_sorted() && GUARDED_KINDS.is_sorted());
        for name in COMMON {
            ResourceType::parse(name).unwrap();
        }
    }

    #[test]
    fn what_is_no_type_is_told_with_what_was_meant() {
        for (name, meant) in [
            ("rds instance", "AWS::RDS::DBInstance"),
            ("AWS:RDS:DBInstance", "AWS::RDS::DBInstance"),
            ("RDS::DBInstance", "AWS::RDS::DBInstance"),
            ("DBInstance", "AWS::RDS::DBInstance"),
            ("DBInstances", "AWS::RDS::DBInstance"),
            ("aws_lambda_function", "AWS::Lambda::Function"),
            ("AWS::RDS::*", ""),
            ("AWS::RDS::DB Instance", "AWS::RDS::DBInstance"),
            ("", ""),
        ] {
            let said = ResourceType::parse(name).unwrap_err();
            assert!(said.contains("Vendor::Service::Type"), "{said}");
            assert!(
                said.contains(&format!("did you mean {meant}")) != meant.is_empty(),
                "{said}"
            );
        }
        assert_eq!(
            did_you_mean("AWS::RDS::DbInstance"),
            "; did you mean AWS::RDS::DBInstance?"
        );
        assert_eq!(did_you_mean("AWS::RDS::DBInstance"), "");
    }
}
