//! Organizations: the emulator's, with paging, and service control policies read the right way round.

use awsim_core::{AccountRegionStore, AwsError, RequestContext, ServiceHandler as _, decode_token, encode_token};
use awsim_iam_policy::PolicyDocument;
use awsim_organizations::{OrganizationsService, state::OrganizationsState};
use serde_json::{Value, json};

use super::{CENTRAL, authorise::Check, value::set};

/// The most accounts on a page, which is also AWS's own number when nobody asks for fewer.
const PAGE: u64 = 20;

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

    pub(super) fn checks(&self, operation: &str) -> Vec<Check> {
        vec![Check::new(format!("organizations:{operation}"), "*")]
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
        let answer = self.inner.handle(operation, input.clone(), &central).await?;
        if operation == "ListAccounts" {
            page(&input, answer)
        } else {
            Ok(answer)
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

fn page(input: &Value, answer: Value) -> Result<Value, AwsError> {
    let mut accounts = answer
        .get("Accounts")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    accounts.sort_by_key(|account| account.get("Id").and_then(Value::as_str).map(str::to_owned));
    let invalid = |text: &str| AwsError::bad_request("InvalidInputException", text);
    let limit = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(invalid("You specified an invalid value for MaxResults."));
    }
    let start: usize = match input.get("NextToken").and_then(Value::as_str) {
        None => 0,
        Some(token) => decode_token(token)
            .ok()
            .and_then(|at| at.parse().ok())
            .ok_or_else(|| invalid("You specified an invalid NextToken."))?,
    };
    let end = start.saturating_add(usize::try_from(limit).unwrap_or(1));
    let more = end < accounts.len();
    let page: Vec<_> = accounts.into_iter().skip(start).take(end - start).collect();
    let mut answer = json!({ "Accounts": page });
    if more {
        set(&mut answer, "NextToken", encode_token(&end.to_string()));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests;
