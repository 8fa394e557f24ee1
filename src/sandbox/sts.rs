//! STS, where accounts meet. The emulator issues what it is asked for; here the target's trust policy decides.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use awsim_core::{AwsError, RequestContext, ServiceHandler as _};
use awsim_iam::IamService;
use awsim_iam_policy::PolicyDocument;
use awsim_sts::StsService;
use serde_json::{Value, json};

use super::{
    authorise::{Check, authorise},
    principal::{Identity, Principals, Session},
};

/// The longest session that a role session may open in turn.
const CHAINED_SECONDS: u64 = 3600;

pub(super) struct Sts {
    inner: StsService,
    iam: Arc<IamService>,
    principals: Arc<Principals>,
}

impl Sts {
    pub(super) fn new(iam: Arc<IamService>, principals: Arc<Principals>) -> Self {
        Self {
            inner: StsService::new(),
            iam,
            principals,
        }
    }

    pub(super) async fn handle(
        &self,
        operation: &str,
        input: Value,
        context: &RequestContext,
        who: &Identity,
        scps: &[PolicyDocument],
    ) -> Result<Value, AwsError> {
        match operation {
            "GetCallerIdentity" => Ok(json!({ "UserId": who.user_id, "Account": who.account, "Arn": who.arn })),
            "AssumeRole" => self.assume_role(input, context, who, scps).await,
            _ => Err(AwsError::bad_request(
                "InvalidAction",
                format!("Could not find operation {operation} for version 2011-06-15"),
            )),
        }
    }

