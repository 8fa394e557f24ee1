//! Policy documents, from the tools' declarations and the registry.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::{
    aws::iam_resources::ResourceKind,
    ops::Access,
    server::{Catalogue, Entry},
};

/// Characters of a managed policy, white space not counted. Source: IAM's quotas.
const MANAGED_POLICY: usize = 6144;

/// What takes part in assuming a role under the caller's name.
const ASSUME: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/// What the trust of a role asks of who assumes it. A placeholder of a template is as good as a value.
pub(super) struct Trust {
    /// The base role's ARN.
    pub(super) base: Value,
    /// The registry's ExternalId.
    pub(super) external_id: Option<Value>,
    /// The organization that the base role must be in.
    pub(super) org_id: Option<Value>,
}

/// The least policy that lets every tool of the catalogue work in an account, and what else is asked for, in as many documents
/// as its size needs; none if nothing is needed.
///
/// # Errors
/// An action that [`ResourceKind`] does not know: a mistake in the program.
pub(super) fn target_policies(
    catalogue: &Catalogue,
    partition: &str,
    account: &str,
    besides: Vec<Value>,
) -> Result<Vec<Value>> {
    let statements = groups(catalogue)?.into_iter().map(|group| {
        let mut statement = json!({
            "Sid": group.sid,
            "Effect": "Allow",
            "Action": group.actions,
            "Resource": group.kind.every(partition, account),
        });
        if let Some(statement) = statement
            .as_object_mut()
            .filter(|_| group.kind.reaches_other_accounts())
        {
            let own = json!({ "StringEquals": { "aws:ResourceAccount": account } });
            statement.insert("Condition".to_owned(), own);
        }
        statement
    });
    Ok(packed(statements.chain(besides).collect()))
}

/// What the enabled tools need of the customer's own KMS keys, each service for itself.
pub(super) fn keys(catalogue: &Catalogue, keys: &[String]) -> Vec<Value> {
    let mut services = BTreeMap::<&str, BTreeSet<&str>>::new();
    for declaration in catalogue.entries().map(|e| &e.declaration).filter(|_| !keys.is_empty()) {
        for service in declaration.actions.iter().filter_map(|a| a.split(':').next()) {
            let actions = declaration.key_actions.iter().map(String::as_str);
            services.entry(service).or_default().extend(actions);
        }
    }
    services.retain(|_, actions| !actions.is_empty());
    let statement = |(service, actions): (&str, BTreeSet<&str>)| {
        json!({
            "Sid": format!("KeysOf{}", capital(service)),
            "Effect": "Allow",
            "Action": actions,
            "Resource": keys,
            "Condition": { "StringLike": { "kms:ViaService": format!("{service}.*") } },
        })
    };
    services.into_iter().map(statement).collect()
}

/// What no list of actions can say: the tools that let AWS ask any service in the role's name need that service's own permissions.
pub(super) fn besides(catalogue: &Catalogue) -> Option<String> {
    let names = |wanted: &dyn Fn(&Entry) -> bool| -> String {
        let tools: Vec<&str> = catalogue
            .entries()
            .filter(|e| wanted(e))
            .map(|e| &*e.tool.name)
            .collect();
        tools.join(", ")
    };
    let (look, change) = (
        names(&|e| e.declaration.broadly),
        names(&|e| e.declaration.service_of.is_some()),
    );
    let mut said = Vec::new();
    if !look.is_empty() {
        said.push(format!(
            "For {look} AWS asks each service in the role's name: attach AWS's managed policy ReadOnlyAccess to the target role too, or as much of it as they shall see; their sessions can't do more than it."
        ));
    }
    if !change.is_empty() {
        said.push(format!(
            "{change} needs the permissions of the services whose resources it shall change, such as sqs:SetQueueAttributes, and its session has those of the one type alone."
        ));
    }
    (!said.is_empty()).then(|| said.join(" "))
}

/// What lists the organization's accounts (`ORGANIZATIONS_ACCOUNT`).
pub(super) fn list_accounts() -> Value {
    json!({ "Sid": "ListTheOrganization", "Effect": "Allow", "Action": "organizations:ListAccounts", "Resource": "*" })
}

/// The role of this name in every account of the organization, present and future.
pub(super) fn assume_in_organization(partition: &str, role_name: &str, org_id: &str) -> Value {
    json!({
        "Sid": "AssumeTargetRolesOfTheOrganization",
        "Effect": "Allow",
        "Action": ASSUME,
        "Resource": format!("arn:{partition}:iam::*:role/{role_name}"),
        "Condition": { "StringEquals": { "aws:ResourceOrgID": org_id } },
    })
}

