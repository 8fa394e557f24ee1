//! What STS is asked for, tool by tool.

use aws_ops_mcp::server::Catalogue;
use serde_json::{Value, json};

use super::{BUCKET, here, zone_id};
use crate::support::{
    recorder::Assumed,
    world::{World, registered},
};

const ROLE: &str = "arn:aws:iam::444444444444:role/aws-ops-target";

/// What AssumeRole is asked for, for each tool: arguments, statements of the policy.
fn declared(zone: &str) -> Vec<(&'static str, Value, Value)> {
    let allow = |actions: Value, resource: Value| json!({ "Effect": "Allow", "Action": actions, "Resource": resource });
    let keys = |service: &str, actions: Value| {
        let mut statement = allow(actions, json!("*"));
        statement["Condition"] = json!({ "StringLike": { "kms:ViaService": format!("{service}.*") } });
        statement
    };
    let secret = json!([
        "arn:aws:secretsmanager:us-east-1:444444444444:secret:lp/new",
        "arn:aws:secretsmanager:us-east-1:444444444444:secret:lp/new-??????"
    ]);
    let in_bucket = json!(format!("arn:aws:s3:::{BUCKET}/lp/new"));
    let at = json!({ "bucket": BUCKET, "key": "lp/new" });
    let with = |key: &str, value: Value| {
        let mut object = at.clone();
        object[key] = value;
        object
    };
    let zone_reads = json!([allow(
        json!([
            "route53:GetChange",
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets"
        ]),
        json!("*")
    )]);
    let s3_reads = json!([
        allow(
            json!([
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:ListAllMyBuckets",
                "s3:ListBucket"
            ]),
            json!("*")
        ),
        keys("s3", json!("kms:Decrypt")),
    ]);
    let any = json!([allow(
        json!([
            "cloudformation:GetResource",
            "cloudformation:GetResourceRequestStatus",
            "cloudformation:ListResources"
        ]),
        json!("*")
    )]);
    let queue = "https://sqs.us-east-1.amazonaws.com/444444444444/emails";
    let queue = json!({ "type_name": "AWS::SQS::Queue", "identifier": queue });
    let mut patched = queue.clone();
    patched["patch"] = json!([{ "op": "replace", "path": "/DelaySeconds", "value": 5 }]);
    let record = json!({ "name": "lp.dev.acme.example", "type": "A", "ttl": 60, "resource_records": ["192.0.2.1"] });
    let changes = json!([{ "action": "UPSERT", "resource_record_set": record }]);
    vec![
        (
            "get_caller_identity",
            json!({}),
            json!([allow(json!("sts:GetCallerIdentity"), json!("*"))]),
        ),
        (
            "list_secrets",
            json!({}),
            json!([allow(json!("secretsmanager:ListSecrets"), json!("*"))]),
        ),
        (
            "create_secret",
            json!({ "name": "lp/new", "secret_string": "x" }),
            json!([
                allow(
                    json!(["secretsmanager:CreateSecret", "secretsmanager:TagResource"]),
                    secret.clone()
                ),
                keys("secretsmanager", json!(["kms:GenerateDataKey", "kms:Decrypt"])),
            ]),
        ),
        (
            "get_secret_value",
            json!({ "secret_id": "lp/new" }),
            json!([
                allow(json!("secretsmanager:GetSecretValue"), json!("*")),
                keys("secretsmanager", json!("kms:Decrypt")),
            ]),
        ),
        (
            "update_secret",
            json!({ "secret_id": "lp/new", "secret_string": "y" }),
            json!([
                allow(json!("secretsmanager:UpdateSecret"), secret.clone()),
                keys(
                    "secretsmanager",
                    json!(["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"])
                ),
            ]),
        ),
        (
            "delete_secret",
            json!({ "secret_id": "lp/new" }),
            json!([allow(json!("secretsmanager:DeleteSecret"), secret)]),
        ),
        ("list_hosted_zones", json!({}), zone_reads.clone()),
        (
            "list_resource_record_sets",
            json!({ "hosted_zone_id": zone }),
            zone_reads.clone(),
        ),
        ("get_change", json!({ "id": "C0123456789" }), zone_reads),
        (
            "change_resource_record_sets",
            json!({ "hosted_zone_id": zone, "changes": changes }),
            json!([allow(
                json!(["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"]),
                json!(format!("arn:aws:route53:::hostedzone/{zone}"))
            )]),
        ),
        ("list_buckets", json!({}), s3_reads.clone()),
        ("list_objects", json!({ "bucket": BUCKET }), s3_reads.clone()),
        (
            "put_object",
            with("body", json!("x")),
            json!([
                allow(json!("s3:PutObject"), in_bucket.clone()),
                keys("s3", json!(["kms:GenerateDataKey", "kms:Decrypt"])),
            ]),
        ),
        ("head_object", at.clone(), s3_reads.clone()),
        ("get_object", at.clone(), s3_reads),
        (
            "delete_object",
            at,
            json!([allow(json!(["s3:DeleteObject", "s3:DeleteObjectVersion"]), in_bucket)]),
        ),
        ("list_resources", json!({ "type_name": "AWS::SQS::Queue" }), any.clone()),
        ("get_resource", queue, any.clone()),
        ("get_resource_request_status", json!({ "request_token": "none" }), any),
        (
            "update_resource",
            patched,
            json!([
                allow(
                    json!([
                        "cloudformation:GetResource",
                        "cloudformation:GetResourceRequestStatus",
                        "cloudformation:UpdateResource"
                    ]),
                    json!("*")
                ),
                allow(json!("sqs:*"), json!("*")),
            ]),
        ),
    ]
}

