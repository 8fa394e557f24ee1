//! What the emulator of Organizations lacks or does wrong: lists by parent and target, by AWS's pages.

use awsim_core::{AwsError, decode_token, encode_token};
use awsim_organizations::state::{Account, OrganizationsState};
use serde_json::{Value, json};

use super::super::value::{set, text};

/// The most items on a page, which is also AWS's own number when nobody asks for fewer.
const PAGE: u64 = 20;

/// The answer to an operation that reads; `None` for those that are left to the emulator.
pub(super) fn answer(state: &OrganizationsState, operation: &str, input: &Value) -> Option<Result<Value, AwsError>> {
    let listed = match operation {
        "ListAccounts" => Ok(("Accounts", accounts(state, None))),
        "ListAccountsForParent" => parent(state, input).map(|parent| ("Accounts", accounts(state, Some(parent)))),
        "ListOrganizationalUnitsForParent" => {
            parent(state, input).map(|parent| ("OrganizationalUnits", units(state, parent)))
        }
        "ListRoots" => Ok(("Roots", roots(state))),
        "ListParents" => parents(state, input).map(|parents| ("Parents", parents)),
        "ListPoliciesForTarget" => attached(state, input).map(|policies| ("Policies", policies)),
        _ => return None,
    };
    Some(listed.and_then(|(name, items)| page(input, name, items)))
}

fn accounts(state: &OrganizationsState, parent: Option<&str>) -> Vec<Value> {
    let inside =
        |account: &Account| parent.is_none_or(|p| state.parents.get(&account.id).is_some_and(|own| own.as_str() == p));
    let all = state.accounts.iter().filter(|entry| inside(entry.value()));
    let mut shown: Vec<_> = all
        .map(|account| {
            json!({
                "Id": account.id, "Arn": account.arn, "Email": account.email, "Name": account.name, "Status": account.status,
                "State": account.status, "JoinedMethod": account.joined_method, "JoinedTimestamp": account.joined_timestamp,
            })
        })
        .collect();
    sort(&mut shown);
    shown
}

fn units(state: &OrganizationsState, parent: &str) -> Vec<Value> {
    let inside = |id: &str| state.parents.get(id).is_some_and(|own| own.as_str() == parent);
    let all = state.ous.iter().filter(|entry| inside(entry.key()));
    let mut shown: Vec<_> = all
        .map(|unit| json!({ "Id": unit.id, "Arn": unit.arn, "Name": unit.name }))
        .collect();
    sort(&mut shown);
    shown
}

fn roots(state: &OrganizationsState) -> Vec<Value> {
    let types = json!([{ "Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED" }]);
    let shown = |root: &awsim_organizations::state::Root| json!({ "Id": root.id, "Arn": root.arn, "Name": root.name, "PolicyTypes": types });
    state.roots.iter().map(|root| shown(root.value())).collect()
}

fn parents(state: &OrganizationsState, input: &Value) -> Result<Vec<Value>, AwsError> {
    let child = text(input, "ChildId").unwrap_or_default();
    if !is_account(child) && !child.starts_with("ou-") {
        return Err(invalid(
            "You provided a value that does not match the required pattern.",
        ));
    }
    let parent = state.parents.get(child).ok_or_else(|| {
        let text = "You specified a child that doesn't exist.";
        AwsError::bad_request("ChildNotFoundException", text)
    })?;
    let kind = if parent.starts_with("r-") {
        "ROOT"
    } else {
        "ORGANIZATIONAL_UNIT"
    };
    Ok(vec![json!({ "Id": parent.value(), "Type": kind })])
}

fn attached(state: &OrganizationsState, input: &Value) -> Result<Vec<Value>, AwsError> {
    let target = text(input, "TargetId").unwrap_or_default();
    if !is_account(target) && !target.starts_with("ou-") && !target.starts_with("r-") {
        return Err(invalid(
            "You provided a value that does not match the required pattern.",
        ));
    }
    if !exists(state, target) {
        let text = "You specified a target that doesn't exist.";
        return Err(AwsError::bad_request("TargetNotFoundException", text));
    }
    let kind = text(input, "Filter").unwrap_or_default();
    let on = state
        .policy_attachments
        .iter()
        .filter(|entry| entry.value().iter().any(|id| id == target));
    let mut shown: Vec<_> = on
        .filter_map(|entry| {
            let policy = state.policies.get(entry.key())?;
            (policy.policy_type == kind).then(|| {
                json!({
                    "Id": policy.id, "Arn": policy.arn, "Name": policy.name, "Description": policy.description,
                    "Type": policy.policy_type, "AwsManaged": policy.aws_managed,
                })
            })
        })
        .collect();
    shown.sort_by_key(|policy| text(policy, "Name").map(str::to_owned));
    Ok(shown)
}

fn parent<'i>(state: &OrganizationsState, input: &'i Value) -> Result<&'i str, AwsError> {
    let id = text(input, "ParentId").unwrap_or_default();
    if !id.starts_with("r-") && !id.starts_with("ou-") {
        return Err(invalid(
            "You provided a value that does not match the required pattern.",
        ));
    }
    if exists(state, id) {
        return Ok(id);
    }
    let text = "You specified parent that doesn't exist.";
    Err(AwsError::bad_request("ParentNotFoundException", text))
}

fn exists(state: &OrganizationsState, id: &str) -> bool {
    state.accounts.contains_key(id) || state.ous.contains_key(id) || state.roots.contains_key(id)
}

fn is_account(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit())
}

fn sort(items: &mut [Value]) {
    items.sort_by_key(|item| text(item, "Id").map(str::to_owned));
}

fn invalid(text: &str) -> AwsError {
    AwsError::bad_request("InvalidInputException", text)
}

fn page(input: &Value, name: &str, items: Vec<Value>) -> Result<Value, AwsError> {
    let limit = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(invalid("You specified an invalid value for MaxResults."));
    }
    let start: usize = match text(input, "NextToken") {
        None => 0,
        Some(token) => decode_token(token)
            .ok()
            .and_then(|at| at.parse().ok())
            .ok_or_else(|| invalid("You specified an invalid NextToken."))?,
    };
    let end = start.saturating_add(usize::try_from(limit).unwrap_or(1));
    let more = end < items.len();
    let page: Vec<_> = items.into_iter().skip(start).take(end - start).collect();
    let mut answer = json!({});
    set(&mut answer, name, page);
    if more {
        set(&mut answer, "NextToken", encode_token(&end.to_string()));
    }
    Ok(answer)
}
