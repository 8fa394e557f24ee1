//! Whose request it is, and the words of AWS where it is nobody's.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_ops_mcp::sandbox::signature::{self, Refusal, Signed};
use axum::{
    Json,
    http::{HeaderName, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    caller::Caller,
    content,
    record::Recorded,
    state::{Owner, State},
};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
    Secret Access Key and signing method. Consult the service documentation for details.";

/// Why a request isn't answered, as AWS writes it: `{"message": …}` and the error's name in a header.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message }
    }

    pub(super) fn throttled(message: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", message)
    }

    pub(super) fn expired() -> Self {
        let text = "The security token included in the request is expired";
        Self::new(StatusCode::FORBIDDEN, "ExpiredTokenException", text)
    }

    pub(super) fn unknown() -> Self {
        let text = "The security token included in the request is invalid.";
        Self::new(StatusCode::FORBIDDEN, "UnrecognizedClientException", text)
    }

    fn signature(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "InvalidSignatureException", message)
    }

    pub(super) fn missing() -> Self {
        let text = "Missing Authentication Token";
        Self::new(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", text)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let kind = (HeaderName::from_static("x-amzn-errortype"), self.code);
        let mut response = (self.status, [kind], Json(json!({ "message": self.message }))).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(RETRY_AFTER, 1.into());
        }
        response
    }
}

/// Checks the signature. An unsigned request is nobody's, and gets no further than the tools that need no account.
pub(super) async fn authenticate(state: &State, request: &Recorded, service: &str) -> Result<Owner, Refused> {
    // A signature in the query is for links, which MCP has none of.
    let header = request.headers.contains_key("authorization");
    let Some(signed) = signature::read(&request.headers, &request.uri).filter(|_| header) else {
        return if state.options.unsigned && !header && open(request) {
            Ok(Owner::nobody())
        } else {
            Err(Refused::missing())
        };
    };
    if signed.service != service {
        let text = format!("Credential should be scoped to correct service: '{service}'.");
        return Err(Refused::signature(text));
    }
    if signed.region != state.options.region {
        let text = format!(
            "Credential should be scoped to a valid region, not '{}'.",
            signed.region
        );
        return Err(Refused::signature(text));
    }
    let caller = state.caller(&signed.access_key).ok_or_else(Refused::unknown)?;
    if caller.token != signed.token {
        return Err(Refused::unknown());
    }
    covers(&signed, request)?;
    verify(state, &signed, &caller, request).await?;
    let over = caller.expires.is_some_and(|end| end <= SystemTime::now());
    if over || state.book().expired.contains(&caller.access_key) {
        return Err(Refused::expired());
    }
    Ok(Owner {
        access_key: caller.access_key,
        account: caller.account,
        arn: caller.arn,
        region: signed.region,
        service: signed.service,
    })
}

/// `host` and every `x-amz-` header must be signed, and the body: only S3 takes one that isn't.
fn covers(signed: &Signed, request: &Recorded) -> Result<(), Refused> {
    let digest = request.header("x-amz-content-sha256").unwrap_or_default();
    if digest == "UNSIGNED-PAYLOAD" || digest.starts_with("STREAMING-") {
        return Err(Refused::signature(MISMATCH));
    }
    let names = request.headers.keys().map(HeaderName::as_str);
    let needed = |name: &&str| *name == "host" || name.starts_with("x-amz-");
    let missing: Vec<&str> = names
        .filter(needed)
        .filter(|name| !signed.signed_headers.iter().any(|s| s == name))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        let text = format!(
            "There were headers present in the request which were not signed: {}",
            missing.join(", ")
        );
        Err(Refused::signature(text))
    }
}

/// Both opinions are heard, so that a signature which only one of them likes is seen.
async fn verify(state: &State, signed: &Signed, caller: &Caller, request: &Recorded) -> Result<(), Refused> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX));
    let (method, uri) = (&request.method, &request.uri);
    let ours = signed.verify(&caller.secret, now, method, uri, &request.headers, &request.body);
    let theirs = match &state.verifier {
        Some(verifier) => verifier.check(request, caller).await,
        None => Ok(()),
    };
    match (ours, theirs) {
        (Ok(()), Ok(())) => Ok(()),
        (Ok(()), Err(why)) => {
            tracing::error!(?why, "botocore refuses what the sandbox takes");
            Err(Refused::signature(format!("{MISMATCH}\n\n(botocore alone: {why})")))
        }
        (Err(refusal), Err(why)) => Err(refused(&refusal, &format!("\n\n{why}"))),
        (Err(refusal), Ok(())) => {
            let note = match &state.verifier {
                Some(_) => "\n\n(botocore takes it)",
                None => "",
            };
            Err(refused(&refusal, note))
        }
    }
}

fn refused(refusal: &Refusal, note: &str) -> Refused {
    Refused::signature(match refusal {
        Refusal::Mismatch | Refusal::Body => format!("{MISMATCH}{note}"),
        Refusal::Skewed => "Signature expired: the request's date is too far from the present.".to_owned(),
        Refusal::Expired => "Signature expired.".to_owned(),
    })
}

/// Whether it is answered without credentials: all but calls of tools that act in an account.
fn open(request: &Recorded) -> bool {
    let message = request.message();
    let tool = message.pointer("/params/name").and_then(|n| n.as_str());
    request.rpc_method() != "tools/call" || tool.is_some_and(|name| content::UNSIGNED.contains(&name))
}
