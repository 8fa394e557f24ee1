//! What STS is asked for, tool by tool.

use aws_ops_mcp::server::Catalogue;
use serde_json::json;

mod others;
mod table;

use super::{BUCKET, here, zone_id};
use crate::support::{
    recorder::Assumed,
    world::{MANAGEMENT_ROLE, World, registered},
};

const ROLE: &str = "arn:aws:iam::444444444444:role/aws-ops-target";

/// The registry, with an external id for development.
fn with_external_id() -> String {
    let mut accounts = registered();
    let entries = accounts.as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|a| a["name"] == json!("development")).unwrap();
    entry["external_id"] = json!("acme-7");
    accounts.to_string()
}

#[tokio::test]
async fn sts_is_asked_for_exactly_what_each_tool_declares() {
    let registry = with_external_id();
    let flags = ["--account-registry", &registry];
    let Some((world, recorder)) = World::recorded(&flags).await else {
        return;
    };
    let declared = [
        table::declared(&zone_id(&world).await),
        others::watching(),
        others::iam(),
        others::organizations(),
        others::ec2(),
    ]
    .concat();
    let mut tools: Vec<&str> = declared.iter().map(|(tool, ..)| *tool).collect();
    let catalogue = Catalogue::new(true).unwrap();
    let mut known: Vec<&str> = catalogue
        .entries()
        .filter(|e| e.declaration.targeted)
        .map(|e| &*e.tool.name)
        .collect();
    tools.sort_unstable();
    known.sort_unstable();
    assert_eq!(tools, known, "every tool is looked at here");

    for (tool, arguments, statements) in declared {
        // A read may find the session that another tool of its toolset has asked for.
        let before = recorder.assumed().len();
        let managing = arguments.get("role_arn").is_some();
        let called = if managing { arguments } else { here(arguments) };
        let body = world.call(tool, called).await;
        let succeeds = !["get_change", "get_resource_request_status", "delete_hosted_zone"].contains(&tool);
        assert_eq!(body["success"], json!(succeeds), "{tool}: {body}");
        let write = catalogue
            .get(tool)
            .unwrap()
            .tool
            .annotations
            .as_ref()
            .unwrap()
            .read_only_hint
            == Some(false)
            && tool != "get_secret_value";
        let asked = if recorder.assumed().len() > before {
            recorder.last()
        } else {
            assert!(!write, "{tool} has a session of its own");
            let same = |a: &&Assumed| a.statements() == statements;
            let assumed = recorder.assumed();
            assumed
                .iter()
                .find(same)
                .unwrap_or_else(|| panic!("{tool}: {assumed:?}"))
                .clone()
        };
        assert_eq!(asked.statements(), statements, "{tool}");
        assert!(asked.get("Policy").len() <= 2048, "{tool}");
        let mut form = asked.form.clone();
        for known in ["Action", "Version", "Policy"] {
            form.remove(known);
        }
        let mut expected = vec![
            ("RoleArn", if managing { MANAGEMENT_ROLE } else { ROLE }),
            ("RoleSessionName", "aws-ops-alice"),
            ("SourceIdentity", "alice"),
            ("DurationSeconds", if write { "900" } else { "3600" }),
            ("Tags.member.1.Key", "caller"),
            ("Tags.member.1.Value", "alice"),
        ];
        if !managing {
            expected.push(("ExternalId", "acme-7"));
        }
        if write {
            expected.extend([("Tags.member.2.Key", "tool"), ("Tags.member.2.Value", tool)]);
        }
        if catalogue.get(tool).unwrap().declaration.broadly {
            expected.push(("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"));
        }
        let expected = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        assert_eq!(form, expected, "{tool}");
    }
}
