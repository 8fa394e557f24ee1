//! AWS Secrets Manager.

mod describe;
mod list;
mod manage;
mod value;

use aws_sdk_secretsmanager::{Client, types::Tag};
use rmcp::{handler::server::wrapper::Parameters, tool, tool_router};
use std::collections::BTreeMap;

use crate::ops::{Access, Declare, Json, OpError, Ops, Reply, declare, declare::idempotent, ok};

use describe::{DescribeSecret, ListSecretVersionIds, SecretDetails, VersionList};
use list::{ListSecrets, SecretList};
use manage::{
    GetSecretPolicy, PutSecretPolicy, PuttedPolicy, RestoreSecret, RestoredSecret, RotateSecret, RotatedSecret,
    SecretPolicy, SecretTags, TagSecret,
};
use value::{CreateSecret, DeleteSecret, DeletedSecret, GetSecretValue, SecretValue, SecretVersion, UpdateSecret};

/// A secret. AWS ends its ARN with six random characters, which calls need not know; one that is missing is judged by its name.
const SECRET: [&str; 2] = [
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret_id|arn}-??????",
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret_id|arn}",
];
/// A secret that does not exist yet. The characters are drawn when it is made: before that it has its name alone.
const NEW_SECRET: [&str; 2] = [
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-??????",
    "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}",
];
/// The function that rotates a secret. Where the call names none only the secret knows which one that is.
const ROTATOR: &str = "arn:{partition}:lambda:{region}:{account}:function:{rotation_lambda_arn|arn-or-any}";

