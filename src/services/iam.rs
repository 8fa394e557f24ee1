//! IAM: roles, users' keys and policies, and what they let somebody do. Global: every region shows the same.

mod document;
mod keys;
mod policy;
mod role;
mod simulation;

use aws_sdk_iam::Client;
use rmcp::{handler::server::wrapper::Parameters, tool, tool_router};

use crate::ops::{Access, Json, OpError, Ops, Reply, declare, ok};

use keys::{KeyList, ListAccessKeys};
use policy::{GetPolicy, PolicyDetails};
use role::{GetRole, ListRoles, RoleDetails, RoleList};
use simulation::{SimulatePrincipalPolicy, Simulation};

#[tool_router(router = iam_tools, vis = "pub(crate)")]
impl Ops {
    /// Lists IAM roles with age, last use and attached policies. Answers which roles nobody uses. IAM is global: leave out regions. Example: {"account": "production", "unused_for_days": 90}
    #[tool(meta = declare(Access::Read, &["iam:GetAccountAuthorizationDetails"]))]
    async fn list_roles(&self, Parameters(input): Parameters<ListRoles>) -> Result<Json<Reply<RoleList>>, OpError> {
        ok(role::list(self, &self.client(Client::new)?, input).await?)
    }

    /// Shows a role: who may assume it, its policies' documents, boundary, last use, tags. get_policy shows an attached policy. Example: {"account": "production", "role_name": "deploy"}
    #[tool(meta = declare(Access::Read, &["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy"]))]
    async fn get_role(&self, Parameters(input): Parameters<GetRole>) -> Result<Json<Reply<RoleDetails>>, OpError> {
        ok(role::get(self, &self.client(Client::new)?, input).await?)
    }

    /// Shows a managed policy: its document, versions, how many have it. Example: {"account": "production", "policy": "ReadOnlyAccess"}
    #[tool(meta = declare(Access::Read, &["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:ListPolicies"]))]
    async fn get_policy(
        &self,
        Parameters(input): Parameters<GetPolicy>,
    ) -> Result<Json<Reply<PolicyDetails>>, OpError> {
        ok(policy::get(self, &self.client(Client::new)?, input).await?)
    }

    /// Lists users' access keys with age and last use. Answers which keys to rotate or delete. Example: {"accounts": ["all"], "older_than_days": 90}
    #[tool(meta = declare(Access::Read, &["iam:ListUsers", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"]))]
    async fn list_access_keys(
        &self,
        Parameters(input): Parameters<ListAccessKeys>,
    ) -> Result<Json<Reply<KeyList>>, OpError> {
        ok(keys::list(self, &self.client(Client::new)?, input).await?)
    }

    /// Says whether a role, user or group may do actions, and which statement decides. Resource policies don't count. Example: {"account": "production", "policy_source_arn": "arn:aws:iam::222222222222:role/ci/deploy", "action_names": ["s3:GetObject"]}
    #[tool(meta = declare(Access::Read, &["iam:SimulatePrincipalPolicy"]))]
    async fn simulate_principal_policy(
        &self,
        Parameters(input): Parameters<SimulatePrincipalPolicy>,
    ) -> Result<Json<Reply<Simulation>>, OpError> {
        ok(simulation::simulate(&self.client(Client::new)?, input).await?)
    }
}

/// How many requests one call has under way: IAM answers an account a few times a second.
const AT_ONCE: usize = 5;

/// So many days, in seconds.
fn days(days: u32) -> i64 {
    i64::from(days) * 86_400
}
