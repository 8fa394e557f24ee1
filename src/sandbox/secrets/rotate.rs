//! `RotateSecret`: there is no Lambda here, so the new value is made up; the emulator's is the old one again, without a function
//! too, and under no token.

use awsim_core::{AwsError, RequestContext};
use awsim_secretsmanager::state::{Secret, SecretsState};
use serde_json::{Value, json};

use super::{MARKED, Secrets, find};
use crate::sandbox::{
    authorise::Check,
    value::{set, text},
};

impl Secrets {
    /// Who rotates must be allowed to invoke the function that does.
    pub(super) fn function_check(&self, id: &str, input: &Value, context: &RequestContext) -> Option<Check> {
        let located = self.located(context, id);
        let state = self.store.get(&located.account_id, &located.region);
        let configured = find(&state, id).and_then(|s| s.rotation_lambda_arn);
        let function = text(input, "RotationLambdaARN").map(str::to_owned).or(configured)?;
        Some(Check::new("lambda:InvokeFunction", function))
    }

    pub(super) async fn rotate(
        &self,
        state: &SecretsState,
        secret: Option<Secret>,
        mut input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        let Some(before) = secret else {
            return self.call("RotateSecret", input, context).await;
        };
        let invalid = |text: &str| Err(AwsError::bad_request("InvalidRequestException", text));
        if before.deleted_date.is_some() {
            return invalid(MARKED);
        }
        if before.rotation_lambda_arn.is_none() && text(&input, "RotationLambdaARN").is_none() {
            return invalid("No Lambda rotation function ARN is associated with this secret.");
        }
        let now = input.get("RotateImmediately").and_then(Value::as_bool).unwrap_or(true);
        set(&mut input, "SecretId", before.name.as_str());
        let token = text(&input, "ClientRequestToken").map(str::to_owned);
        let mut answer = self.call("RotateSecret", input, context).await?;
        let Some(mut secret) = state.secrets.get_mut(&before.name) else {
            return Ok(answer);
        };
        let made = secret.current_version_id.clone();
        let version = secret.versions.remove(&made);
        if !now {
            // Only the schedule was set: the value is as it was.
            secret.versions.clone_from(&before.versions);
            secret.current_version_id = before.current_version_id;
            (secret.last_changed_date, secret.last_rotated_date) = (before.last_changed_date, before.last_rotated_date);
            return Ok(answer);
        }
        let id = token.unwrap_or(made);
        for version in secret.versions.values_mut() {
            let previous = version.version_id == before.current_version_id;
            version.stages.retain(|s| s != "AWSPREVIOUS" || previous);
        }
        if let Some(mut version) = version {
            version.version_id.clone_from(&id);
            version.secret_string = version.secret_string.map(|old| renewed(&old));
            secret.versions.insert(id.clone(), version);
        }
        secret.current_version_id.clone_from(&id);
        set(&mut answer, "VersionId", json!(id));
        Ok(answer)
    }
}

/// Another password, in the same form.
fn renewed(old: &str) -> String {
    let fresh = format!("sandbox-rotated-{}", uuid::Uuid::new_v4().simple());
    match serde_json::from_str::<Value>(old) {
        Ok(mut fields) if fields.get("password").is_some() => {
            set(&mut fields, "password", fresh);
            fields.to_string()
        }
        _ => fresh,
    }
}
