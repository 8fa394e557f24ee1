//! A call as an event.

use awsim_core::{AwsError, RequestContext};
use serde_json::{Map, Value, json};

use super::{CloudTrail, Event, now};
use crate::sandbox::{
    principal::Identity,
    value::{set, text},
};

/// What is known of a call before it is answered.
pub(in crate::sandbox) struct Noted {
    event: Event,
    whole: Value,
    /// The account whose role was assumed, which notes that too.
    other: Option<String>,
}

/// Parameters that name a resource, and its type.
const NAMES: [(&str, &str, &str); 12] = [
    ("secretsmanager", "SecretId", "AWS::SecretsManager::Secret"),
    ("secretsmanager", "Name", "AWS::SecretsManager::Secret"),
    ("s3", "Bucket", "AWS::S3::Bucket"),
    ("route53", "HostedZoneId", "AWS::Route53::HostedZone"),
    ("route53", "Id", "AWS::Route53::HostedZone"),
    ("sts", "RoleArn", "AWS::IAM::Role"),
    ("iam", "RoleName", "AWS::IAM::Role"),
    ("iam", "UserName", "AWS::IAM::User"),
    ("iam", "PolicyArn", "AWS::IAM::Policy"),
    ("logs", "logGroupName", "AWS::Logs::LogGroup"),
    ("ec2", "GroupId", "AWS::EC2::SecurityGroup"),
    ("cloudcontrolapi", "Identifier", ""),
];

/// What no event shows of a request.
const HIDDEN: [&str; 5] = ["SecretString", "SecretBinary", "Password", "Policy", "ChangeBatch"];

impl Noted {
    /// A call, unless it reads or writes objects: those are data events, which LookupEvents doesn't have.
    pub(in crate::sandbox) fn new(
        operation: &str,
        input: &Value,
        context: &RequestContext,
        who: &Identity,
        agent: &str,
    ) -> Option<Self> {
        let service = context.service.as_str();
        if service == "s3" && (operation.contains("Object") || operation.contains("Part")) {
            return None;
        }
        let global = matches!(service, "iam" | "organizations" | "route53");
        let region = if global {
            crate::sandbox::REGION
        } else {
            context.region.as_str()
        };
        let key = context.access_key.clone().unwrap_or_default();
        let event = Event {
            id: uuid::Uuid::new_v4().to_string(),
            time: now(),
            region: region.to_owned(),
            name: operation.to_owned(),
            source: format!("{service}.amazonaws.com"),
            read_only: reads(operation),
            user: user(who),
            resources: resources(service, input),
            access_key: key,
            whole: String::new(),
        };
        let whole = json!({
            "eventVersion": "1.11",
            "userIdentity": identity(who, &event.access_key),
            "eventTime": time(event.time),
            "eventSource": event.source,
            "eventName": event.name,
            "awsRegion": event.region,
            "sourceIPAddress": "127.0.0.1",
            "userAgent": agent,
            "requestParameters": parameters(input),
            "responseElements": null,
            "requestID": context.request_id,
            "eventID": event.id,
            "readOnly": event.read_only,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": who.account,
            "eventCategory": "Management",
        });
        let role = text(input, "RoleArn").filter(|_| operation == "AssumeRole");
        let other = role.and_then(|arn| arn.split(':').nth(4));
        let other = other.filter(|id| *id != who.account && crate::sandbox::account_exists(id));
        Some(Self {
            other: other.map(str::to_owned),
            event,
            whole,
        })
    }

    /// Notes it, with the error that it ended in.
    pub(in crate::sandbox) fn end(mut self, trail: &CloudTrail, error: Option<&AwsError>) {
        if let Some(error) = error {
            set(&mut self.whole, "errorCode", error.code.as_str());
            set(&mut self.whole, "errorMessage", error.message.as_str());
        }
        let account = text(&self.whole, "recipientAccountId").unwrap_or_default().to_owned();
        let mut noted = |account: &str, id: String| {
            set(&mut self.whole, "eventID", id.as_str());
            set(&mut self.whole, "recipientAccountId", account);
            let mut event = self.event.clone();
            (event.id, event.whole) = (id, self.whole.to_string());
            trail.note(account, event);
        };
        noted(&account, self.event.id.clone());
        if let Some(other) = self.other.take().filter(|_| error.is_none()) {
            noted(&other, uuid::Uuid::new_v4().to_string());
        }
    }
}

/// Whether an operation only looks, as CloudTrail judges it.
fn reads(operation: &str) -> bool {
    const BEGINNINGS: [&str; 9] = [
        "Get",
        "List",
        "Describe",
        "Head",
        "Lookup",
        "Filter",
        "StartQuery",
        "AssumeRole",
        "BatchGet",
    ];
    BEGINNINGS.iter().any(|beginning| operation.starts_with(beginning))
}

fn user(who: &Identity) -> String {
    who.arn.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
}

fn identity(who: &Identity, key: &str) -> Value {
    let mut identity = json!({
        "type": "AssumedRole", "principalId": who.user_id, "arn": who.arn, "accountId": who.account, "accessKeyId": key,
    });
    match &who.session {
        Some(session) => {
            let role = session.role_arn.rsplit('/').next().unwrap_or_default();
            let mut context = json!({
                "sessionIssuer": {
                    "type": "Role", "principalId": who.user_id.split(':').next(), "arn": session.role_arn,
                    "accountId": who.account, "userName": role,
                },
                "attributes": { "mfaAuthenticated": "false" },
            });
            if let Some(source) = &session.source_identity {
                set(&mut context, "sourceIdentity", source.as_str());
            }
            set(&mut identity, "sessionContext", context);
        }
        None if who.root => set(&mut identity, "type", "Root"),
        None => {
            set(&mut identity, "type", "IAMUser");
            set(&mut identity, "userName", user(who));
        }
    }
    identity
}

fn resources(service: &str, input: &Value) -> Vec<(String, String)> {
    let of = NAMES.iter().filter(|(of, ..)| *of == service);
    of.filter_map(|(_, parameter, kind)| {
        let name = text(input, parameter)?.to_owned();
        let kind = if kind.is_empty() {
            text(input, "TypeName")?
        } else {
            kind
        };
        Some((kind.to_owned(), name))
    })
    .collect()
}

/// The parameters, named as CloudTrail names them, without secrets and without what is large.
fn parameters(input: &Value) -> Value {
    let Some(fields) = input.as_object().filter(|fields| !fields.is_empty()) else {
        return Value::Null;
    };
    let shown: Map<String, Value> = fields
        .iter()
        .filter(|(name, value)| !HIDDEN.contains(&name.as_str()) && (value.as_str().is_none_or(|v| v.len() < 512)))
        .map(|(name, value)| {
            let mut letters = name.chars();
            let first = letters.next().map(|c| c.to_ascii_lowercase());
            (first.into_iter().chain(letters).collect(), value.clone())
        })
        .collect();
    Value::Object(shown)
}

pub(in crate::sandbox) fn time(seconds: i64) -> String {
    let time = aws_smithy_types::DateTime::from_secs(seconds);
    time.fmt(aws_smithy_types::date_time::Format::DateTime)
        .unwrap_or_default()
}
