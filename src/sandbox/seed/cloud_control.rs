//! What Cloud Control lists in each account.

use serde_json::{Value, json};

use super::Inner;
use crate::sandbox::{REGION, Sandbox};

/// What Cloud Control and the services behind it want of the tools' role.
pub(super) fn operate(_account: &str) -> Vec<Value> {
    vec![
        json!({
            "Effect": "Allow",
            "Action": [
                "cloudformation:ListResources", "cloudformation:GetResource", "cloudformation:UpdateResource",
                "cloudformation:GetResourceRequestStatus",
            ],
            "Resource": "*",
        }),
        json!({
            "Effect": "Allow",
            "Action": ["rds:*", "eks:*", "lambda:*", "dynamodb:*", "sqs:*"],
            "Resource": "*",
        }),
    ]
}

pub(super) fn fill(sandbox: &Inner) {
    for account in Sandbox::accounts().iter().filter(|a| !a.central) {
        let (id, environment) = (account.id, account.environment);
        let put = |region: &str, type_name: &str, identifier: &str, model: Value| {
            sandbox.cloud_control.put(id, region, type_name, identifier, model);
        };
        let production = environment == "production";
        for (name, engine, version, status) in databases(environment) {
            let model = database(id, environment, REGION, name, engine, version, status);
            put(REGION, "AWS::RDS::DBInstance", name, model);
        }
        if production {
            let replica = database(
                id,
                environment,
                "eu-west-1",
                "payments-replica",
                "postgres",
                "16.4",
                "available",
            );
            put("eu-west-1", "AWS::RDS::DBInstance", "payments-replica", replica);
        }
        if environment != "development" {
            let name = format!("acme-{environment}");
            put(REGION, "AWS::EKS::Cluster", &name, cluster(id, &name, production));
            for (group, kind, size) in [("general", "m7g.large", 6), ("batch", "c7g.2xlarge", 2)] {
                let identifier = format!("{name}|{group}");
                put(
                    REGION,
                    "AWS::EKS::Nodegroup",
                    &identifier,
                    nodegroup(id, &name, group, kind, size),
                );
            }
        }
        for (name, runtime, memory) in [
            ("checkout-api", "nodejs22.x", 1024),
            ("image-resize", "python3.13", 2048),
            ("ledger-export", "python3.9", 512),
            ("webhook-relay", "provided.al2023", 256),
        ] {
            put(
                REGION,
                "AWS::Lambda::Function",
                name,
                function(id, environment, name, runtime, memory),
            );
        }
        for table in ["carts", "idempotency-keys", "sessions"] {
            put(REGION, "AWS::DynamoDB::Table", table, dynamo(id, table, production));
        }
        for queue in ["payments-events", "payments-events-dlq", "emails"] {
            let url = format!("https://sqs.{REGION}.amazonaws.com/{id}/{queue}");
            put(REGION, "AWS::SQS::Queue", &url, sqs(id, environment, queue, &url));
        }
    }
}

fn databases(environment: &str) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let mut all = vec![
        ("payments-primary", "postgres", "16.4", "available"),
        ("reporting", "mysql", "8.0.39", "available"),
    ];
    match environment {
        "production" => all.extend([
            ("payments-standby", "postgres", "16.4", "available"),
            ("search-index", "postgres", "14.12", "storage-optimization"),
        ]),
        "staging" => all.push(("load-test", "postgres", "16.4", "stopped")),
        _ => {}
    }
    all
}

