//! One request from its signature to its answer: who, what, whether, and only then the service.

use std::{
    sync::atomic::Ordering,
    time::{SystemTime, UNIX_EPOCH},
};

use awsim_core::{AwsError, RequestContext, protocol};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri},
};
use bytes::Bytes;
use protocol::Protocol;
use serde_json::Value;

use super::{
    Inner,
    authorise::{Check, authorise},
    cbor,
    principal::{Identity, Key},
    route53::{self, Route53},
    signature::{self, Refusal, Signed},
};

/// A request, taken apart.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Inner {
    /// The answer to a request, whatever it is.
    pub(super) async fn answer(&self, request: Request) -> Response<Body> {
        let signed = signature::read(&request.headers, &request.uri);
        let service = signed.as_ref().map_or_else(|| guess(&request), |s| s.service.clone());
        let id = request_id(&service);
        let (operation, outcome) = match signed {
            None => (String::new(), Err(unsigned(&service))),
            Some(signed) => self.authenticated(&request, &signed, &id).await,
        };
        let head = request.method == Method::HEAD;
        respond(&service, &operation, outcome, &id, head)
    }

    async fn authenticated(&self, request: &Request, signed: &Signed, id: &str) -> (String, Result<Value, AwsError>) {
        let none = String::new();
        let who = match self.authenticate(request, signed) {
            Ok(who) => who,
            Err(error) => return (none, Err(error)),
        };
        let (operation, input) = match self.parse(request, &signed.service) {
            Ok(parsed) => parsed,
            Err(error) => return (none, Err(error)),
        };
        self.count(&signed.service, &operation);
        if signed.service != "sts" && self.throttled.load(Ordering::Relaxed) {
            return (operation, Err(throttled(&signed.service)));
        }
        let mut context = RequestContext::new(&signed.service, &signed.region);
        context.account_id.clone_from(&who.account);
        context.access_key = Some(signed.access_key.clone());
        context.request_id = id.to_owned();
        (context.method, context.uri) = (request.method.to_string(), request.uri.to_string());
        let outcome = self.dispatch(&operation, input, &context, &who).await;
        (operation, outcome)
    }

    /// The key must be known, its token the right one, its session alive, and the signature made with its secret.
    fn authenticate(&self, request: &Request, signed: &Signed) -> Result<Identity, AwsError> {
        let service = signed.service.as_str();
        let now = SystemTime::now();
        let (secret, token, identity) = match self.principals.find(&signed.access_key, now) {
            Key::Known {
                secret,
                token,
                identity,
            } => (secret, token, identity),
            Key::Expired => return Err(expired(service)),
            Key::Unknown => return Err(unknown_key(service)),
        };
        if token != signed.token {
            return Err(wrong_token(service));
        }
        let seconds = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
        signed
            .verify(
                &secret,
                seconds,
                &request.method,
                &request.uri,
                &request.headers,
                &request.body,
            )
            .map_err(|refusal| wrong_signature(&refusal, service))?;
        Ok(*identity)
    }

    fn parse(&self, request: &Request, service: &str) -> Result<(String, Value), AwsError> {
        let Request {
            method,
            uri,
            headers,
            body,
        } = request;
        match service {
            "s3" => self.s3.parse(method, uri, headers, body),
            "route53" => self.route53.parse(method, uri, headers, body),
            "sts" | "iam" | "secretsmanager" | "organizations" | "cloudcontrolapi" | "cloudtrail" | "ec2" | "logs"
            | "monitoring" => {
                check_indices(service, body)?;
                let parsed = protocol::parse_request(wire(service), method, uri, headers, body, &[])?;
                Ok((parsed.operation, parsed.input))
            }
            _ => {
                let text = format!("The sandbox has no service {service}.");
                Err(AwsError::bad_request("UnknownOperationException", text))
            }
        }
    }

    async fn dispatch(
        &self,
        operation: &str,
        input: Value,
        context: &RequestContext,
        who: &Identity,
    ) -> Result<Value, AwsError> {
        let scps = self.organizations.scps(&who.account);
        let allowed = |check: &Check| {
            authorise(who, check, &scps, &context.region, SystemTime::now())
                .map_err(|denied| denied.error(who, check, &context.service))
        };
        for check in self.checks(operation, &input, context)? {
            allowed(&check)?;
        }
        match context.service.as_str() {
            "sts" => self.sts.handle(operation, input, context, who, &scps).await,
            "secretsmanager" => self.secrets.handle(operation, input, context).await,
            "route53" => self.route53.handle(operation, &input, &context.account_id),
            "organizations" => self.organizations.handle(operation, input, context).await,
            "iam" => self.iam_answers.handle(operation, input, context).await,
            "cloudcontrolapi" => self.cloud_control.handle(operation, &input, context),
            "cloudtrail" => self.cloudtrail.handle(operation, &input, context),
            "monitoring" => self.cloudwatch.handle(operation, &input, context),
            "logs" => self.logs.handle(operation, &input, context),
            "ec2" => self.ec2.handle(operation, &input, context),
            _ => {
                let listing = self.s3.listing_check(&input);
                match self.s3.handle(operation, input, context).await {
                    Err(error) if error.code == "NoSuchKey" => Err(allowed(&listing).err().unwrap_or(error)),
                    outcome => outcome,
                }
            }
        }
    }

    /// What a request needs. STS judges for itself: asking who one is needs nothing, and `AssumeRole` needs two sides.
    fn checks(&self, operation: &str, input: &Value, context: &RequestContext) -> Result<Vec<Check>, AwsError> {
        let unknown = || AwsError::bad_request("UnknownOperationException", format!("Unknown operation: {operation}"));
        let checks = match context.service.as_str() {
            "sts" => return Ok(Vec::new()),
            "s3" => self.s3.checks(operation, input, context)?,
            "route53" => self.route53.checks(operation, input),
            "organizations" => self.organizations.checks(operation),
            "cloudcontrolapi" => self.cloud_control.checks(operation, input, context),
            "cloudtrail" => self.cloudtrail.checks(operation, input, context),
            "monitoring" => self.cloudwatch.checks(operation, input, context),
            "logs" => self.logs.checks(operation, input, context),
            "ec2" => self.ec2.checks(operation, input, context),
            "secretsmanager" => self.secrets.checks(operation, input, context).ok_or_else(unknown)?,
            _ => self.iam_answers.checks(operation, input, context),
        };
        // Nothing goes unjudged: what declares no action needs one of its own name, on everything.
        if checks.is_empty() {
            return Ok(vec![Check::new(format!("{}:{operation}", context.service), "*")]);
        }
        Ok(checks)
    }
}

