//! S3: the emulator's, with one name space for all accounts and no window into another's buckets.

use std::collections::HashSet;

use awsim_core::{AccountRegionStore, AwsError, RequestContext, ServiceHandler as _, protocol};
use awsim_s3::{S3Service, state::S3State};
use axum::http::{HeaderMap, Method, Uri};
use base64::Engine as _;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    authorise::Check,
    signature::decode,
    value::{set, text},
};

pub(super) mod config;
mod copy;
mod list;
mod versions;

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
            if parsed.input.get("ContentType").is_none() {
                set(&mut parsed.input, "ContentType", "binary/octet-stream");
            }
        } else if !body.is_empty() {
            parsed = parse(body)?;
        }
        let input = &mut parsed.input;
        if let Some(source) = text(input, "CopySource").map(copy::decoded) {
            set(input, "CopySource", source);
        }
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
        self.check_region(operation, owner.as_deref(), name, &context.region)?;
        let expected = text(input, "ExpectedBucketOwner");
        if expected.is_some_and(|expected| owner.as_deref().is_some_and(|owner| owner != expected)) {
            return Err(AwsError::forbidden("AccessDenied", "Access Denied"));
        }
        let mut checks = self.inner.iam_checks(operation, input, context);
        checks.extend(self.copy_checks(input)?);
        if operation == "CreateBucket" && input.get("ObjectOwnership").is_some() {
            checks.push((
                "s3:PutBucketOwnershipControls".to_owned(),
                format!("arn:aws:s3:::{name}"),
            ));
        }
        Ok(checks
            .into_iter()
            .map(|(action, resource)| self.check(&action, &resource, input))
            .collect())
    }

    /// A bucket answers in its own region only; elsewhere one learns which that is.
    fn check_region(&self, operation: &str, owner: Option<&str>, name: &str, here: &str) -> Result<(), AwsError> {
        let region = owner.and_then(|o| self.store.get(o, "global").buckets.get(name).map(|b| b.region.clone()));
        let Some(region) = region.filter(|region| region != here) else {
            return Ok(());
        };
        if matches!(operation, "CreateBucket" | "GetBucketLocation") {
            return Ok(());
        }
        let why = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send \
                   all future requests to this endpoint.";
        let mut error = AwsError::bad_request("PermanentRedirect", why)
            .with_extra("Endpoint", json!(format!("s3.{region}.amazonaws.com")))
            .with_extra("Bucket", json!(name))
            .with_extra("Region", json!(region));
        error.status = axum::http::StatusCode::MOVED_PERMANENTLY;
        Err(error)
    }

    /// AWS tells only those who may list a bucket that a key isn't in it.
    pub(super) fn listing_check(&self, input: &Value) -> Check {
        let read = text(input, "CopySource").and_then(|source| source.trim_start_matches('/').split('/').next());
        let name = read.unwrap_or_else(|| bucket(input));
        self.check("s3:ListBucket", &format!("arn:aws:s3:::{name}"), input)
    }

    fn check(&self, action: &str, resource: &str, input: &Value) -> Check {
        let name = resource
            .strip_prefix("arn:aws:s3:::")
            .and_then(|r| r.split('/').next())
            .unwrap_or_default();
        let check = Check::new(action, resource)
            .with("s3:prefix", text(input, "prefix"))
            .with("s3:delimiter", text(input, "delimiter"))
            .with("s3:max-keys", text(input, "max-keys"));
        let Some(owner) = self.owner(name) else { return check };
        let policy = self
            .store
            .get(&owner, "global")
            .buckets
            .get(name)
            .and_then(|b| b.policy.clone());
        check.owned_by(&owner, policy.and_then(|p| awsim_iam_policy::parse(&p).ok()))
    }

    /// The last bytes of an object, counted from its start: the emulator answers `bytes=-5` with another range.
    fn counted_range(&self, owner: &str, input: &Value) -> Option<String> {
        let count: u64 = text(input, "Range")?.trim().strip_prefix("bytes=-")?.parse().ok()?;
        let state = self.store.get(owner, "global");
        let bucket = state.buckets.get(bucket(input))?;
        let length = bucket.objects.get(text(input, "Key")?)?.current()?.content_length;
        Some(format!(
            "bytes={}-",
            if count == 0 {
                length
            } else {
                length.saturating_sub(count)
            }
        ))
    }

    /// Asked for a part of the buckets, AWS also says where each is.
    fn add_regions(&self, account: &str, answer: &mut Value) {
        let state = self.store.get(account, "global");
        let buckets = answer.pointer_mut("/Buckets/Bucket").and_then(Value::as_array_mut);
        for bucket in buckets.into_iter().flatten() {
            let region = text(bucket, "Name").and_then(|name| state.buckets.get(name).map(|b| b.region.clone()));
            set(bucket, "BucketRegion", region);
        }
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
        mut input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        let mut owned = context.clone();
        owned.account_id = self.owner(bucket(&input)).unwrap_or_else(|| context.account_id.clone());
        let parameters: HashSet<String> = input.as_object().into_iter().flat_map(|m| m.keys().cloned()).collect();
        let (name, key) = (bucket(&input).to_owned(), input.get("Key").cloned().unwrap_or_default());
        if operation == "ListObjectsV2"
            && let Some(bucket) = self.store.get(&owned.account_id, "global").buckets.get(&name)
        {
            return list::objects(&bucket, &input, &owned.account_id);
        }
        if let Some(bucket) = self.store.get(&owned.account_id, "global").buckets.get(&name)
            && let Some(answer) = config::answer(operation, &bucket, &input, &owned.account_id)
        {
            return answer;
        }
        let fresh = operation == "CreateBucket" && self.owner(&name).is_none();
        let ownership = text(&input, "ObjectOwnership").map(str::to_owned);
        if let Some(range) = self.counted_range(&owned.account_id, &input) {
            set(&mut input, "Range", range);
        }
        let mut answer = self.inner.handle(operation, input, &owned).await.map_err(|mut error| {
            match error.code.as_str() {
                "NoSuchBucket" => return no_such_bucket(&name),
                "NoSuchKey" => {
                    error = AwsError {
                        message: "The specified key does not exist.".to_owned(),
                        ..error
                    }
                }
                _ => return config::worded(error),
            }
            error.with_extra("Key", key)
        })?;
        let asked = ["max-buckets", "prefix", "bucket-region", "continuation-token"];
        if operation == "ListBuckets" && asked.iter().any(|parameter| parameters.contains(*parameter)) {
            self.add_regions(&owned.account_id, &mut answer);
        }
        if let (true, Some(mut bucket)) = (
            fresh,
            self.store.get(&owned.account_id, "global").buckets.get_mut(&name),
        ) {
            config::as_new(&mut bucket, ownership.as_deref());
        }
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
    text(input, "Bucket").unwrap_or_default()
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