fn iam() -> Vec<(&'static str, Value, Value)> {
    let actions = json!([
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedRolePolicies",
        "iam:ListPolicies",
        "iam:ListPolicyVersions",
        "iam:ListRolePolicies",
        "iam:ListUsers",
        "iam:SimulatePrincipalPolicy"
    ]);
    let reads = json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
    let simulation = json!({ "policy_source_arn": ROLE, "action_names": ["s3:GetObject"] });
    let calls = [
        ("list_roles", json!({})),
        ("get_role", json!({ "role_name": "aws-ops-target" })),
        ("get_policy", json!({ "policy": "ReadOnlyAccess" })),
        ("list_access_keys", json!({})),
        ("simulate_principal_policy", simulation),
    ];
    calls.map(|(tool, arguments)| (tool, arguments, reads.clone())).to_vec()
}

/// Empty without the feature, as is the toolset.
fn ec2() -> Vec<(&'static str, Value, Value)> {
    if cfg!(not(feature = "ec2")) {
        return Vec::new();
    }
    let allow = |action: Value, resource: Value| json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    let actions = json!([
        "ec2:DescribeInstances",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeVolumes",
        "ec2:GetConsoleOutput"
    ]);
    let reads = json!([allow(actions, json!("*"))]);
    let id = "i-0a400000000000001";
    let on = |action: &str| {
        let arn = format!("arn:aws:ec2:us-east-1:444444444444:instance/{id}");
        allow(json!(action), json!(arn))
    };
    let grant = json!({
        "Effect": "Allow", "Action": "kms:CreateGrant", "Resource": "*",
        "Condition": { "StringLike": { "kms:ViaService": "ec2.*" } },
    });
    let ids = json!({ "instance_ids": [id] });
    vec![
        ("describe_instances", json!({}), reads.clone()),
        ("describe_security_groups", json!({}), reads.clone()),
        ("describe_volumes", json!({}), reads.clone()),
        ("get_console_output", json!({ "instance_id": id }), reads),
        ("reboot_instances", ids.clone(), json!([on("ec2:RebootInstances")])),
        ("stop_instances", ids.clone(), json!([on("ec2:StopInstances")])),
        ("start_instances", ids, json!([on("ec2:StartInstances"), grant])),
    ]
}

/// The registry, with an external id for development.
fn with_external_id() -> String {
    let mut accounts = registered();
    let entries = accounts.as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|a| a["name"] == json!("development")).unwrap();
    entry["external_id"] = json!("acme-7");
    accounts.to_string()
}

#[tokio::test]
async fn sts_is_asked_for_exactly_what_each_tool_declares() {
    let registry = with_external_id();
    let flags = ["--account-registry", &registry];
    let Some((world, recorder)) = World::recorded(&flags).await else {
        return;
    };
    let declared = [declared(&zone_id(&world).await), iam(), ec2()].concat();
    let mut tools: Vec<&str> = declared.iter().map(|(tool, ..)| *tool).collect();
    let catalogue = Catalogue::new(true).unwrap();
    let mut known: Vec<&str> = catalogue
        .entries()
        .filter(|e| e.declaration.targeted)
        .map(|e| &*e.tool.name)
        .collect();
    tools.sort_unstable();
    known.sort_unstable();
    assert_eq!(tools, known, "every tool is looked at here");

    for (tool, arguments, statements) in declared {
        // A read may find the session that another tool of its toolset has asked for.
        let before = recorder.assumed().len();
        let body = world.call(tool, here(arguments.clone())).await;
        let succeeds = !["get_change", "get_resource_request_status"].contains(&tool);
        assert_eq!(body["success"], json!(succeeds), "{tool}: {body}");
        let write = catalogue
            .get(tool)
            .unwrap()
            .tool
            .annotations
            .as_ref()
            .unwrap()
            .read_only_hint
            == Some(false)
            && tool != "get_secret_value";
        let asked = if recorder.assumed().len() > before {
            recorder.last()
        } else {
            assert!(!write, "{tool} has a session of its own");
            let same = |a: &&Assumed| a.statements() == statements;
            let assumed = recorder.assumed();
            assumed
                .iter()
                .find(same)
                .unwrap_or_else(|| panic!("{tool}: {assumed:?}"))
                .clone()
        };
        assert_eq!(asked.statements(), statements, "{tool}");
        assert!(asked.get("Policy").len() <= 2048, "{tool}");
        let mut form = asked.form.clone();
        for known in ["Action", "Version", "Policy"] {
            form.remove(known);
        }
        let mut expected = vec![
            ("RoleArn", ROLE),
            ("RoleSessionName", "aws-ops-alice"),
            ("SourceIdentity", "alice"),
            ("ExternalId", "acme-7"),
            ("DurationSeconds", if write { "900" } else { "3600" }),
            ("Tags.member.1.Key", "caller"),
            ("Tags.member.1.Value", "alice"),
        ];
        if write {
            expected.extend([("Tags.member.2.Key", "tool"), ("Tags.member.2.Value", tool)]);
        }
        if catalogue.get(tool).unwrap().declaration.broadly {
            expected.push(("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"));
        }
        let expected = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        assert_eq!(form, expected, "{tool}");
    }
}