/// A statement's worth of actions.
struct Group {
    sid: String,
    kind: ResourceKind,
    actions: BTreeSet<String>,
}

/// The actions by toolset, access and kind of resource. An action that several tools need stands once, with the least access.
fn groups(catalogue: &Catalogue) -> Result<Vec<Group>> {
    let mut entries: Vec<&Entry> = catalogue.entries().collect();
    let order: Vec<&str> = entries.iter().map(|e| e.toolset).collect();
    let place = |toolset: &str| order.iter().position(|t| *t == toolset);
    entries.sort_by_key(|e| (place(e.toolset), e.declaration.access));
    let (mut seen, mut groups) = (BTreeSet::new(), Vec::<Group>::new());
    for entry in entries {
        for action in &entry.declaration.actions {
            if !seen.insert(action) {
                continue;
            }
            let kind = ResourceKind::of(action)
                .with_context(|| format!("{action} is not in src/aws/iam_resources.rs: what does it work on?"))?;
            let sid = sid(entry.toolset, entry.declaration.access, kind);
            match groups.iter_mut().find(|g| g.sid == sid) {
                Some(group) => drop(group.actions.insert(action.clone())),
                None => groups.push(Group {
                    sid,
                    kind,
                    actions: BTreeSet::from([action.clone()]),
                }),
            }
        }
    }
    Ok(groups)
}

/// Such as `SecretsRevealSecret`. Sids are letters and digits.
fn sid(toolset: &str, access: Access, kind: ResourceKind) -> String {
    [toolset, access.as_str(), kind.as_str()]
        .iter()
        .flat_map(|word| word.split('_'))
        .map(capital)
        .collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The base identity may assume these roles and do what else is asked for; in as many documents as the roles need.
pub(super) fn base_policies(roles: &[String], besides: Vec<Value>) -> Vec<Value> {
    let statement = |roles: &[String]| {
        json!({
            "Sid": "AssumeTargetRoles",
            "Effect": "Allow",
            "Action": ASSUME,
            "Resource": roles,
        })
    };
    let mut chunks: Vec<Vec<String>> = Vec::new();
    for role in roles {
        match chunks.last_mut() {
            Some(chunk) if size(&document(vec![statement(chunk)])) + role.len() + 3 <= MANAGED_POLICY => {
                chunk.push(role.clone());
            }
            _ => chunks.push(vec![role.clone()]),
        }
    }
    packed(chunks.iter().map(|chunk| statement(chunk)).chain(besides).collect())
}

/// Who may assume a target role. The ExternalId comes with AssumeRole only: a request's SetSourceIdentity and TagSession don't
/// have that key, so they stand apart.
pub(super) fn target_trust(trust: &Trust) -> Value {
    let statement = |sid: &str, actions: Value, keys: [(&str, &Option<Value>); 2]| {
        let keys: Map<String, Value> = keys
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
            .collect();
        let mut statement = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": { "AWS": trust.base },
            "Action": actions,
        });
        if let Some(statement) = statement.as_object_mut().filter(|_| !keys.is_empty()) {
            statement.insert("Condition".to_owned(), json!({ "StringEquals": keys }));
        }
        statement
    };
    let organization = ("aws:PrincipalOrgID", &trust.org_id);
    document(vec![
        statement(
            "AssumeByBaseRole",
            json!("sts:AssumeRole"),
            [("sts:ExternalId", &trust.external_id), organization],
        ),
        statement(
            "NameTheCaller",
            json!(["sts:SetSourceIdentity", "sts:TagSession"]),
            [("", &None), organization],
        ),
    ])
}

/// A service account of Kubernetes, `namespace:name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceAccount {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Who may assume the base role through IRSA: one service account of one cluster. The provider is named by its ARN.
pub(super) fn irsa_trust(provider: &str, account: &ServiceAccount) -> Value {
    let host = provider
        .split_once(":oidc-provider/")
        .map_or(provider, |(_, host)| host);
    let ServiceAccount { namespace, name } = account;
    let keys: Map<String, Value> = [
        ("aud", "sts.amazonaws.com".to_owned()),
        ("sub", format!("system:serviceaccount:{namespace}:{name}")),
    ]
    .into_iter()
    .map(|(key, value)| (format!("{host}:{key}"), Value::String(value)))
    .collect();
    document(vec![json!({
        "Sid": "AssumeByServiceAccount",
        "Effect": "Allow",
        "Principal": { "Federated": provider },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": keys },
    })])
}

