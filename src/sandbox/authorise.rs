//! Whether a policy lets somebody do something, and the sentence with which AWS refuses.
//!
//! The emulator enforces some services, some of their operations and no boundary between accounts. Here every
//! request of every service is judged alike, and an operation whose action nobody declared is refused.

use std::{collections::HashMap, time::SystemTime};

use awsim_core::AwsError;
use awsim_iam_policy::{
    AuthzRequest, ContextValue, DecisionReason, EvalContext, PolicyAttributions, PolicyDocument, PolicySource, explain,
};

use super::principal::Identity;

/// The condition keys of a request.
pub(super) type Context = HashMap<String, ContextValue>;

/// One permission that a request needs.
pub(super) struct Check {
    pub(super) action: String,
    pub(super) resource: String,
    /// The account that owns the resource, and the policy that it put there.
    pub(super) owner: Option<String>,
    pub(super) policy: Option<PolicyDocument>,
    /// The resource's policy must allow it too, as always across accounts, and for roles within one.
    pub(super) both: bool,
    pub(super) context: Context,
}

impl Check {
    pub(super) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        let (action, resource) = (action.into(), resource.into());
        Self {
            action,
            resource,
            owner: None,
            policy: None,
            both: false,
            context: Context::new(),
        }
    }

    pub(super) fn owned_by(mut self, account: &str, policy: Option<PolicyDocument>) -> Self {
        (self.owner, self.policy) = (Some(account.to_owned()), policy);
        self
    }

    pub(super) fn agreed_with(self, account: &str, policy: Option<PolicyDocument>) -> Self {
        Self {
            both: true,
            ..self.owned_by(account, policy)
        }
    }

    /// Adds a condition key, unless the request doesn't have it.
    pub(super) fn with(mut self, key: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.context
                .insert(key.to_owned(), ContextValue::String(value.to_owned()));
        }
        self
    }

    pub(super) fn with_list(mut self, key: &str, values: Vec<String>) -> Self {
        self.context.insert(key.to_owned(), ContextValue::StringList(values));
        self
    }

    /// Adds the tags that a request brings, as `aws:RequestTag/…` and `aws:TagKeys`.
    pub(super) fn with_tags(mut self, tags: &serde_json::Value) -> Self {
        let pairs: Vec<_> = tags
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tag| Some((tag.get("Key")?.as_str()?, tag.get("Value")?.as_str()?)))
            .collect();
        for (key, value) in &pairs {
            self = self.with(&format!("aws:RequestTag/{key}"), Some(value));
        }
        if pairs.is_empty() {
            return self;
        }
        self.with_list(
            "aws:TagKeys",
            pairs.into_iter().map(|(key, _)| key.to_owned()).collect(),
        )
    }
}

/// A refusal: the end of the sentence, after "is not authorized to perform: … on resource: …".
#[derive(Debug)]
pub(super) struct Denied(String);

/// Judges one permission by everything that may restrict it.
pub(super) fn authorise(
    who: &Identity,
    check: &Check,
    scps: &[PolicyDocument],
    region: &str,
    now: SystemTime,
) -> Result<(), Denied> {
    let mut context = request_context(who, region, now);
    context.extend(check.context.clone());
    let owner = check.owner.as_ref().unwrap_or(&who.account);
    context.insert("aws:ResourceAccount".to_owned(), ContextValue::String(owner.clone()));
    let session = who.session.as_ref().and_then(|session| session.policy.as_ref());
    let others = [who.boundary.as_ref(), session, check.policy.as_ref()];
    spell(
        &mut context,
        who.policies.iter().chain(scps).chain(others.into_iter().flatten()),
    );
    let request = AuthzRequest {
        principal_arn: &who.principal,
        principal_account: &who.account,
        action: &check.action,
        resource_arn: &check.resource,
        context: &context,
    };
    let across = check.owner.as_ref().is_some_and(|owner| *owner != who.account);
    if who.root && !across {
        return Ok(());
    }
    let either = !check.both && !across;
    let own = EvalContext {
        identity_policies: &who.policies,
        permissions_boundary: who.boundary.as_ref(),
        resource_policy: check.policy.as_ref().filter(|_| either),
        scps,
        session_policy: None,
    };
    if !who.root {
        decide(&request, &own, None)?;
    }
    // A session's policy cuts the role's down.
    if let Some(policy) = session {
        let cut = EvalContext {
            identity_policies: std::slice::from_ref(policy),
            ..EvalContext::default()
        };
        decide(&request, &cut, Some("session"))?;
    }
    if either {
        return Ok(());
    }
    // Across accounts both sides must agree, and the owner speaks through the resource's policy.
    let granted = check
        .policy
        .as_ref()
        .ok_or_else(|| implicit("resource-based", &check.action))?;
    let as_identity = [without_principals(granted, who)];
    let theirs = EvalContext {
        identity_policies: &as_identity,
        ..EvalContext::default()
    };
    decide(&request, &theirs, Some("resource-based"))
}