fn database(
    account: &str,
    environment: &str,
    region: &str,
    name: &str,
    engine: &str,
    version: &str,
    status: &str,
) -> Value {
    let production = environment == "production";
    json!({
        "DBInstanceIdentifier": name,
        "DBInstanceArn": format!("arn:aws:rds:{region}:{account}:db:{name}"),
        "DBInstanceClass": if production { "db.r7g.xlarge" } else { "db.t4g.medium" },
        "DBInstanceStatus": status,
        "Engine": engine,
        "EngineVersion": version,
        "AllocatedStorage": if production { "500" } else { "50" },
        "StorageType": "gp3",
        "StorageEncrypted": true,
        "MultiAZ": production,
        "BackupRetentionPeriod": if production { 14 } else { 1 },
        "DeletionProtection": production,
        "PubliclyAccessible": false,
        "MasterUsername": "acme_admin",
        "Endpoint": { "Address": format!("{name}.c9akciq32{}.{region}.rds.amazonaws.com", environment.len()), "Port": if engine == "mysql" { "3306" } else { "5432" } },
        "Tags": tags(environment, "payments"),
    })
}

fn cluster(account: &str, name: &str, production: bool) -> Value {
    json!({
        "Name": name,
        "Arn": format!("arn:aws:eks:{REGION}:{account}:cluster/{name}"),
        "Version": if production { "1.32" } else { "1.33" },
        "RoleArn": format!("arn:aws:iam::{account}:role/eks-cluster"),
        "Endpoint": format!("https://{:0>32X}.gr7.{REGION}.eks.amazonaws.com", account.len() * 4_711 + name.len()),
        "Logging": { "ClusterLogging": { "EnabledTypes": [{ "Type": "audit" }, { "Type": "api" }] } },
        "ResourcesVpcConfig": { "EndpointPublicAccess": !production, "EndpointPrivateAccess": true },
        "Tags": tags(name.trim_start_matches("acme-"), "platform"),
    })
}

fn nodegroup(account: &str, cluster: &str, name: &str, kind: &str, size: u32) -> Value {
    json!({
        "ClusterName": cluster,
        "NodegroupName": name,
        "Arn": format!("arn:aws:eks:{REGION}:{account}:nodegroup/{cluster}/{name}/2cc1f9a0"),
        "InstanceTypes": [kind],
        "AmiType": "AL2023_ARM_64_STANDARD",
        "ScalingConfig": { "MinSize": size / 2, "DesiredSize": size, "MaxSize": size * 2 },
    })
}

fn function(account: &str, environment: &str, name: &str, runtime: &str, memory: u32) -> Value {
    json!({
        "FunctionName": name,
        "Arn": format!("arn:aws:lambda:{REGION}:{account}:function:{name}"),
        "Runtime": runtime,
        "Handler": "index.handler",
        "MemorySize": memory,
        "Timeout": 30,
        "PackageType": "Zip",
        "Architectures": ["arm64"],
        "Role": format!("arn:aws:iam::{account}:role/lambda-{name}"),
        "Environment": { "Variables": { "STAGE": environment, "LOG_LEVEL": "info" } },
        "Tags": tags(environment, "web"),
    })
}

fn dynamo(account: &str, name: &str, production: bool) -> Value {
    json!({
        "TableName": name,
        "Arn": format!("arn:aws:dynamodb:{REGION}:{account}:table/{name}"),
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "DeletionProtectionEnabled": production,
        "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": production },
    })
}

fn sqs(account: &str, environment: &str, name: &str, url: &str) -> Value {
    let mut queue = json!({
        "QueueName": name,
        "QueueUrl": url,
        "Arn": format!("arn:aws:sqs:{REGION}:{account}:{name}"),
        "DelaySeconds": 0,
        "VisibilityTimeout": 30,
        "MessageRetentionPeriod": 345_600,
        "SqsManagedSseEnabled": true,
        "Tags": tags(environment, "payments"),
    });
    if name == "payments-events" {
        let target = format!("arn:aws:sqs:{REGION}:{account}:{name}-dlq");
        let policy = json!({ "deadLetterTargetArn": target, "maxReceiveCount": 5 });
        crate::sandbox::value::set(&mut queue, "RedrivePolicy", policy);
    }
    queue
}

fn tags(environment: &str, team: &str) -> Value {
    json!([{ "Key": "environment", "Value": environment }, { "Key": "team", "Value": team }])
}
