//! The errors that the client is told, in agentcore-mcp-proxy's codes and words, with a hint beside them.

use serde_json::{Value, json};

use crate::{config::AgentArn, upstream::UpstreamError};

/// InvokeAgentRuntime failed, or there are no keys for it.
const INVOKE: i64 = -32000;
/// The answer has no body.
const MISSING: i64 = -32001;
/// The answer's body is of no use.
const BODY: i64 = -32002;
const PARSE: i64 = -32700;
const INVALID: i64 = -32600;

/// A JSON-RPC error in the making.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault(Box<Value>);

impl Fault {
    fn new(code: i64, message: &str, hint: Option<String>) -> Self {
        let mut error = json!({ "code": code, "message": message });
        if let (Some(hint), Some(map)) = (hint, error.as_object_mut()) {
            map.insert("data".to_owned(), json!({ "hint": hint }));
        }
        Self(Box::new(error))
    }

    /// The line is no JSON.
    pub(super) fn parse(why: &str) -> Self {
        Self::new(PARSE, &format!("Parse error: {why}"), None)
    }

    /// The line is JSON, but no message.
    pub(super) fn invalid(why: &str) -> Self {
        Self::new(INVALID, &format!("Invalid Request: {why}"), None)
    }

    /// Too much is going on already.
    pub(super) fn busy(waiting: usize) -> Self {
        let text = format!("{waiting} requests are waiting for the runtime already; call again later");
        Self::new(INVOKE, &text, None)
    }

    /// The runtime answered with success, and nothing else.
    pub(super) fn missing() -> Self {
        Self::new(MISSING, "Missing response body from InvokeAgentRuntime", None)
    }

    /// The runtime's answer is of no use.
    pub(super) fn body(why: &str) -> Self {
        Self::new(BODY, &format!("Failed to process response body: {why}"), None)
    }

    /// The runtime's answer ended, and nothing in it was for the request.
    pub(super) fn unanswered() -> Self {
        Self::body("it ended without a response to this request")
    }

    /// The runtime's own error, which lacked the request's id.
    pub(super) fn of_runtime(error: Value) -> Self {
        Self(Box::new(error))
    }

    /// There are no keys to sign with.
    pub(super) fn credentials(error: &UpstreamError) -> Self {
        let hint = match error {
            UpstreamError::Account(error) => error.hint(),
            _ => None,
        };
        Self::new(INVOKE, &format!("Credential refresh failed: {error}"), hint)
    }

    /// InvokeAgentRuntime failed. `request_id` is AWS's; `who` signs.
    pub(super) fn invoke(error: &UpstreamError, request_id: Option<&str>, place: &Place<'_>) -> Self {
        let text = match error {
            UpstreamError::Status {
                status, code, message, ..
            } => {
                let code = code.clone().unwrap_or_else(|| status.to_string());
                let mut metadata = json!({ "HTTPStatusCode": status });
                if let (Some(id), Some(map)) = (request_id, metadata.as_object_mut()) {
                    map.insert("RequestId".to_owned(), json!(id));
                }
                json!({ "Error": { "Message": message, "Code": code }, "ResponseMetadata": metadata }).to_string()
            }
            other => other.to_string(),
        };
        Self::new(INVOKE, &format!("InvokeAgentRuntime error: {text}"), place.hint(error))
    }

    /// The whole message, for whom it is for.
    pub(super) fn line(&self, id: &Value) -> String {
        json!({ "jsonrpc": "2.0", "id": id, "error": *self.0 }).to_string()
    }

    /// What the log says of it.
    pub(super) fn text(&self) -> &str {
        self.0.get("message").and_then(Value::as_str).unwrap_or_default()
    }
}

/// What a hint names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) arn: &'a AgentArn,
    pub(super) qualifier: &'a str,
    /// The identity that signs, in words.
    pub(super) who: &'a str,
}

