//! What clients can read without a tool: the accounts, the toolsets, and completions of their names.

use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference, Resource, ResourceTemplate};
use serde_json::{Value, json};

use crate::{
    aws::{Account, Accounts, Resolver},
    config::Region,
};

use super::{Catalogue, catalogue::Entry, runbooks};

const ACCOUNTS: &str = "aws://accounts";
const TOOLSETS: &str = "aws://toolsets";
const REGIONS: &str = "aws://regions";

/// Every resource there is now.
pub(super) fn list(resolver: &Resolver, catalogue: &Catalogue) -> Vec<Resource> {
    let json = |uri: String, name: &str, what: String| {
        Resource::new(uri, name)
            .with_description(what)
            .with_mime_type("application/json")
    };
    let mut all = vec![json(
        ACCOUNTS.to_owned(),
        "accounts",
        "The AWS accounts that tools can work in".to_owned(),
    )];
    let accounts = resolver.accounts();
    all.extend(
        accounts
            .workloads()
            .map(|a| json(format!("{ACCOUNTS}/{}", a.name), &a.name, format!("Account {}", a.name))),
    );
    all.push(json(
        TOOLSETS.to_owned(),
        "toolsets",
        "The toolsets and their tools".to_owned(),
    ));
    all.extend(
        toolsets(catalogue)
            .iter()
            .map(|t| json(format!("{TOOLSETS}/{t}"), t, format!("Tools of {t}"))),
    );
    all.push(json(
        REGIONS.to_owned(),
        "regions",
        "The regions that calls can name".to_owned(),
    ));
    all
}

/// The resources' forms, for clients that complete names.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    [
        ("accounts", "One account", "{name}"),
        ("toolsets", "One toolset's tools", "{toolset}"),
        ("tools", "What one tool needs of IAM and what it answers", "{tool}"),
        ("regions", "One region", "{region}"),
    ]
    .into_iter()
    .map(|(kind, what, name)| {
        ResourceTemplate::new(format!("aws://{kind}/{name}"), kind)
            .with_description(what)
            .with_mime_type("application/json")
    })
    .collect()
}

/// A resource's content; `None` if there is no such resource.
pub(super) fn read(resolver: &Resolver, catalogue: &Catalogue, uri: &str) -> Option<Value> {
    let accounts = resolver.accounts();
    let (kind, name) = match uri.strip_prefix("aws://")?.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (uri.strip_prefix("aws://")?, None),
    };
    match (kind, name) {
        ("accounts", None) => {
            Some(json!({ "accounts": accounts.workloads().map(|a| account(&accounts, a)).collect::<Vec<_>>() }))
        }
        ("accounts", Some(name)) => accounts.find(name).ok().map(|a| account(&accounts, &a)),
        ("toolsets", None) => Some(json!({ "toolsets": toolsets(catalogue) })),
        ("toolsets", Some(name)) => toolset(catalogue, name),
        ("tools", Some(name)) => catalogue.get(name).map(tool),
        ("regions", None) => Some(json!({ "regions": Region::all().map(Region::as_str).collect::<Vec<_>>() })),
        ("regions", Some(name)) => name.parse::<Region>().ok().map(|r| region(&accounts, r)),
        _ => None,
    }
}

