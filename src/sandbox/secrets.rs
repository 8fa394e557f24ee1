//! Secrets Manager: the emulator's, with the answers corrected that differ from AWS's.

use awsim_core::{AccountRegionStore, AwsError, RequestContext, ServiceHandler as _, arn};
use awsim_secretsmanager::{
    SecretsManagerService,
    state::{Secret, SecretsState},
};
use serde_json::{Value, json};

use super::{authorise::Check, value::set};

mod list;
mod password;
mod rotate;

const MARKED: &str = "You can't perform this operation on the secret because it was marked for deletion.";

pub(super) struct Secrets {
    inner: SecretsManagerService,
    store: AccountRegionStore<SecretsState>,
}

impl Secrets {
    pub(super) fn new() -> Self {
        let inner = SecretsManagerService::new();
        Self {
            store: inner.store(),
            inner,
        }
    }

    pub(super) fn store(&self) -> AccountRegionStore<SecretsState> {
        self.store.clone()
    }

    /// What the request needs; `None` when the operation doesn't exist.
    pub(super) fn checks(&self, operation: &str, input: &Value, context: &RequestContext) -> Option<Vec<Check>> {
        let action = self.inner.iam_action(operation)?;
        if matches!(operation, "ListSecrets" | "GetRandomPassword") {
            return Some(vec![Check::new(action, "*")]);
        }
        if operation == "BatchGetSecretValue" {
            let ids = input
                .get("SecretIdList")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let each = ids
                .filter_map(Value::as_str)
                .map(|id| self.check("GetSecretValue", id, input, context));
            let mut checks: Vec<Check> = std::iter::once(Check::new(action, "*")).chain(each).collect();
            // A filter may reach every secret, so the caller must be free to read each.
            if checks.len() == 1 {
                checks.push(self.check("GetSecretValue", "*", input, context));
            }
            return Some(checks);
        }
        let id = input
            .get("SecretId")
            .or_else(|| input.get("Name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut checks = vec![self.check(operation, id, input, context)];
        if operation == "CreateSecret" && input.get("Tags").is_some() {
            checks.push(self.check("TagResource", id, input, context));
        }
        if operation == "RotateSecret" {
            checks.extend(self.function_check(id, input, context));
        }
        Some(checks)
    }

    fn check(&self, operation: &str, id: &str, input: &Value, context: &RequestContext) -> Check {
        let owner = self.located(context, id);
        let state = self.store.get(&owner.account_id, &owner.region);
        let secret = find(&state, id);
        let resource = match &secret {
            Some(secret) => secret.arn.clone(),
            None if id.starts_with("arn:") => id.to_owned(),
            // What would be its ARN: policies write the random end as `-??????`.
            None => arn::build(&owner, "secretsmanager", format!("secret:{id}-??????")),
        };
        let policy = secret
            .as_ref()
            .and_then(|s| state.resource_policies.get(&s.name).map(|p| p.clone()));
        let text = |name: &str| input.get(name).and_then(Value::as_str);
        let mut check = Check::new(format!("secretsmanager:{operation}"), resource.clone())
            .owned_by(&owner.account_id, policy.and_then(|p| awsim_iam_policy::parse(&p).ok()))
            .with("secretsmanager:SecretId", Some(&resource))
            .with("secretsmanager:Name", text("Name"))
            .with("secretsmanager:VersionStage", text("VersionStage"))
            .with_tags(input.get("Tags").unwrap_or(&Value::Null));
        for (key, value) in secret.iter().flat_map(|s| &s.tags) {
            check = check.with(&format!("aws:ResourceTag/{key}"), Some(value));
            check = check.with(&format!("secretsmanager:ResourceTag/{key}"), Some(value));
        }
        check
    }

    /// The context in which the secret lives: an ARN may name another account's.
    fn located(&self, context: &RequestContext, id: &str) -> RequestContext {
        let mut located = context.clone();
        if let Some(account) = id.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(3)) {
            located.account_id = account.to_owned();
        }
        located
    }

    pub(super) async fn handle(
        &self,
        operation: &str,
        mut input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        let id = input
            .get("SecretId")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let context = &self.located(context, &id);
        let state = self.store.get(&context.account_id, &context.region);
        // The emulator knows names and whole ARNs; AWS also finds an ARN that lacks its random end.
        let secret = find(&state, &id);
        if let Some(secret) = &secret {
            set(&mut input, "SecretId", secret.name.as_str());
        }
        check_size(&input)?;
        match operation {
            "CreateSecret" => self.create(&state, input, context).await,
            "UpdateSecret" => self.update(&state, input, context).await,
            "PutSecretValue" => self.put(&state, input, context).await,
            "DeleteSecret" => self.delete(&state, secret, input, context).await,
            // Nothing to restore is no error.
            "RestoreSecret" if secret.as_ref().is_some_and(|s| s.deleted_date.is_none()) => {
                Ok(secret.map_or(Value::Null, |s| json!({ "ARN": s.arn, "Name": s.name })))
            }
            "DescribeSecret" => Ok(list::described(self.call(operation, input, context).await?)),
            "ListSecrets" => self.list(&state, &input, context).await,
            "RotateSecret" => self.rotate(&state, secret, input, context).await,
            "ListSecretVersionIds" => Ok(list::by_day(self.call(operation, input, context).await?)),
            "GetRandomPassword" => password::random(&input),
            _ => self.call(operation, input, context).await,
        }
    }

    async fn call(&self, operation: &str, input: Value, context: &RequestContext) -> Result<Value, AwsError> {
        self.inner.handle(operation, input, context).await.map_err(worded)
    }

    async fn create(&self, state: &SecretsState, input: Value, context: &RequestContext) -> Result<Value, AwsError> {
        let name = input.get("Name").and_then(Value::as_str).unwrap_or_default();
        let Some(existing) = find(state, name) else {
            return self.call("CreateSecret", input, context).await;
        };
        if existing.deleted_date.is_some() {
            let text =
                "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(AwsError::bad_request("InvalidRequestException", text));
        }
        // A repeated attempt with the same token and value has succeeded before: AWS gives the first answer again.
        let token = input
            .get("ClientRequestToken")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let text = |key: &str| input.get(key).and_then(Value::as_str);
        let repeated = existing.versions.get(token).is_some_and(|version| {
            version.secret_string.as_deref() == text("SecretString")
                && version.secret_binary.as_deref() == text("SecretBinary")
        });
        if repeated {
            return Ok(json!({ "ARN": existing.arn, "Name": existing.name, "VersionId": token }));
        }
        let text = format!("The operation failed because the secret {name} already exists.");
        Err(AwsError::bad_request("ResourceExistsException", text))
    }

    /// As two steps, because the emulator's `UpdateSecret` forgets the request token.
    async fn update(&self, state: &SecretsState, input: Value, context: &RequestContext) -> Result<Value, AwsError> {
        let mut details = input.clone();
        let mut version = None;
        if input.get("SecretString").is_some() || input.get("SecretBinary").is_some() {
            let put = self.put(state, input, context).await?;
            version = put.get("VersionId").cloned();
        }
        if let Some(map) = details.as_object_mut() {
            map.remove("SecretString");
            map.remove("SecretBinary");
        }
        let mut answer = self.call("UpdateSecret", details, context).await?;
        match (answer.as_object_mut(), version) {
            (Some(map), Some(version)) => map.insert("VersionId".to_owned(), version),
            (Some(map), None) => map.remove("VersionId"),
            (None, _) => None,
        };
        Ok(answer)
    }

    async fn put(&self, state: &SecretsState, input: Value, context: &RequestContext) -> Result<Value, AwsError> {
        let id = input
            .get("SecretId")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let token = input
            .get("ClientRequestToken")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let before = find(state, &id);
        let answer = self.call("PutSecretValue", input, context).await.map_err(|mut error| {
            if let (Some(secret), "ResourceExistsException") = (&before, error.code.as_str()) {
                error.message = format!(
                    "You can't use ClientRequestToken {token} because that value is already in use for a version of \
                     secret {}.",
                    secret.arn
                );
            }
            error
        })?;
        // A label belongs to one version only; the emulator leaves AWSPREVIOUS on all that ever had it.
        if let (Some(before), Some(mut secret)) = (before, state.secrets.get_mut(&id)) {
            let moved = secret.current_version_id != before.current_version_id;
            for (version_id, version) in secret.versions.iter_mut().filter(|_| moved) {
                version
                    .stages
                    .retain(|s| s != "AWSPREVIOUS" || *version_id == before.current_version_id);
            }
        }
        Ok(answer)
    }

    async fn delete(
        &self,
        state: &SecretsState,
        secret: Option<Secret>,
        input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        let force = input
            .get("ForceDeleteWithoutRecovery")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        if force && input.get("RecoveryWindowInDays").is_some() {
            let text = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
            return Err(AwsError::bad_request("InvalidParameterException", text));
        }
        // Force also ends a recovery window that has begun.
        if let Some(mut waiting) = secret.filter(|_| force).and_then(|s| state.secrets.get_mut(&s.name)) {
            waiting.deleted_date = None;
        }
        self.call("DeleteSecret", input, context).await
    }
}

/// By name, by ARN, or by an ARN without its six random characters.
fn find(state: &SecretsState, id: &str) -> Option<Secret> {
    if !id.starts_with("arn:") {
        return state.secrets.get(id).map(|s| s.clone());
    }
    let partial = |arn: &str| arn.len() == id.len() + 7 && arn.starts_with(id);
    state
        .secrets
        .iter()
        .find(|s| s.arn == id || partial(&s.arn))
        .map(|s| s.clone())
}

fn check_size(input: &Value) -> Result<(), AwsError> {
    let length = input.get("SecretString").and_then(Value::as_str).map_or(0, str::len);
    if length <= 65_536 {
        return Ok(());
    }
    Err(AwsError::validation(
        "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length \
         less than or equal to 65536",
    ))
}

/// AWS's own sentences, which people search for.
fn worded(mut error: AwsError) -> AwsError {
    let missing = "Secrets Manager can't find the specified secret";
    let text = match (error.code.as_str(), error.message.as_str()) {
        ("ResourceNotFoundException", text) => match text.split_once(": ").map(|(_, what)| what) {
            Some(what) if what.starts_with("stage ") => {
                format!(
                    "{missing} value for staging label: {}",
                    what.trim_start_matches("stage ")
                )
            }
            Some(what) if uuid::Uuid::parse_str(what).is_ok() => format!("{missing} value for VersionId: {what}"),
            _ => format!("{missing}."),
        },
        ("InvalidRequestException", "Secret is marked for deletion" | "Secret is already scheduled for deletion") => {
            MARKED.to_owned()
        }
        ("InvalidParameterException", text) if text.starts_with("Secret name") => {
            error.code = "ValidationException".to_owned();
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
                .to_owned()
        }
        _ => return error,
    };
    error.message = text;
    error
}

#[cfg(test)]
mod tests;