/// Who may assume the base role through EKS Pod Identity: the service, for one service account if it is named.
pub(super) fn pod_identity_trust(account: Option<&ServiceAccount>) -> Value {
    let mut statement = json!({
        "Sid": "AssumeByPodIdentity",
        "Effect": "Allow",
        "Principal": { "Service": "pods.eks.amazonaws.com" },
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    });
    if let (Some(statement), Some(account)) = (statement.as_object_mut(), account) {
        let keys = json!({
            "aws:RequestTag/kubernetes-namespace": account.namespace,
            "aws:RequestTag/kubernetes-service-account": account.name,
        });
        statement.insert("Condition".to_owned(), json!({ "StringEquals": keys }));
    }
    document(vec![statement])
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The statements in as few documents as a managed policy's size allows.
fn packed(statements: Vec<Value>) -> Vec<Value> {
    let mut documents: Vec<Vec<Value>> = Vec::new();
    for statement in statements {
        match documents.last_mut() {
            Some(open) if size(&document(open.clone())) + size(&statement) < MANAGED_POLICY => open.push(statement),
            _ => documents.push(vec![statement]),
        }
    }
    documents.into_iter().map(document).collect()
}

/// The size as IAM counts it, which does not count white space; compact JSON has none outside of strings.
fn size(value: &Value) -> usize {
    value.to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_of_every_tool_is_in_one_statement_of_a_policy_that_fits() {
        let catalogue = Catalogue::new(true).unwrap();
        let policies = target_policies(&catalogue, "aws", "222222222222", Vec::new()).unwrap();
        let mut found = Vec::new();
        let mut sids = BTreeSet::new();
        for policy in &policies {
            assert!(size(policy) <= MANAGED_POLICY);
            for statement in policy["Statement"].as_array().unwrap() {
                assert!(
                    sids.insert(statement["Sid"].as_str().unwrap().to_owned()),
                    "{statement}"
                );
                assert!(sids.last().unwrap().chars().all(|c| c.is_ascii_alphanumeric()));
                let actions = statement["Action"].as_array().unwrap().iter();
                found.extend(actions.map(|a| a.as_str().unwrap().to_owned()));
            }
        }
        found.sort();
        let declared: BTreeSet<String> = catalogue
            .entries()
            .flat_map(|e| e.declaration.actions.clone())
            .collect();
        assert_eq!(found, declared.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn many_roles_make_several_policies_that_each_fit() {
        let roles: Vec<String> = (0..1000)
            .map(|n| format!("arn:aws:iam::{n:012}:role/aws-ops-target"))
            .collect();
        let policies = base_policies(&roles, vec![list_accounts()]);
        assert!(policies.len() > 8 && policies.iter().all(|p| size(p) <= MANAGED_POLICY));
        assert_eq!(policies.last().unwrap()["Statement"][1]["Sid"], "ListTheOrganization");
        let found: Vec<&str> = policies
            .iter()
            .flat_map(|p| p["Statement"][0]["Resource"].as_array().unwrap())
            .map(|r| r.as_str().unwrap())
            .collect();
        assert_eq!(found, roles);
    }

    #[test]
    fn statements_that_do_not_fit_one_document_go_into_the_next() {
        let big = json!({ "Sid": "x".repeat(4000) });
        let documents = packed(vec![big.clone(), json!({ "Sid": "y" }), big.clone(), big]);
        assert_eq!(documents.len(), 3);
        assert!(documents.iter().all(|d| size(d) <= MANAGED_POLICY));
    }

    #[test]
    fn an_external_id_is_asked_for_where_the_request_has_one() {
        let trust = Trust {
            base: json!("arn:aws:iam::111111111111:role/base"),
            external_id: Some(json!("acme-7")),
            org_id: Some(json!("o-acme0sandbox")),
        };
        let document = target_trust(&trust);
        let keys = |n: usize| document["Statement"][n]["Condition"]["StringEquals"].clone();
        assert_eq!(
            keys(0),
            json!({ "sts:ExternalId": "acme-7", "aws:PrincipalOrgID": "o-acme0sandbox" })
        );
        assert_eq!(keys(1), json!({ "aws:PrincipalOrgID": "o-acme0sandbox" }));
        let open = target_trust(&Trust {
            external_id: None,
            org_id: None,
            ..trust
        });
        assert!(!open.to_string().contains("Condition"), "{open}");
    }

    #[test]
    fn a_web_identity_is_one_service_account_of_one_cluster() {
        let account = ServiceAccount {
            namespace: "ops".to_owned(),
            name: "mcp".to_owned(),
        };
        let trust = irsa_trust("arn:aws:iam::111111111111:oidc-provider/oidc.eks/id/E", &account);
        let statement = &trust["Statement"][0];
        assert_eq!(
            statement["Condition"]["StringEquals"],
            json!({ "oidc.eks/id/E:aud": "sts.amazonaws.com", "oidc.eks/id/E:sub": "system:serviceaccount:ops:mcp" })
        );
    }
}
