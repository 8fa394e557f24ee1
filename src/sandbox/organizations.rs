//! Organizations: the emulator's, with lists and pages as AWS has them, and service control policies read the right way round.

use awsim_core::{AccountRegionStore, AwsError, RequestContext, ServiceHandler as _};
use awsim_iam_policy::PolicyDocument;
use awsim_organizations::{OrganizationsService, state::OrganizationsState};
use serde_json::Value;

use super::{CENTRAL, authorise::Check, seed::ORGANIZATION, value::text};

mod reads;

pub(super) struct Organizations {
    inner: OrganizationsService,
    store: AccountRegionStore<OrganizationsState>,
}

impl Organizations {
    pub(super) fn new() -> Self {
        let inner = OrganizationsService::new();
        Self {
            store: inner.store(),
            inner,
        }
    }

    pub(super) fn store(&self) -> AccountRegionStore<OrganizationsState> {
        self.store.clone()
    }

    /// On what AWS judges an operation: the thing that it names, in the management account's name.
    pub(super) fn checks(&self, operation: &str, input: &Value) -> Vec<Check> {
        let named = [
            "PolicyId",
            "TargetId",
            "ChildId",
            "ParentId",
            "OrganizationalUnitId",
            "AccountId",
        ];
        let id = named.iter().find_map(|key| text(input, key));
        let state = self.store.get(CENTRAL, "global");
        let resource = id.map_or_else(
            || "*".to_owned(),
            |id| match state.policies.get(id) {
                Some(policy) => policy.arn.clone(),
                None => {
                    let kind = match id.split('-').next() {
                        Some("r") => "root",
                        Some("ou") => "ou",
                        Some("p") => "policy",
                        _ => "account",
                    };
                    format!("arn:aws:organizations::{CENTRAL}:{kind}/{ORGANIZATION}/{id}")
                }
            },
        );
        vec![Check::new(format!("organizations:{operation}"), resource)]
    }

    pub(super) async fn handle(
        &self,
        operation: &str,
        input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        if context.account_id != CENTRAL && operation != "DescribeOrganization" {
            let text = "You don't have permissions to access this resource.";
            return Err(AwsError::bad_request("AccessDeniedException", text));
        }
        let mut central = context.clone();
        central.account_id = CENTRAL.to_owned();
        match reads::answer(&self.store.get(CENTRAL, "global"), operation, &input) {
            Some(answer) => answer,
            None => self.inner.handle(operation, input, &central).await,
        }
    }

    /// The service control policies over an account, from itself up to the root. The central account has none.
    ///
    /// The emulator stores who a policy is attached to, but its own lookup reads that as a list of policies. It also
    /// wants every policy to allow; as AWS attaches `FullAWSAccess` everywhere, that is merged into each.
    pub(super) fn scps(&self, account: &str) -> Vec<PolicyDocument> {
        let state = self.store.get(CENTRAL, "global");
        let full = awsim_iam_policy::parse(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        );
        let mut found = Vec::new();
        let mut node = (account != CENTRAL).then(|| account.to_owned());
        while let Some(here) = node {
            for attached in state
                .policy_attachments
                .iter()
                .filter(|entry| entry.value().contains(&here))
            {
                let policy = state.policies.get(attached.key());
                let policy = policy.filter(|p| p.policy_type == "SERVICE_CONTROL_POLICY");
                if let Some(Ok(mut document)) = policy.map(|p| awsim_iam_policy::parse(&p.content)) {
                    document
                        .statements
                        .extend(full.iter().flat_map(|f| f.statements.clone()));
                    found.push(document);
                }
            }
            node = state.parents.get(&here).map(|parent| parent.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests;