#[tool_router(router = secrets_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists secrets with dates, rotation and tags; never values. Example: {"account": "production", "filters": [{"key": "name", "values": ["payments/"]}]}
    #[tool(meta = declare(Access::Read, &["secretsmanager:ListSecrets"]))]
    async fn list_secrets(
        &self,
        Parameters(input): Parameters<ListSecrets>,
    ) -> Result<Json<Reply<SecretList>>, OpError> {
        ok(list::list(self, input).await?)
    }

    /// Shows everything about a secret but its value: rotation, KMS key, tags, versions and their stages, dates. Example: {"account": "production", "secret_id": "payments/db/primary"}
    #[tool(meta = declare(Access::Read, &["secretsmanager:DescribeSecret"]))]
    async fn describe_secret(
        &self,
        Parameters(input): Parameters<DescribeSecret>,
    ) -> Result<Json<Reply<SecretDetails>>, OpError> {
        ok(describe::describe(self, input).await?)
    }

    /// Lists a secret's versions with stages and dates. Example: {"account": "staging", "secret_id": "payments/db/primary"}
    #[tool(meta = declare(Access::Read, &["secretsmanager:ListSecretVersionIds"]))]
    async fn list_secret_version_ids(
        &self,
        Parameters(input): Parameters<ListSecretVersionIds>,
    ) -> Result<Json<Reply<VersionList>>, OpError> {
        ok(describe::versions(self, input).await?)
    }

    /// Shows who else a secret's resource policy lets in. Example: {"account": "production", "secret_id": "payments/stripe/api-key"}
    #[tool(meta = declare(Access::Read, &["secretsmanager:GetResourcePolicy"]))]
    async fn get_secret_policy(
        &self,
        Parameters(input): Parameters<GetSecretPolicy>,
    ) -> Result<Json<Reply<SecretPolicy>>, OpError> {
        ok(manage::policy(&self.client(Client::new)?, input).await?)
    }

    /// Reveals a secret's value. Use only when the value itself is needed; describe_secret shows the rest. Example: {"account": "staging", "secret_id": "payments/db/primary"}
    #[tool(meta = declare(Access::Reveal, &["secretsmanager:GetSecretValue"]).with_key(&["kms:Decrypt"]))]
    async fn get_secret_value(
        &self,
        Parameters(input): Parameters<GetSecretValue>,
    ) -> Result<Json<Reply<SecretValue>>, OpError> {
        ok(value::get(self, input).await?)
    }

    /// Creates a secret. If the name exists, use update_secret. Example: {"account": "development", "name": "web/api-key", "secret_string": "…"}
    #[tool(meta = idempotent(declare(Access::Write, &["secretsmanager:CreateSecret", "secretsmanager:TagResource"]).on(&NEW_SECRET).with_key(&["kms:GenerateDataKey", "kms:Decrypt"])))]
    async fn create_secret(
        &self,
        Parameters(input): Parameters<CreateSecret>,
    ) -> Result<Json<Reply<SecretVersion>>, OpError> {
        ok(value::create(&self.client(Client::new)?, input).await?)
    }

    /// Sets a new value or description; the old value stays as AWSPREVIOUS. Example: {"account": "staging", "secret_id": "web/session-signing-key", "secret_string": "…"}
    // Not idempotent: repeated without its token, it makes a second version, and AWSPREVIOUS is no longer the old value.
    #[tool(meta = declare(Access::Write, &["secretsmanager:UpdateSecret"]).on(&SECRET).with_key(&["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt"]))]
    async fn update_secret(
        &self,
        Parameters(input): Parameters<UpdateSecret>,
    ) -> Result<Json<Reply<SecretVersion>>, OpError> {
        ok(value::update(&self.client(Client::new)?, input).await?)
    }

    /// Rotates a secret now by its Lambda function, or sets function and schedule; the old value stays as AWSPREVIOUS. Example: {"account": "staging", "secret_id": "payments/db/primary"}
    // The caller must be allowed to invoke the function as well: "You also need lambda:InvokeFunction permissions" (RotateSecret).
    #[tool(meta = declare(Access::Write, &["secretsmanager:RotateSecret", "lambda:InvokeFunction"]).on(&SECRET).apart(&["lambda:InvokeFunction"], &[ROTATOR]))]
    async fn rotate_secret(
        &self,
        Parameters(input): Parameters<RotateSecret>,
    ) -> Result<Json<Reply<RotatedSecret>>, OpError> {
        ok(manage::rotate(&self.client(Client::new)?, input).await?)
    }

    /// Sets and removes tags of a secret; others stay. Policies may decide by tags. Example: {"account": "development", "secret_id": "web/session-signing-key", "tags": {"team": "web"}, "untag": ["owner"]}
    #[tool(meta = idempotent(declare(Access::Write, &["secretsmanager:TagResource", "secretsmanager:UntagResource"]).on(&SECRET)))]
    async fn tag_secret(&self, Parameters(input): Parameters<TagSecret>) -> Result<Json<Reply<SecretTags>>, OpError> {
        ok(manage::tag(&self.client(Client::new)?, input).await?)
    }

    /// Replaces a secret's resource policy; the answer holds the previous one. Example: {"account": "staging", "secret_id": "web/session-signing-key", "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}]}}
    #[tool(meta = idempotent(declare(Access::Write, &["secretsmanager:PutResourcePolicy", "secretsmanager:GetResourcePolicy"]).on(&SECRET)))]
    async fn put_secret_policy(
        &self,
        Parameters(input): Parameters<PutSecretPolicy>,
    ) -> Result<Json<Reply<PuttedPolicy>>, OpError> {
        ok(manage::put_policy(&self.client(Client::new)?, input).await?)
    }

    /// Schedules a secret's deletion; restore_secret takes it back for 30 days unless told otherwise. Example: {"account": "development", "secret_id": "web/session-signing-key", "recovery_window_in_days": 7}
    #[tool(meta = idempotent(declare(Access::Destroy, &["secretsmanager:DeleteSecret"]).on(&SECRET)))]
    async fn delete_secret(
        &self,
        Parameters(input): Parameters<DeleteSecret>,
    ) -> Result<Json<Reply<DeletedSecret>>, OpError> {
        ok(value::delete(self, input).await?)
    }

    /// Cancels a secret's scheduled deletion. Example: {"account": "development", "secret_id": "web/session-signing-key"}
    #[tool(meta = idempotent(declare(Access::Write, &["secretsmanager:RestoreSecret"]).on(&SECRET)))]
    async fn restore_secret(
        &self,
        Parameters(input): Parameters<RestoreSecret>,
    ) -> Result<Json<Reply<RestoredSecret>>, OpError> {
        ok(manage::restore(&self.client(Client::new)?, input).await?)
    }
}

/// Tags as AWS takes them; `None` for none.
fn as_tags(tags: BTreeMap<String, String>) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags
        .into_iter()
        .map(|(k, v)| Tag::builder().key(k).value(v).build())
        .collect();
    (!tags.is_empty()).then_some(tags)
}

/// Tags as answers show them.
fn shown_tags(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    let tags = tags.unwrap_or_default().into_iter();
    tags.filter_map(|t| Some((t.key?, t.value.unwrap_or_default())))
        .collect()
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
