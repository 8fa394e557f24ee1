//! The one shape of every answer: `{"success": true, "data": …, "receipt": …}`.

use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// The body of a tool's result. A tool fills `data`; the server adds the rest.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Reply<T> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "error_schema")]
    error: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "receipt_schema")]
    receipt: Option<Receipt>,
}

/// Which identity did it, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The 12-digit account id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The registered account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The role that was assumed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The profile that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// `default` when the server's own identity did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<&'static str>,
    /// The region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The session's name in CloudTrail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The AWS MCP Server's host, where it did the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// AWS's id of the last request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_request_id: Option<String>,
}

// Written by hand and short: each tool's schema repeats them, and every client pays for that.
fn error_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "properties": {
        "code": { "type": "string" }, "message": { "type": "string" }, "hint": { "type": "string" },
        "retryable": { "type": "boolean" }, "aws_code": { "type": "string" }, "request_id": { "type": "string" }
    }, "required": ["code", "message", "retryable"] })
}

fn receipt_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

/// A tool's structured result. Its name matters: rmcp's macro finds the output schema by it.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoCallToolResult for Json<T> {
    /// Structured content only: the server adds the receipt, and then the text form of the whole.
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let value = serde_json::to_value(self.0).map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
        let mut result = CallToolResult::default();
        result.structured_content = Some(value);
        result.is_error = Some(false);
        Ok(result.into())
    }
}

/// Ends a tool that succeeded.
///
/// # Errors
/// None: the type is what tools return.
pub fn ok<T>(data: T) -> Result<Json<Reply<T>>, super::OpError> {
    Ok(Json(Reply {
        success: true,
        data: Some(data),
        error: None,
        receipt: None,
    }))
}
