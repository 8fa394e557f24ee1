//! EC2: the emulator's.

use awsim_core::{AwsError, RequestContext, ServiceHandler as _};
use awsim_ec2::Ec2Service;
use serde_json::Value;

use super::authorise::Check;

pub(super) struct Ec2(Ec2Service);

impl Ec2 {
    pub(super) fn new() -> Self {
        Self(Ec2Service::new())
    }

    pub(super) fn checks(&self, operation: &str, _input: &Value, _context: &RequestContext) -> Vec<Check> {
        vec![Check::new(format!("ec2:{operation}"), "*")]
    }

    pub(super) async fn handle(
        &self,
        operation: &str,
        input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        self.0.handle(operation, input, context).await
    }
}
