//! STS: who a call acts as.

use aws_sdk_sts::Client;
use rmcp::{schemars::JsonSchema, tool, tool_router};
use serde::Serialize;

use crate::ops::{Access, Json, OpError, Ops, Reply, declare, ok};

/// Answer of `get_caller_identity`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CallerIdentity {
    account: String,
    arn: String,
    user_id: String,
}

#[tool_router(router = sts_tools, vis = "pub(crate)")]
impl Ops {
    /// Shows which AWS identity a call acts as. Use it to check that an account can be reached. Example: {"account": "production"}
    // No action: STS answers whoever is signed in, whatever the policies say.
    #[tool(meta = declare(Access::Read, &[]))]
    async fn get_caller_identity(&self) -> Result<Json<Reply<CallerIdentity>>, OpError> {
        let answer = self.client(Client::new)?.get_caller_identity().send().await?;
        ok(CallerIdentity {
            account: answer.account().unwrap_or_default().to_owned(),
            arn: answer.arn().unwrap_or_default().to_owned(),
            user_id: answer.user_id().unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use crate::testing::{data, ops};

    #[tokio::test]
    async fn a_call_acts_as_the_accounts_role() {
        let identity = data(ops("staging").await.get_caller_identity().await).unwrap();
        assert_eq!(identity["account"], "333333333333");
        assert_eq!(
            identity["arn"],
            "arn:aws:sts::333333333333:assumed-role/aws-ops-target/aws-ops-local"
        );
    }
}
