//! The tools of the services with the most: arguments, and statements of the policy.

use serde_json::{Value, json};

use super::BUCKET;

/// What AssumeRole is asked for, for each tool: arguments, statements of the policy.
pub(super) fn declared(zone: &str) -> Vec<(&'static str, Value, Value)> {
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
            "route53:GetHealthCheckStatus",
            "route53:ListHealthChecks",
            "route53:ListHostedZones",
            "route53:ListHostedZonesByName",
            "route53:ListResourceRecordSets",
            "route53:TestDNSAnswer"
        ]),
        json!("*")
    )]);
    let s3_reads = json!([
        allow(
            json!([
                "s3:GetBucketAcl",
                "s3:GetBucketLogging",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPolicyStatus",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketVersioning",
                "s3:GetEncryptionConfiguration",
                "s3:GetLifecycleConfiguration",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:ListAllMyBuckets",
                "s3:ListBucket",
                "s3:ListBucketVersions"
            ]),
            json!("*")
        ),
        keys("s3", json!("kms:Decrypt")),
    ]);
    let secret_reads = json!([allow(
        json!([
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetResourcePolicy",
            "secretsmanager:ListSecretVersionIds",
            "secretsmanager:ListSecrets"
        ]),
        json!("*")
    )]);
    let id = json!({ "secret_id": "lp/new" });
    let of_id = |name: &str, value: Value| {
        let mut arguments = id.clone();
        arguments[name] = value;
        arguments
    };
    let function = "arn:aws:lambda:us-east-1:444444444444:function:";
    let policy = json!({ "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    }]});
    let s3_keys = keys("s3", json!(["kms:GenerateDataKey", "kms:Decrypt"]));
    let bucket = format!("arn:aws:s3:::{BUCKET}");
    let copy = json!({ "source_bucket": BUCKET, "source_key": "flags.json", "bucket": BUCKET, "key": "lp/new" });
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
        ("list_secrets", json!({}), secret_reads.clone()),
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
        ("describe_secret", id.clone(), secret_reads.clone()),
        ("list_secret_version_ids", id.clone(), secret_reads.clone()),
        ("get_secret_policy", id.clone(), secret_reads),
        (
            "rotate_secret",
            of_id("rotation_lambda_arn", json!(format!("{function}acme-rotate"))),
            json!([
                allow(json!("secretsmanager:RotateSecret"), secret.clone()),
                allow(json!("lambda:InvokeFunction"), json!(format!("{function}acme-rotate"))),
            ]),
        ),
        (
            "tag_secret",
            of_id("tags", json!({ "team": "sre" })),
            json!([allow(
                json!(["secretsmanager:TagResource", "secretsmanager:UntagResource"]),
                secret.clone()
            )]),
        ),
        (
            "put_secret_policy",
            of_id("policy", policy),
            json!([allow(
                json!(["secretsmanager:PutResourcePolicy", "secretsmanager:GetResourcePolicy"]),
                secret.clone()
            )]),
        ),
        (
            "delete_secret",
            id.clone(),
            json!([allow(json!("secretsmanager:DeleteSecret"), secret.clone())]),
        ),
        (
            "restore_secret",
            id,
            json!([allow(json!("secretsmanager:RestoreSecret"), secret)]),
        ),
        ("list_hosted_zones", json!({}), zone_reads.clone()),
        (
            "list_resource_record_sets",
            json!({ "hosted_zone_id": zone }),
            zone_reads.clone(),
        ),
        ("get_change", json!({ "id": "C0123456789" }), zone_reads.clone()),
        ("list_health_checks", json!({}), zone_reads.clone()),
        (
            "test_dns_answer",
            json!({ "hosted_zone_id": zone, "record_name": "dev.acme.example", "record_type": "A" }),
            zone_reads,
        ),
        (
            "create_hosted_zone",
            json!({ "name": "lp.example" }),
            json!([allow(
                json!(["route53:CreateHostedZone", "ec2:DescribeVpcs"]),
                json!("*")
            )]),
        ),
        // It has records, so it stays.
        (
            "delete_hosted_zone",
            json!({ "hosted_zone_id": zone }),
            json!([allow(
                json!(["route53:DeleteHostedZone", "route53:ListResourceRecordSets"]),
                json!(format!("arn:aws:route53:::hostedzone/{zone}"))
            )]),
        ),
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
        ("list_object_versions", json!({ "bucket": BUCKET }), s3_reads.clone()),
        ("get_bucket_posture", json!({ "bucket": BUCKET }), s3_reads.clone()),
        (
            "create_bucket",
            json!({ "bucket": "acme-lp-new" }),
            json!([allow(
                json!([
                    "s3:ListBucket",
                    "s3:CreateBucket",
                    "s3:PutBucketOwnershipControls",
                    "s3:PutBucketPublicAccessBlock",
                    "s3:PutEncryptionConfiguration",
                    "s3:PutBucketVersioning"
                ]),
                json!("arn:aws:s3:::acme-lp-new")
            )]),
        ),
        (
            "put_object",
            with("body", json!("x")),
            json!([allow(json!("s3:PutObject"), in_bucket.clone()), s3_keys]),
        ),
        (
            "copy_object",
            copy,
            json!([
                allow(json!(["s3:PutObject", "s3:PutObjectTagging"]), json!(in_bucket)),
                allow(
                    json!([
                        "s3:GetObject",
                        "s3:GetObjectVersion",
                        "s3:GetObjectTagging",
                        "s3:GetObjectVersionTagging",
                        "s3:ListBucket"
                    ]),
                    json!([bucket, format!("{bucket}/flags.json")])
                ),
                s3_keys,
            ]),
        ),
        (
            "presign_put_object",
            at.clone(),
            json!([
                allow(json!(["s3:PutObject", "s3:ListBucket"]), json!([bucket, in_bucket])),
                s3_keys,
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
        (
            "lookup_events",
            json!({}),
            json!([allow(json!("cloudtrail:LookupEvents"), json!("*"))]),
        ),
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