fn wire(service: &str) -> Protocol {
    match service {
        "s3" | "route53" => Protocol::RestXml,
        "secretsmanager" | "organizations" | "cloudtrail" | "logs" => Protocol::AwsJson1_1,
        "cloudcontrolapi" => Protocol::AwsJson1_0,
        "monitoring" => Protocol::RpcV2Cbor,
        "ec2" => Protocol::Ec2Query,
        _ => Protocol::AwsQuery,
    }
}

fn json(service: &str) -> bool {
    wire(service).is_json()
}

/// A list of a query counts from 1. The emulator would panic at 0, and fill the memory up to a large number.
fn check_indices(service: &str, body: &[u8]) -> Result<(), AwsError> {
    let text = String::from_utf8_lossy(body);
    let names = text
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .filter(|_| !json(service));
    let mut indices = names
        .flat_map(|name| name.split('.'))
        .filter_map(|part| part.parse::<u64>().ok());
    match indices.find(|index| !(1..=1000).contains(index)) {
        Some(_) => Err(AwsError::bad_request(
            "MalformedInput",
            "A list's index is out of its range.",
        )),
        None => Ok(()),
    }
}

/// An unsigned request names no service; its form tells enough to answer in kind.
fn guess(request: &Request) -> String {
    let form = protocol::detect_protocol(&request.headers, &request.body);
    match form {
        Some(Protocol::AwsJson1_0 | Protocol::AwsJson1_1) => "secretsmanager",
        Some(Protocol::AwsQuery) => "sts",
        _ if request.uri.path().starts_with("/2013-04-01/") => "route53",
        _ => "s3",
    }
    .to_owned()
}

/// S3's ids are short and upper case, everybody else's are UUIDs.
fn request_id(service: &str) -> String {
    let id = uuid::Uuid::new_v4();
    if service == "s3" {
        id.simple()
            .to_string()
            .to_uppercase()
            .get(..16)
            .unwrap_or_default()
            .to_owned()
    } else {
        id.to_string()
    }
}

/// Where each service's API reference lists its errors (EC2, S3), or the common errors of its protocol.
fn throttled(service: &str) -> AwsError {
    let (status, code) = match service {
        "s3" => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        "ec2" => (StatusCode::SERVICE_UNAVAILABLE, "RequestLimitExceeded"),
        _ if json(service) || service == "monitoring" => (StatusCode::BAD_REQUEST, "ThrottlingException"),
        _ => (StatusCode::BAD_REQUEST, "Throttling"),
    };
    let mut error = AwsError::bad_request(code, "Rate exceeded");
    error.status = status;
    error
}