    async fn assume_role(
        &self,
        input: Value,
        context: &RequestContext,
        who: &Identity,
        scps: &[PolicyDocument],
    ) -> Result<Value, AwsError> {
        if who.root {
            let text = "Roles may not be assumed by root accounts.";
            return Err(AwsError::forbidden("AccessDenied", text));
        }
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let role_arn = text("RoleArn").unwrap_or_default().to_owned();
        let mut target = context.clone();
        target.account_id = role_arn.split(':').nth(4).unwrap_or_default().to_owned();

        // The emulator's part: the shape of every parameter, and credentials that look right.
        let mut answer = self
            .inner
            .handle("AssumeRole", input.clone(), &target)
            .await
            .map_err(validation)?;

        let role_id = self.trusted(&input, &role_arn, &target.account_id, context, who, scps)?;
        let seconds = text("DurationSeconds").and_then(|s| s.parse().ok()).unwrap_or(3600);
        self.check_duration(seconds, &role_arn, &target.account_id, who)?;

        let session = self.session(&input, &answer, &role_arn, &role_id, seconds, who)?;
        if let Some(map) = answer.as_object_mut() {
            map.remove("SessionTags");
            map.remove("TransitiveTagKeys");
            map.insert(
                "AssumedRoleUser".to_owned(),
                json!({ "Arn": session.arn, "AssumedRoleId": session.user_id }),
            );
            if let Some(source) = &session.source_identity {
                map.insert("SourceIdentity".to_owned(), json!(source));
            }
            if session.policy.is_some() || !session.tags.is_empty() {
                let size = json!(packed_size(&input));
                map.insert("PackedPolicySize".to_owned(), size.clone());
                map.insert("SessionTokenUtilization".to_owned(), size);
            }
        }
        let key = answer
            .pointer("/Credentials/AccessKeyId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.principals.insert(key.to_owned(), session);
        Ok(answer)
    }

    /// Both sides must agree: the caller's own policies, and those of the role. Gives the role's id.
    fn trusted(
        &self,
        input: &Value,
        role_arn: &str,
        account: &str,
        context: &RequestContext,
        who: &Identity,
        scps: &[PolicyDocument],
    ) -> Result<String, AwsError> {
        let name = role_arn.rsplit('/').next().unwrap_or_default();
        let state = super::account_exists(account).then(|| self.iam.store().get(account, "global"));
        let role = state
            .and_then(|s| s.roles.get(name).map(|r| r.clone()))
            .filter(|r| r.arn == role_arn);
        let trust = role
            .as_ref()
            .and_then(|r| awsim_iam_policy::parse(&r.assume_role_policy_document).ok());
        let source = input.get("SourceIdentity").and_then(Value::as_str);
        let inherited = who.session.as_ref().and_then(|s| s.source_identity.as_deref());
        let tags = input.get("Tags").cloned().unwrap_or_default();

        let mut actions = vec!["sts:AssumeRole"];
        if tags.as_array().is_some_and(|t| !t.is_empty()) {
            actions.push("sts:TagSession");
        }
        if source.or(inherited).is_some() {
            actions.push("sts:SetSourceIdentity");
        }
        for action in actions {
            let check = Check::new(action, role_arn)
                .agreed_with(account, trust.clone())
                .with("sts:ExternalId", input.get("ExternalId").and_then(Value::as_str))
                .with(
                    "sts:RoleSessionName",
                    input.get("RoleSessionName").and_then(Value::as_str),
                )
                .with("sts:SourceIdentity", source.or(inherited))
                .with_tags(&tags);
            let allowed = authorise(who, &check, scps, &context.region, SystemTime::now()).is_ok();
            if !allowed {
                // A role that doesn't exist reads just like one that trusts somebody else.
                let text = format!(
                    "User: {} is not authorized to perform: {action} on resource: {role_arn}",
                    who.arn
                );
                return Err(AwsError::forbidden("AccessDenied", text));
            }
        }
        if inherited.is_some() && source.is_some() && source != inherited {
            let text = "SourceIdentity cannot be changed once it has been set for the session.";
            return Err(AwsError::forbidden("AccessDenied", text));
        }
        Ok(role.map(|r| r.role_id).unwrap_or_default())
    }

    fn check_duration(&self, seconds: u64, role_arn: &str, account: &str, who: &Identity) -> Result<(), AwsError> {
        let name = role_arn.rsplit('/').next().unwrap_or_default();
        let longest = self
            .iam
            .store()
            .get(account, "global")
            .roles
            .get(name)
            .map(|r| r.max_session_duration);
        if who.session.is_some() && seconds > CHAINED_SECONDS {
            let text =
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
            return Err(AwsError::bad_request("ValidationError", text));
        }
        if longest.is_some_and(|l| seconds > u64::from(l)) {
            let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(AwsError::bad_request("ValidationError", text));
        }
        Ok(())
    }

    fn session(
        &self,
        input: &Value,
        answer: &Value,
        role_arn: &str,
        role_id: &str,
        seconds: u64,
        who: &Identity,
    ) -> Result<Session, AwsError> {
        let issued = |name: &str| {
            answer
                .get("Credentials")
                .and_then(|c| c.get(name))
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let text = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("RoleSessionName").unwrap_or_default();
        let mut parts = role_arn.split(':').skip(4);
        let account = parts.next().unwrap_or_default();
        let role_name = role_arn.rsplit('/').next().unwrap_or_default();

        // Transitive tags follow a chain of roles, whatever the links of the chain say.
        let mut tags = request_tags(input);
        let mut transitive: Vec<String> = strings(input.get("TransitiveTagKeys"));
        if let Some(parent) = &who.session {
            for key in &parent.transitive {
                tags.extend(parent.tags.get(key).map(|value| (key.clone(), value.clone())));
                transitive.push(key.clone());
            }
        }
        Ok(Session {
            secret: issued("SecretAccessKey"),
            token: issued("SessionToken"),
            role_arn: role_arn.to_owned(),
            arn: format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}"),
            user_id: format!("{role_id}:{name}"),
            expires: SystemTime::now().checked_add(Duration::from_secs(seconds)),
            policy: self.session_policy(input, account)?,
            tags,
            transitive,
            source_identity: text("SourceIdentity")
                .or_else(|| who.session.as_ref().and_then(|s| s.source_identity.clone())),
        })
    }

    /// The union of the inline policy and the managed ones.
    fn session_policy(&self, input: &Value, account: &str) -> Result<Option<PolicyDocument>, AwsError> {
        let malformed = |e: awsim_iam_policy::ParseError| {
            AwsError::bad_request(
                "MalformedPolicyDocument",
                format!("The policy is not in the valid JSON format: {e}"),
            )
        };
        let mut union: Option<PolicyDocument> = None;
        let inline = input.get("Policy").and_then(Value::as_str).map(str::to_owned);
        let store = self.iam.store().get(account, "global");
        let arns = input.get("PolicyArns").and_then(Value::as_array).into_iter().flatten();
        let managed = arns
            .filter_map(|entry| entry.get("arn").or_else(|| entry.get("Arn"))?.as_str())
            .map(|arn| {
                let aws_s = (arn == "arn:aws:iam::aws:policy/ReadOnlyAccess").then(|| READ_ONLY_ACCESS.to_owned());
                store
                    .policies
                    .get(arn)
                    .map(|p| p.policy_document.clone())
                    .or(aws_s)
                    .ok_or_else(|| {
                        AwsError::bad_request(
                            "ValidationError",
                            format!("The policy {arn} does not exist in the sandbox."),
                        )
                    })
            });
        for document in inline.map(Ok).into_iter().chain(managed) {
            let parsed = awsim_iam_policy::parse(&document?).map_err(malformed)?;
            match &mut union {
                Some(all) => all.statements.extend(parsed.statements),
                None => union = Some(parsed),
            }
        }
        Ok(union)
    }
}

/// What AWS's policy of that name comes to for the services that are here.
const READ_ONLY_ACCESS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[
    "s3:Get*","s3:List*","route53:Get*","route53:List*","secretsmanager:List*","secretsmanager:Describe*",
    "cloudformation:Get*","cloudformation:List*","cloudtrail:LookupEvents","dynamodb:Describe*","dynamodb:List*",
    "eks:Describe*","eks:List*","lambda:Get*","lambda:List*","rds:Describe*","sqs:Get*","sqs:List*",
    "organizations:List*","organizations:Describe*","iam:Get*","iam:List*","sts:GetCallerIdentity"]}]}"#;

fn strings(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn request_tags(input: &Value) -> HashMap<String, String> {
    let tags = input.get("Tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|t| Some((t.get("Key")?.as_str()?.to_owned(), t.get("Value")?.as_str()?.to_owned())))
        .collect()
}

/// The share of the packed size that policies and tags take, in percent: a guess, but one that grows with them.
fn packed_size(input: &Value) -> usize {
    let size = |name: &str| input.get(name).map_or(0, |v| v.to_string().len());
    (size("Policy") + size("Tags") + size("PolicyArns"))
        .div_ceil(41)
        .min(100)
}

/// The emulator's name for a wrong parameter is that of JSON services.
fn validation(mut error: AwsError) -> AwsError {
    if error.code == "ValidationException" {
        error.code = "ValidationError".to_owned();
    }
    error
}

#[cfg(test)]
mod tests;
