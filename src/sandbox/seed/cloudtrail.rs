//! What was done in the accounts before anybody looked.

use serde_json::{Value, json};

use super::Inner;
use crate::sandbox::{
    REGION, Sandbox,
    cloudtrail::{Event, now, time},
    value::set,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const BROWSER: &str =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36";

/// What looks events up.
pub(super) fn operate(_account: &str) -> Vec<Value> {
    vec![json!({ "Effect": "Allow", "Action": ["cloudtrail:LookupEvents"], "Resource": "*" })]
}

/// Somebody, as events tell of them.
struct Who {
    session: &'static str,
    role: &'static str,
    address: &'static str,
    agent: &'static str,
}

const MARIA: Who = Who {
    session: "maria@acme.example",
    role: "aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_4f1c8e9b2d7a6035",
    address: "203.0.113.24",
    agent: BROWSER,
};
const PIPELINE: Who = Who {
    session: "github-actions-4711",
    role: "deploy-pipeline",
    address: "198.51.100.7",
    agent: "aws-cli/2.31.2 md/prompt#off exec-env/GitHubActions command/lambda.update-function-code",
};
const TOM: Who = Who {
    session: "tom@acme.example",
    role: "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Developer_90ab12cd34ef5678",
    address: "203.0.113.77",
    agent: BROWSER,
};
const MONITORING: Who = Who {
    session: "datadog",
    role: "monitoring",
    address: "192.0.2.40",
    agent: "Boto3/1.40.61 md/Botocore#1.40.61",
};

/// One thing that was done.
struct Deed {
    ago: i64,
    who: &'static Who,
    service: &'static str,
    name: &'static str,
    resource: (&'static str, String),
    parameters: Value,
    error: Option<(&'static str, &'static str)>,
}

fn deed(ago: i64, who: &'static Who, service: &'static str, name: &'static str, kind: &'static str, id: &str) -> Deed {
    Deed {
        ago,
        who,
        service,
        name,
        resource: (kind, id.to_owned()),
        parameters: json!({}),
        error: None,
    }
}

fn production() -> Vec<Deed> {
    let group = "sg-0a1b2c3d4e5f60718";
    let open = json!({ "groupId": group, "ipPermissions": { "items": [{
        "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432, "ipRanges": { "items": [{ "cidrIp": "203.0.113.24/32" }] } }] } });
    let user = json!({ "userName": "ci-legacy", "password": "a-password-that-no-answer-shows" });
    let denied = "User: arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_Developer_90ab12cd34ef5678/tom@acme.example is not authorized to perform: rds:DeleteDBInstance on resource: arn:aws:rds:us-east-1:222222222222:db:search-index because no identity-based policy allows the rds:DeleteDBInstance action";
    vec![
        Deed {
            parameters: open,
            ..deed(
                12 * MINUTE,
                &MARIA,
                "ec2",
                "AuthorizeSecurityGroupIngress",
                "AWS::EC2::SecurityGroup",
                group,
            )
        },
        deed(9 * MINUTE, &MONITORING, "ec2", "DescribeInstances", "", ""),
        Deed {
            parameters: json!({ "secretId": "payments/stripe/api-key" }),
            ..deed(
                31 * MINUTE,
                &MARIA,
                "secretsmanager",
                "UpdateSecret",
                "AWS::SecretsManager::Secret",
                "payments/stripe/api-key",
            )
        },
        Deed {
            parameters: json!({ "functionName": "checkout-api", "publish": true, "dryRun": false }),
            ..deed(
                44 * MINUTE,
                &PIPELINE,
                "lambda",
                "UpdateFunctionCode20150331v2",
                "AWS::Lambda::Function",
                "checkout-api",
            )
        },
        Deed {
            error: Some(("AccessDenied", denied)),
            ..deed(
                52 * MINUTE,
                &TOM,
                "rds",
                "DeleteDBInstance",
                "AWS::RDS::DBInstance",
                "search-index",
            )
        },
        deed(2 * HOUR, &MARIA, "signin", "ConsoleLogin", "", ""),
        deed(
            5 * HOUR,
            &MARIA,
            "rds",
            "ModifyDBInstance",
            "AWS::RDS::DBInstance",
            "search-index",
        ),
        Deed {
            parameters: user,
            ..deed(
                26 * HOUR,
                &MARIA,
                "iam",
                "CreateLoginProfile",
                "AWS::IAM::User",
                "ci-legacy",
            )
        },
        deed(
            73 * HOUR,
            &PIPELINE,
            "lambda",
            "UpdateFunctionConfiguration20150331v2",
            "AWS::Lambda::Function",
            "ledger-export",
        ),
    ]
}

pub(super) fn fill(sandbox: &Inner) {
    for account in Sandbox::accounts().iter().filter(|a| !a.central) {
        let deeds = match account.environment {
            "production" => production(),
            "staging" => vec![
                deed(
                    18 * MINUTE,
                    &PIPELINE,
                    "lambda",
                    "UpdateFunctionCode20150331v2",
                    "AWS::Lambda::Function",
                    "checkout-api",
                ),
                deed(
                    3 * HOUR,
                    &TOM,
                    "rds",
                    "StopDBInstance",
                    "AWS::RDS::DBInstance",
                    "load-test",
                ),
            ],
            _ => vec![
                deed(
                    7 * MINUTE,
                    &TOM,
                    "lambda",
                    "CreateFunction20150331",
                    "AWS::Lambda::Function",
                    "webhook-relay",
                ),
                deed(
                    35 * MINUTE,
                    &TOM,
                    "sqs",
                    "SetQueueAttributes",
                    "AWS::SQS::Queue",
                    "emails",
                ),
            ],
        };
        for (number, deed) in (1..).zip(deeds) {
            sandbox.cloudtrail.note(account.id, event(account.id, number, &deed));
        }
    }
}

fn event(account: &str, number: u32, deed: &Deed) -> Event {
    let Deed { who, resource, .. } = deed;
    let role = who.role.rsplit('/').next().unwrap_or_default();
    let time_of = now() - deed.ago;
    let id = format!(
        "5eed0000-0000-4000-8000-{number:06}{}",
        account.get(..6).unwrap_or_default()
    );
    let key = format!("ASIASEED{}", account);
    let read_only = deed.name.starts_with("Describe");
    let resources: Vec<(String, String)> = match resource {
        ("", _) => Vec::new(),
        (kind, name) => vec![((*kind).to_owned(), name.clone())],
    };
    let issuer = json!({
        "type": "Role", "principalId": "AROASEEDSEEDSEEDSEEDA", "accountId": account, "userName": role,
        "arn": format!("arn:aws:iam::{account}:role/{}", who.role),
    });
    let mut whole = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("AROASEEDSEEDSEEDSEEDA:{}", who.session),
            "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{}", who.session),
            "accountId": account,
            "accessKeyId": key,
            "sessionContext": { "sessionIssuer": issuer, "attributes": { "creationDate": time(time_of - 600), "mfaAuthenticated": "false" } },
        },
        "eventTime": time(time_of),
        "eventSource": format!("{}.amazonaws.com", deed.service),
        "eventName": deed.name,
        "awsRegion": REGION,
        "sourceIPAddress": who.address,
        "userAgent": who.agent,
        "requestParameters": deed.parameters,
        "responseElements": null,
        "requestID": id,
        "eventID": id,
        "readOnly": read_only,
        "eventType": if deed.service == "signin" { "AwsConsoleSignIn" } else { "AwsApiCall" },
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    if let Some((code, message)) = deed.error {
        set(&mut whole, "errorCode", code);
        set(&mut whole, "errorMessage", message);
    }
    Event {
        time: time_of,
        region: REGION.to_owned(),
        name: deed.name.to_owned(),
        source: format!("{}.amazonaws.com", deed.service),
        read_only,
        access_key: key,
        user: who.session.to_owned(),
        resources,
        whole: whole.to_string(),
        id,
    }
}
