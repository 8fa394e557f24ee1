//! IAM: the emulator's, with the answers corrected that differ from AWS's. It doesn't encode documents, doesn't count pages, and
//! keeps neither a role's last use nor whose a policy is.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use awsim_core::{
    AccountRegionStore, AwsError, RequestContext, ServiceHandler as _,
    pagination::{cap_max_results, paginate},
};
use awsim_iam::{
    IamService,
    state::{IamState, Policy, Role},
};
use serde_json::{Value, json};

use super::{
    authorise::Check,
    value::{set, text},
};

/// When and where a role was used last.
type Used = (String, &'static str);

pub(super) struct Iam {
    inner: Arc<IamService>,
    store: AccountRegionStore<IamState>,
    used: RwLock<HashMap<(String, String), Used>>,
}

impl Iam {
    pub(super) fn new(inner: Arc<IamService>) -> Self {
        Self {
            store: inner.store(),
            inner,
            used: RwLock::default(),
        }
    }

    pub(super) fn state(&self, account: &str) -> Arc<IamState> {
        self.store.get(account, "global")
    }

    /// From now on the role counts as used then and there.
    pub(super) fn use_role(&self, account: &str, role: &str, date: String, region: &'static str) {
        let mut used = self.used.write().unwrap_or_else(PoisonError::into_inner);
        used.insert((account.to_owned(), role.to_owned()), (date, region));
    }

    /// What a request needs, on the ARNs that AWS judges it by: with their paths, and for a key its user's.
    pub(super) fn checks(&self, operation: &str, input: &Value, context: &RequestContext) -> Vec<Check> {
        let state = self.state(&context.account_id);
        let on = |arn: Option<String>| arn.map(|arn| Check::new(format!("iam:{operation}"), arn));
        let role = || state.roles.get(text(input, "RoleName")?).map(|r| r.arn.clone());
        let user = || state.users.get(text(input, "UserName")?).map(|u| u.arn.clone());
        let owner = || {
            let key = text(input, "AccessKeyId")?;
            let has = |u: &awsim_iam::state::User| u.access_keys.iter().any(|k| k.access_key_id == key);
            state.users.iter().find(|u| has(u.value())).map(|u| u.arn.clone())
        };
        let exact = match operation {
            "SimulatePrincipalPolicy" => on(text(input, "PolicySourceArn").map(str::to_owned)),
            "GetAccessKeyLastUsed" => on(owner()),
            _ if input.get("RoleName").is_some() => on(role()),
            _ if input.get("UserName").is_some() => on(user()),
            _ => None,
        };
        match exact {
            Some(check) => vec![check],
            None => self
                .inner
                .iam_checks(operation, input, context)
                .into_iter()
                .map(|(action, resource)| Check::new(action, resource))
                .collect(),
        }
    }

    pub(super) async fn handle(
        &self,
        operation: &str,
        mut input: Value,
        context: &RequestContext,
    ) -> Result<Value, AwsError> {
        // A query's numbers are text, which the emulator's pages don't read.
        if let Some(most) = text(&input, "MaxItems").and_then(|n| n.parse::<i64>().ok()) {
            set(&mut input, "MaxItems", most);
        }
        let state = self.state(&context.account_id);
        match operation {
            "ListPolicies" => return policies(&state, &input),
            "GetAccountAuthorizationDetails" if only_roles(&input) => {
                return self.role_details(&state, &input, &context.account_id);
            }
            _ => {}
        }
        let mut answer = self.inner.handle(operation, input.clone(), context).await?;
        match operation {
            "GetRole" => {
                if let (Some(role), Some(name)) = (answer.get_mut("Role"), text(&input, "RoleName")) {
                    if let Some(kept) = state.roles.get(name) {
                        set(role, "Tags", tags(&kept.tags));
                    }
                    set(role, "RoleLastUsed", self.last_used(&context.account_id, name));
                }
            }
            "GetPolicy" => {
                if let (Some(policy), Some(arn)) = (answer.get_mut("Policy"), text(&input, "PolicyArn")) {
                    let roles = state.role_permissions_boundaries.iter().filter(|b| b.value() == arn);
                    let users = state.user_permissions_boundaries.iter().filter(|b| b.value() == arn);
                    set(policy, "PermissionsBoundaryUsageCount", roles.count() + users.count());
                    if let Some(kept) = state.policies.get(arn) {
                        set(policy, "Tags", tags(&kept.tags));
                    }
                }
            }
            "SimulatePrincipalPolicy" | "SimulateCustomPolicy" => {
                let results = answer.pointer_mut("/EvaluationResults/member");
                for result in results.and_then(Value::as_array_mut).into_iter().flatten() {
                    // The emulator's own, for its pages.
                    result.as_object_mut().map(|r| r.remove("EvalDecisionReason"));
                }
            }
            _ => {}
        }
        encode(&mut answer);
        Ok(answer)
    }

    fn last_used(&self, account: &str, role: &str) -> Value {
        let used = self.used.read().unwrap_or_else(PoisonError::into_inner);
        match used.get(&(account.to_owned(), role.to_owned())) {
            Some((date, region)) => json!({ "LastUsedDate": date, "Region": region }),
            None => json!({}),
        }
    }

    fn role_details(&self, state: &IamState, input: &Value, account: &str) -> Result<Value, AwsError> {
        let mut roles: Vec<Role> = state.roles.iter().map(|r| r.value().clone()).collect();
        roles.sort_by(|a, b| a.role_name.cmp(&b.role_name));
        let detail = |role: &Role| {
            let attached = role.attached_policies.iter().map(|arn| {
                let name = arn.rsplit('/').next().unwrap_or_default();
                json!({ "PolicyName": name, "PolicyArn": arn })
            });
            let mut inline: Vec<_> = role.inline_policies.iter().collect();
            inline.sort();
            let inline = inline
                .into_iter()
                .map(|(name, document)| json!({ "PolicyName": name, "PolicyDocument": document }));
            let mut detail = json!({
                "RoleName": role.role_name, "RoleId": role.role_id, "Arn": role.arn, "Path": role.path,
                "CreateDate": role.create_date, "AssumeRolePolicyDocument": role.assume_role_policy_document,
                "RolePolicyList": { "member": inline.collect::<Vec<_>>() },
                "AttachedManagedPolicies": { "member": attached.collect::<Vec<_>>() },
                "Tags": tags(&role.tags), "RoleLastUsed": self.last_used(account, &role.role_name),
            });
            if let Some(arn) = state.role_permissions_boundaries.get(&role.role_name) {
                let boundary = json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": *arn });
                set(&mut detail, "PermissionsBoundary", boundary);
            }
            encode(&mut detail);
            detail
        };
        page(input, roles, |r| r.role_name.clone(), "RoleDetailList", detail)
    }
}

/// Whose policies are asked for, which the emulator doesn't look at.
fn policies(state: &IamState, input: &Value) -> Result<Value, AwsError> {
    let path = text(input, "PathPrefix").unwrap_or("/");
    let attached = text(input, "OnlyAttached") == Some("true");
    let scope = text(input, "Scope").unwrap_or("All");
    let wanted = |policy: &Policy| {
        let of_aws = policy.arn.contains(":iam::aws:");
        (scope == "All" || (scope == "AWS") == of_aws)
            && policy.path.starts_with(path)
            && (!attached || policy.attachment_count > 0)
    };
    let mut policies: Vec<Policy> = state
        .policies
        .iter()
        .filter(|p| wanted(p.value()))
        .map(|p| p.value().clone())
        .collect();
    policies.sort_by(|a, b| a.arn.cmp(&b.arn));
    page(
        input,
        policies,
        |p| p.arn.clone(),
        "Policies",
        |p| {
            json!({
                "PolicyName": p.policy_name, "PolicyId": p.policy_id, "Arn": p.arn, "Path": p.path, "IsAttachable": true,
                "DefaultVersionId": p.default_version_id, "AttachmentCount": p.attachment_count,
                "CreateDate": p.create_date, "UpdateDate": p.update_date,
            })
        },
    )
}

fn page<T>(
    input: &Value,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    name: &str,
    show: impl Fn(&T) -> Value,
) -> Result<Value, AwsError> {
    let most = cap_max_results(input.get("MaxItems").and_then(Value::as_i64), 100, 1000);
    let page = paginate(items, most, text(input, "Marker"), key)?;
    let members: Vec<Value> = page.items.iter().map(show).collect();
    let mut answer = json!({ name: { "member": members }, "IsTruncated": page.next_token.is_some() });
    if let Some(token) = page.next_token {
        set(&mut answer, "Marker", token);
    }
    Ok(answer)
}

fn only_roles(input: &Value) -> bool {
    let filter = input.get("Filter");
    let list = filter.and_then(|f| f.get("member").unwrap_or(f).as_array());
    list.is_some_and(|list| list.iter().all(|entity| entity == "Role"))
}

fn tags(tags: &HashMap<String, String>) -> Value {
    let mut tags: Vec<_> = tags.iter().collect();
    tags.sort();
    let tags = tags
        .into_iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }));
    json!({ "member": tags.collect::<Vec<_>>() })
}

/// Writes every policy document as AWS does: "URL-encoded compliant with RFC 3986" (GetRole, GetPolicyVersion and others).
fn encode(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(document) if is_document(key) => *document = percent_encoded(document),
                    inner => encode(inner),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(encode),
        _ => {}
    }
}

fn is_document(key: &str) -> bool {
    matches!(key, "AssumeRolePolicyDocument" | "PolicyDocument" | "Document")
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