/// The names that begin as the client has typed, at most as many as the protocol allows.
pub(super) fn complete(resolver: &Resolver, catalogue: &Catalogue, request: &CompleteRequestParams) -> CompletionInfo {
    let accounts = resolver.accounts();
    let known = matches!(&request.r#ref, Reference::Resource(r) if r.uri.starts_with("aws://"));
    let argument = request.argument.name.as_str();
    let runbook = matches!(&request.r#ref, Reference::Prompt(r) if runbooks::asks_for_account(&r.name, argument));
    let names: Vec<String> = match argument {
        "name" | "account" if known || runbook => accounts.workloads().map(|a| a.name.clone()).collect(),
        "toolset" if known => toolsets(catalogue).into_iter().map(str::to_owned).collect(),
        "tool" if known => catalogue.entries().map(|e| e.tool.name.to_string()).collect(),
        "region" if known => Region::all().map(|r| r.to_string()).collect(),
        _ => Vec::new(),
    };
    let typed = request.argument.value.to_ascii_lowercase();
    let found: Vec<String> = names
        .into_iter()
        .filter(|n| n.to_ascii_lowercase().starts_with(&typed))
        .collect();
    let total = found.len();
    let shown = found.into_iter().take(CompletionInfo::MAX_VALUES).collect();
    let mut info = CompletionInfo::new(shown).unwrap_or_default();
    info.total = u32::try_from(total).ok();
    info.has_more = Some(total > CompletionInfo::MAX_VALUES);
    info
}

fn account(accounts: &Accounts, account: &Account) -> Value {
    json!({
        "name": account.name,
        "id": account.id,
        "aliases": account.aliases,
        "environment": account.environment,
        "kind": account.kind,
        "role_arn": accounts.role_of(account).filter(|_| account.profile.is_none()),
        "profile": account.profile,
        "region": account.region.map(Region::as_str),
        "regions": account.regions.iter().map(|r| r.as_str()).collect::<Vec<_>>(),
        "tags": account.tags,
    })
}

fn toolsets(catalogue: &Catalogue) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = catalogue.entries().map(|e| e.toolset).collect();
    names.dedup();
    names
}

fn toolset(catalogue: &Catalogue, name: &str) -> Option<Value> {
    let tools: Vec<Value> = catalogue
        .entries()
        .filter(|e| e.toolset == name)
        .map(|e| json!({ "name": e.tool.name, "access": e.declaration.access, "iam_actions": e.declaration.actions }))
        .collect();
    (!tools.is_empty()).then(|| json!({ "toolset": name, "tools": tools }))
}

fn tool(entry: &Entry) -> Value {
    let declaration = &entry.declaration;
    let resources: Vec<&String> = declaration.resources.iter().chain(&declaration.apart.1).collect();
    json!({
        "tool": entry.tool.name,
        "toolset": entry.toolset,
        "access": declaration.access,
        "iam_actions": declaration.actions,
        "key_actions": declaration.key_actions,
        "resources": resources,
        "idempotent": declaration.idempotent,
        "data": entry.data,
    })
}

fn region(accounts: &Accounts, region: Region) -> Value {
    let open = |a: &Account| a.regions.is_empty() || a.regions.contains(&region);
    let names: Vec<&str> = accounts
        .workloads()
        .filter(|a| open(a))
        .map(|a| a.name.as_str())
        .collect();
    json!({ "region": region.as_str(), "partition": region.partition(), "accounts": names })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rmcp::model::ArgumentInfo;

    use super::*;

    fn world() -> (Resolver, Catalogue) {
        let json = r#"[{"name": "central", "id": "111111111111", "kind": "central"},
            {"name": "production", "id": "222222222222", "regions": ["eu-west-1"], "external_id": "hidden"},
            {"name": "preview", "id": "333333333333"}]"#;
        let accounts = Arc::new(crate::aws::registry::parse(json).unwrap());
        (Resolver::new(accounts, None, true), Catalogue::new(true).unwrap())
    }

    #[test]
    fn everything_listed_can_be_read_and_nothing_else() {
        let (resolver, catalogue) = world();
        for resource in list(&resolver, &catalogue) {
            let content = read(&resolver, &catalogue, &resource.uri);
            assert!(
                content.is_some_and(|c| !c.to_string().contains("hidden")),
                "{}",
                resource.uri
            );
        }
        let eu = read(&resolver, &catalogue, "aws://regions/eu-west-1").unwrap();
        assert_eq!(eu["accounts"], json!(["production", "preview"]));
        let tool = read(&resolver, &catalogue, "aws://tools/get_object").unwrap();
        assert_eq!(tool["iam_actions"][0], "s3:GetObject");
        assert!(tool["data"]["$defs"].to_string().contains("presigned_url"), "{tool}");
        for uri in [
            "aws://tools/nope",
            "aws://accounts/nope",
            "aws://",
            "aws://toolsets/nope",
            "file:///etc/passwd",
            "aws://regions/x",
        ] {
            assert!(read(&resolver, &catalogue, uri).is_none(), "{uri}");
        }
    }

    #[test]
    fn names_complete() {
        let (resolver, catalogue) = world();
        let ask = |template: &str, name: &str, value: &str| {
            let argument = ArgumentInfo::new(name, value);
            let request = CompleteRequestParams::new(Reference::for_resource(template), argument);
            complete(&resolver, &catalogue, &request).values
        };
        assert_eq!(ask("aws://accounts/{name}", "name", "PR"), ["production", "preview"]);
        assert_eq!(ask("aws://toolsets/{toolset}", "toolset", "se"), ["secrets"]);
        assert_eq!(ask("aws://tools/{tool}", "tool", "get_ch"), ["get_change"]);
        assert_eq!(
            ask("aws://regions/{region}", "region", "eu-west-"),
            ["eu-west-1", "eu-west-2", "eu-west-3"]
        );
        assert!(ask("file://{name}", "name", "").is_empty());
    }
}
