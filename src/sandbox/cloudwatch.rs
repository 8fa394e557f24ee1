//! CloudWatch, as far as the tools need it.

use awsim_core::{AwsError, RequestContext};
use serde_json::Value;

use super::authorise::Check;

#[derive(Default)]
pub(super) struct CloudWatch;

impl CloudWatch {
    pub(super) fn checks(&self, operation: &str, _input: &Value, _context: &RequestContext) -> Vec<Check> {
        vec![Check::new(format!("cloudwatch:{operation}"), "*")]
    }

    pub(super) fn handle(&self, operation: &str, _input: &Value, _context: &RequestContext) -> Result<Value, AwsError> {
        let text = format!("Unknown operation: {operation}");
        Err(AwsError::bad_request("UnknownOperationException", text))
    }
}