/// Adds the spellings of condition keys that the policies use: to AWS, but not to the engine, their case is nothing.
fn spell<'a>(context: &mut Context, policies: impl Iterator<Item = &'a PolicyDocument>) {
    let conditions = policies
        .flat_map(|p| &p.statements)
        .flat_map(|s| &s.condition)
        .flat_map(|c| &c.conditions);
    for condition in conditions {
        if context.contains_key(&condition.key) {
            continue;
        }
        let same = context.iter().find(|(key, _)| key.eq_ignore_ascii_case(&condition.key));
        if let Some(value) = same.map(|(_, value)| value.clone()) {
            context.insert(condition.key.clone(), value);
        }
    }
}

/// The statements of a resource's policy that speak of this principal, to be judged on their own.
fn without_principals(policy: &PolicyDocument, who: &Identity) -> PolicyDocument {
    use awsim_iam_policy::Principal;
    let names = [
        &who.principal,
        &who.arn,
        &who.account,
        &format!("arn:aws:iam::{}:root", who.account),
    ]
    .map(|name| name.as_str().to_owned());
    let listed = |list: &[String]| list.iter().any(|entry| entry == "*" || names.contains(entry));
    let speaks_of = |principal: &Principal| match principal {
        Principal::Wildcard => true,
        Principal::Aws(list) | Principal::Mixed { aws: list, .. } => listed(list),
        _ => false,
    };
    let mut mine = policy.clone();
    mine.statements.retain(|s| match (&s.principal, &s.not_principal) {
        (Some(principal), _) => speaks_of(principal),
        (None, Some(other)) => !speaks_of(other),
        (None, None) => false,
    });
    mine
}

fn decide(request: &AuthzRequest<'_>, context: &EvalContext<'_>, kind: Option<&str>) -> Result<(), Denied> {
    let explicit = |kind: &str| Denied(format!(" with an explicit deny in a{} {kind} policy", vowel(kind)));
    Err(match explain(request, context, &PolicyAttributions::default()) {
        DecisionReason::Allowed { .. } => return Ok(()),
        DecisionReason::ExplicitDeny { source, .. } => match kind.unwrap_or(match source {
            PolicySource::Identity => "identity-based",
            PolicySource::Resource => "resource-based",
            PolicySource::Scp => "service control",
            PolicySource::Session => "session",
            PolicySource::PermissionsBoundary => "",
        }) {
            "" => Denied(" with an explicit deny in a permissions boundary".to_owned()),
            kind => explicit(kind),
        },
        DecisionReason::ScpImplicitDeny { .. } => implicit("service control", request.action),
        DecisionReason::BoundaryNoAllow => Denied(format!(
            " because no permissions boundary allows the {} action",
            request.action
        )),
        DecisionReason::NoAllow | DecisionReason::SessionNoAllow => {
            implicit(kind.unwrap_or("identity-based"), request.action)
        }
    })
}

fn implicit(kind: &str, action: &str) -> Denied {
    Denied(format!(" because no {kind} policy allows the {action} action"))
}

fn vowel(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "n"
    } else {
        ""
    }
}

/// The keys that every request has. The sandbox counts as reached over TLS, as AWS would be.
fn request_context(who: &Identity, region: &str, now: SystemTime) -> Context {
    let text = |value: &str| ContextValue::String(value.to_owned());
    let mut context = Context::from(
        [
            ("aws:CurrentTime", ContextValue::Date(now.into())),
            ("aws:SecureTransport", ContextValue::Bool(true)),
            ("aws:SourceIp", ContextValue::Ip("127.0.0.1".to_owned())),
            ("aws:PrincipalArn", text(&who.principal)),
            ("aws:PrincipalAccount", text(&who.account)),
            ("aws:PrincipalOrgID", text(super::seed::ORGANIZATION)),
            (
                "aws:PrincipalType",
                text(if who.session.is_some() { "AssumedRole" } else { "User" }),
            ),
            ("aws:userid", text(&who.user_id)),
            ("aws:RequestedRegion", text(region)),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    if let Some(source) = who.session.as_ref().and_then(|s| s.source_identity.as_deref()) {
        context.insert("aws:SourceIdentity".to_owned(), text(source));
    }
    context.extend(
        who.tags
            .iter()
            .map(|(key, value)| (format!("aws:PrincipalTag/{key}"), text(value))),
    );
    context
}

impl Denied {
    /// The whole error, worded and coded as the service does it.
    pub(super) fn error(&self, who: &Identity, check: &Check, service: &str) -> AwsError {
        let Self(why) = self;
        let resource = if service == "s3" {
            format!("\"{}\"", check.resource)
        } else {
            check.resource.clone()
        };
        let text = format!(
            "User: {} is not authorized to perform: {} on resource: {resource}{why}",
            who.arn, check.action
        );
        if service == "ec2" {
            let text = format!("You are not authorized to perform this operation. {text}");
            return AwsError::forbidden("UnauthorizedOperation", text);
        }
        if matches!(
            service,
            "secretsmanager" | "organizations" | "cloudcontrolapi" | "cloudtrail" | "logs"
        ) {
            AwsError::bad_request("AccessDeniedException", text)
        } else {
            AwsError::forbidden("AccessDenied", text)
        }
    }
}