impl Place<'_> {
    /// Who can mend it, and how.
    fn hint(&self, error: &UpstreamError) -> Option<String> {
        let Self { arn, qualifier, who } = self;
        let (status, code, message) = match error {
            UpstreamError::Status {
                status, code, message, ..
            } => (*status, code.as_deref().unwrap_or_default(), message),
            UpstreamError::Connect { .. } | UpstreamError::Tls { .. } | UpstreamError::Redirect { .. } => {
                return Some(format!(
                    "Check the way to {} (AWS_ENDPOINT_URL_BEDROCK_AGENTCORE for a private endpoint, HTTPS_PROXY, AWS_CA_BUNDLE).",
                    arn.host()
                ));
            }
            UpstreamError::TimedOut { .. } => {
                return Some(
                    "Raise AGENTCORE_READ_TIMEOUT if the agent needs longer; what was begun may go on there."
                        .to_owned(),
                );
            }
            _ => return None,
        };
        Some(match (status, code) {
            _ if error.keys_expired() => format!(
                "New keys were asked for, and AWS does not take those of {who} either: run `aws sso login`, or renew the keys, where the proxy runs."
            ),
            (_, "AccessDeniedException" | "AccessDenied") => {
                let user = after(message, "User: ").unwrap_or(who);
                let action = after(message, "perform: ").unwrap_or("bedrock-agentcore:InvokeAgentRuntime");
                format!("{user} needs a policy that allows {action} on {arn} and {arn}/*.")
            }
            (_, "ResourceNotFoundException") => format!(
                "{arn} has no endpoint {qualifier}, or does not exist in {}: check AGENTCORE_AGENT_ARN and AGENTCORE_QUALIFIER.",
                arn.region()
            ),
            (424, _) | (_, "RuntimeClientError") => format!(
                "The agent itself failed: its owner finds the reason in the CloudWatch log group /aws/bedrock-agentcore/runtimes/{}-{qualifier}.",
                arn.id()
            ),
            (429 | 503, _) | (_, "RetryableConflictException") => "Call again in a few seconds.".to_owned(),
            (_, "InvalidSignatureException" | "SignatureDoesNotMatch") => {
                "Check the secret key, the machine's clock, and that no proxy on the way changes requests.".to_owned()
            }
            _ => return None,
        })
    }
}

/// The word after `mark`.
fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let word = text.split_once(mark)?.1.split_whitespace().next()?;
    Some(word.trim_end_matches(['.', ',', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, code: &str, message: &str) -> UpstreamError {
        UpstreamError::Status {
            host: "h".to_owned(),
            status,
            code: Some(code.to_owned()).filter(|c| !c.is_empty()),
            message: message.to_owned(),
            retry_after: None,
        }
    }

    fn told(error: &UpstreamError) -> Value {
        let arn: AgentArn = "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/x-a1b2c3d4e5"
            .parse()
            .unwrap();
        let place = Place {
            arn: &arn,
            qualifier: "DEFAULT",
            who: "the base identity",
        };
        let line = Fault::invoke(error, Some("r-1"), &place).line(&json!(7));
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn an_error_is_the_response_as_boto3_has_it() {
        let told = told(&status(404, "ResourceNotFoundException", "No \"agent\""));
        assert_eq!(
            (&told["jsonrpc"], &told["id"], &told["error"]["code"]),
            (&json!("2.0"), &json!(7), &json!(-32000))
        );
        let message = told["error"]["message"].as_str().unwrap();
        let response: Value =
            serde_json::from_str(message.strip_prefix("InvokeAgentRuntime error: ").unwrap()).unwrap();
        let expected = json!({
            "Error": { "Message": "No \"agent\"", "Code": "ResourceNotFoundException" },
            "ResponseMetadata": { "RequestId": "r-1", "HTTPStatusCode": 404 },
        });
        assert_eq!(response, expected);
    }

    #[test]
    fn hints_name_who_must_act_and_on_what() {
        let hint = |error: UpstreamError| {
            told(&error)["error"]["data"]["hint"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let denied = "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: bedrock-agentcore:InvokeAgentRuntimeForUser on resource: x";
        let host = || "h".to_owned();
        for (error, says) in [
            (
                status(403, "AccessDeniedException", denied),
                "arn:aws:sts::1:assumed-role/a/b needs a policy that allows bedrock-agentcore:InvokeAgentRuntimeForUser on arn:aws:bedrock-agentcore:eu-west-1",
            ),
            (
                status(403, "AccessDeniedException", "no"),
                "the base identity needs a policy that allows bedrock-agentcore:InvokeAgentRuntime on",
            ),
            (
                status(404, "ResourceNotFoundException", ""),
                "does not exist in eu-west-1",
            ),
            (status(403, "ExpiredTokenException", ""), "aws sso login"),
            (
                status(424, "", ""),
                "/aws/bedrock-agentcore/runtimes/x-a1b2c3d4e5-DEFAULT",
            ),
            (status(429, "ThrottlingException", ""), "again in a few seconds"),
            (
                UpstreamError::Connect {
                    host: host(),
                    message: host(),
                },
                "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
            ),
            (
                UpstreamError::TimedOut {
                    host: host(),
                    after: std::time::Duration::from_secs(1),
                },
                "AGENTCORE_READ_TIMEOUT",
            ),
        ] {
            let hint = hint(error);
            assert!(hint.contains(says), "{says}: {hint}");
        }
        assert_eq!(hint(status(500, "", "")), "");
    }
}