fn unsigned(service: &str) -> AwsError {
    match service {
        "s3" => AwsError::forbidden("AccessDenied", "Access Denied"),
        _ if json(service) => {
            AwsError::bad_request("MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        _ => AwsError::forbidden("MissingAuthenticationToken", "Request is missing Authentication Token"),
    }
}

fn unknown_key(service: &str) -> AwsError {
    let invalid = "The security token included in the request is invalid.";
    match service {
        "s3" => AwsError::forbidden(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        _ if json(service) => AwsError::bad_request("UnrecognizedClientException", invalid),
        _ => AwsError::forbidden("InvalidClientTokenId", invalid),
    }
}

fn wrong_token(service: &str) -> AwsError {
    if service == "s3" {
        AwsError::bad_request("InvalidToken", "The provided token is malformed or otherwise invalid.")
    } else {
        unknown_key(service)
    }
}

fn expired(service: &str) -> AwsError {
    let text = "The security token included in the request is expired";
    match service {
        "s3" => AwsError::bad_request("ExpiredToken", "The provided token has expired."),
        _ if json(service) => AwsError::bad_request("ExpiredTokenException", text),
        _ => AwsError::forbidden("ExpiredToken", text),
    }
}

fn wrong_signature(refusal: &Refusal, service: &str) -> AwsError {
    let text = "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                Access Key and signing method. Consult the service documentation for details.";
    match (refusal, service) {
        (Refusal::Expired, _) => AwsError::forbidden("AccessDenied", "Request has expired"),
        (Refusal::Skewed, "s3") => AwsError::forbidden(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (Refusal::Body, "s3") => AwsError::bad_request(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        _ if json(service) => AwsError::bad_request("InvalidSignatureException", text),
        _ => AwsError::forbidden("SignatureDoesNotMatch", text),
    }
}

/// Writes the outcome as the service would, with the request's id where its SDK looks for it.
fn respond(service: &str, operation: &str, outcome: Result<Value, AwsError>, id: &str, head: bool) -> Response<Body> {
    let region = outcome
        .as_ref()
        .err()
        .and_then(|e| e.extras.as_ref()?.get("Region")?.as_str()?.parse().ok());
    // What the query protocol called an error, which the services that came from it go on to say.
    let query_code = outcome.as_ref().err().map(|e| format!("{};Sender", e.code));
    let (status, mut headers, mut body) = match (outcome, service) {
        (Ok(answer), "route53") => {
            let created = operation == "CreateHostedZone";
            let status = if created { StatusCode::CREATED } else { StatusCode::OK };
            (status, HeaderMap::new(), Bytes::from(Route53::body(operation, &answer)))
        }
        (Ok(answer), "monitoring") => {
            let (status, headers, _) = protocol::serialize_response(Protocol::RpcV2Cbor, operation, &Value::Null, id);
            (status, headers, Bytes::from(cbor::encode(&answer)))
        }
        (Ok(answer), _) => protocol::serialize_response(wire(service), operation, &answer, id),
        // Unlike S3, Route 53 wraps its errors as the query services do.
        (Err(error), "route53") => protocol::serialize_error(Protocol::AwsQuery, &error, id),
        (Err(error), _) => protocol::serialize_error(wire(service), &error, id),
    };
    if head {
        body = Bytes::new();
    } else if service == "sts" || service == "route53" {
        body = in_namespace(service, &body);
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        let name = if service == "s3" {
            "x-amz-request-id"
        } else {
            "x-amzn-requestid"
        };
        headers.insert(name, value);
    }
    if let Some(region) = region {
        headers.insert("x-amz-bucket-region", region);
    }
    if service == "route53" {
        headers.insert("content-type", HeaderValue::from_static("text/xml"));
    }
    if let (Some(Ok(code)), "monitoring") = (query_code.map(|c| c.parse()), service) {
        headers.insert("x-amzn-query-error", code);
    }
    if json(service) {
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
    }
    let mut response = Response::new(Body::from(body));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}

/// The emulator writes every query service's answers in IAM's name space.
fn in_namespace(service: &str, body: &[u8]) -> Bytes {
    let space = if service == "sts" {
        "https://sts.amazonaws.com/doc/2011-06-15/"
    } else {
        route53::NAMESPACE
    };
    let text = String::from_utf8_lossy(body);
    let iam = ["https", "http"].map(|scheme| format!("xmlns=\"{scheme}://iam.amazonaws.com/doc/2010-05-08/\""));
    let text = iam.iter().fold(text.into_owned(), |text, old| {
        text.replacen(old, &format!("xmlns=\"{space}\""), 1)
    });
    Bytes::from(text)
}

#[cfg(test)]
mod tests;
