//! S3: the emulator's, with one name space for all accounts and no window into another's buckets.

use awsim_core::{AccountRegionStore, AwsError, RequestContext, ServiceHandler as _, protocol};
use awsim_s3::{S3Service, state::S3State};
use axum::http::{HeaderMap, Method, Uri};
use base64::Engine as _;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{authorise::Check, signature::decode, value::set};

pub(super) struct S3 {
    inner: S3Service,
    store: AccountRegionStore<S3State>,
    routes: Vec<awsim_core::RouteDefinition>,
}

impl S3 {
    pub(super) fn new() -> Self {
        let inner = S3Service::new();
        Self {
            store: inner.store(),
            routes: inner.routes(),
            inner,
        }
    }

    pub(super) fn store(&self) -> AccountRegionStore<S3State> {
        self.store.clone()
    }

    /// The operation and its parameters.
    ///
    /// The emulator takes a body that begins with `<` for parameters, even when it is the object to be stored, and
    /// reads percent-encoded bytes one by one. Both are put right here.
    pub(super) fn parse(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(String, Value), AwsError> {
        let parse = |body: &Bytes| {
            protocol::parse_request(protocol::Protocol::RestXml, method, uri, headers, body, &self.routes)
        };
        let mut parsed = parse(&Bytes::new()).map_err(|_| method_not_allowed())?;
        if matches!(parsed.operation.as_str(), "PutObject" | "UploadPart") {
            set(
                &mut parsed.input,
                "__raw_body",
                base64::engine::general_purpose::STANDARD.encode(body),
            );
        } else if !body.is_empty() {
            parsed = parse(body)?;
        }
        let input = &mut parsed.input;
        for pair in uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| pair.contains('%'))
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            set(input, decode(key), decode(value));
        }
        if input.get("Key").is_some() {
            let key = uri
                .path()
                .trim_start_matches('/')
                .split_once('/')
                .map(|(_, key)| key)
                .unwrap_or_default();
            set(input, "Key", decode(key));
        }
        Ok((parsed.operation, parsed.input))
    }

    /// What the request needs, or why it fails whoever asks: the bucket isn't there, or isn't whose it should be.
    pub(super) fn checks(
        &self,
        operation: &str,
        input: &Value,
        context: &RequestContext,
    ) -> Result<Vec<Check>, AwsError> {
        let name = bucket(input);
        let owner = self.owner(name);
        match &owner {
            Some(owner) if operation == "CreateBucket" && *owner != context.account_id => {
                let text = "The requested bucket name is not available. The bucket namespace is shared by all users of \
                            the system. Please select a different name and try again.";
                return Err(AwsError::conflict("BucketAlreadyExists", text));
            }
            None if !name.is_empty() && operation != "CreateBucket" => return Err(no_such_bucket(name)),
            _ => {}
        }
        let expected = input.get("ExpectedBucketOwner").and_then(Value::as_str);
        if expected.is_some_and(|expected| owner.as_deref().is_some_and(|owner| owner != expected)) {
            return Err(AwsError::forbidden("AccessDenied", "Access Denied"));
        }
        let checks = self.inner.iam_checks(operation, input, context);
        Ok(checks
            .into_iter()
            .map(|(action, resource)| self.check(&action, &resource, input))
            .collect())
    }

    /// AWS tells only those who may list a bucket that a key isn't in it.
    pub(super) fn listing_check(&self, input: &Value) -> Check {
        self.check("s3:ListBucket", &format!("arn:aws:s3:::{}", bucket(input)), input)
    }

    fn check(&self, action: &str, resource: &str, input: &Value) -> Check {
        let name = resource
            .strip_prefix("arn:aws:s3:::")
            .and_then(|r| r.split('/').next())
            .unwrap_or_default();
        let text = |key: &str| input.get(key).and_then(Value::as_str);
        let check = Check::new(action, resource)
            .with("s3:prefix", text("prefix"))
            .with("s3:delimiter", text("delimiter"))
            .with("s3:max-keys", text("max-keys"));
        let Some(owner) = self.owner(name) else { return check };
        let policy = self
            .store
            .get(&owner, "global")
            .buckets
            .get(name)
            .and_then(|b| b.policy.clone());
        check.owned_by(&owner, policy.and_then(|p| awsim_iam_policy::parse(&p).ok()))
    }

    fn owner(&self, bucket: &str) -> Option<String> {
        let states = self.store.iter_all().into_iter();
        states
            .filter(|(_, state)| state.buckets.contains_key(bucket))
            .map(|((account, _), _)| account)
            .next()
    }

    pub(super) async fn handle(
        &self,
        operation: &str,
        input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        let mut owned = context.clone();
        owned.account_id = self.owner(bucket(&input)).unwrap_or_else(|| context.account_id.clone());
        let (name, key) = (bucket(&input).to_owned(), input.get("Key").cloned().unwrap_or_default());
        let mut answer = self.inner.handle(operation, input, &owned).await.map_err(|mut error| {
            match error.code.as_str() {
                "NoSuchBucket" => return no_such_bucket(&name),
                "NoSuchKey" => {
                    error = AwsError {
                        message: "The specified key does not exist.".to_owned(),
                        ..error
                    }
                }
                _ => return error,
            }
            error.with_extra("Key", key)
        })?;
        if operation == "HeadBucket" {
            let region = self
                .store
                .get(&owned.account_id, "global")
                .buckets
                .get(&name)
                .map(|b| b.region.clone());
            answer = json!({ "__headers": { "x-amz-bucket-region": region } });
        }
        Ok(answer)
    }
}

fn bucket(input: &Value) -> &str {
    input.get("Bucket").and_then(Value::as_str).unwrap_or_default()
}

fn no_such_bucket(name: &str) -> AwsError {
    AwsError::not_found("NoSuchBucket", "The specified bucket does not exist").with_extra("BucketName", json!(name))
}

fn method_not_allowed() -> AwsError {
    let mut error = AwsError::bad_request(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
    );
    error.status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    error
}

#[cfg(test)]
mod tests;
