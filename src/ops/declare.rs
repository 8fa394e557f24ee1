//! What a tool declares about itself. Annotations, filters, policies and the README's table follow from it.

use rmcp::model::{MetaObject, Tool, ToolAnnotations};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How much a tool can do, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looks, and returns nothing secret.
    Read,
    /// Returns secret material.
    Reveal,
    /// Creates or changes.
    Write,
    /// Can lose something. Also what an undeclared tool counts as.
    Destroy,
}

impl Access {
    /// As logs and tables show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Reveal => "reveal",
            Self::Write => "write",
            Self::Destroy => "destroy",
        }
    }
}

/// A tool's declaration, carried in its `_meta` from its method to the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// How much it can do.
    pub access: Access,
    /// The IAM actions it needs, such as `secretsmanager:ListSecrets`.
    pub actions: Vec<String>,
    /// What those actions are for, as ARNs with arguments in them (see [`crate::aws::policy`]). Reads need none.
    pub resources: Vec<String>,
    /// Those of the actions that IAM knows on no resource but `*`.
    pub anywhere: Vec<String>,
    /// Those of the actions that are for resources of their own, and for which: neither do they work on `resources`, nor the others there.
    pub apart: (Vec<String>, Vec<String>),
    /// KMS actions that the service needs in the caller's name, where a customer's own key is in use. Not everybody has such keys.
    pub key_actions: Vec<String>,
    /// Whether it looks at whatever there is, so that no list of actions could say what it needs: AWS's ReadOnlyAccess does.
    pub broadly: bool,
    /// The argument that names a type of resource, whose service's actions it needs beside its own.
    pub service_of: Option<String>,
    /// The list in its data that is worth reading over all targets at once, by time.
    pub merged: Option<String>,
    /// Whether it works in a target, and so takes the selector's arguments.
    pub targeted: bool,
    /// Whether doing it twice is the same as doing it once.
    pub idempotent: bool,
}

const ACCESS: &str = "aws-ops/access";
const ACTIONS: &str = "aws-ops/iam-actions";
const RESOURCES: &str = "aws-ops/resources";
const ANYWHERE: &str = "aws-ops/anywhere";
const APART: &str = "aws-ops/apart";
const KEYS: &str = "aws-ops/key-actions";
const BROADLY: &str = "aws-ops/broadly";
const SERVICE_OF: &str = "aws-ops/service-of";
const MERGED: &str = "aws-ops/merged";
const TARGETED: &str = "aws-ops/targeted";
const IDEMPOTENT: &str = "aws-ops/idempotent";

/// Declares a tool that works in a target: `#[tool(meta = declare(Access::Read, &["s3:ListAllMyBuckets"]))]`.
pub fn declare(access: Access, actions: &[&str]) -> MetaObject {
    meta(access, actions, true)
}

/// Declares a tool that needs no AWS at all.
pub fn local(access: Access) -> MetaObject {
    meta(access, &[], false)
}

fn meta(access: Access, actions: &[&str], targeted: bool) -> MetaObject {
    MetaObject(rmcp::object!({ ACCESS: access, ACTIONS: actions, TARGETED: targeted }))
}

/// Says more of a tool than [`declare`] does.
pub trait Declare {
    /// On which resources a change works: ARNs with the tool's own arguments in them, `{bucket|segment}`. A session for the
    /// call may do the actions there and nowhere else. Every tool that writes needs one, or [`Declare::anywhere`].
    #[must_use]
    fn on(self, resources: &[&str]) -> Self;

    /// Which of the actions IAM knows on no resource but `*`.
    #[must_use]
    fn anywhere(self, actions: &[&str]) -> Self;

    /// Which of the actions are for other resources than [`Declare::on`] says, such as a copy's source, which is read and never written.
    #[must_use]
    fn apart(self, actions: &[&str], resources: &[&str]) -> Self;

    /// What the service needs of a customer's own KMS key, in the caller's name.
    #[must_use]
    fn with_key(self, actions: &[&str]) -> Self;

    /// That it looks at whatever there is: AWS asks each service in the caller's name, so its session may also do what AWS's managed
    /// policy ReadOnlyAccess allows. For reads alone.
    #[must_use]
    fn broadly(self) -> Self;

    /// That it also needs the actions of a service, since AWS asks that in the caller's name: the one of the type of resource that this
    /// argument names, such as `AWS::RDS::DBInstance`.
    #[must_use]
    fn with_service_of(self, argument: &str) -> Self;

    /// Which list of its data a call over several targets puts together.
    #[must_use]
    fn merged(self, list: &str) -> Self;
}

impl Declare for MetaObject {
    fn on(self, resources: &[&str]) -> Self {
        with(self, RESOURCES, json!(resources))
    }

    fn anywhere(self, actions: &[&str]) -> Self {
        with(self, ANYWHERE, json!(actions))
    }

    fn apart(self, actions: &[&str], resources: &[&str]) -> Self {
        with(self, APART, json!([actions, resources]))
    }

    fn with_key(self, actions: &[&str]) -> Self {
        with(self, KEYS, json!(actions))
    }

    fn broadly(self) -> Self {
        with(self, BROADLY, json!(true))
    }

    fn with_service_of(self, argument: &str) -> Self {
        with(self, SERVICE_OF, json!(argument))
    }

    fn merged(self, list: &str) -> Self {
        with(self, MERGED, json!(list))
    }
}

fn with(mut meta: MetaObject, key: &str, value: serde_json::Value) -> MetaObject {
    meta.0.insert(key.to_owned(), value);
    meta
}

/// Marks a tool that is safe to repeat, because AWS deduplicates it or the second time changes nothing.
pub fn idempotent(meta: MetaObject) -> MetaObject {
    with(meta, IDEMPOTENT, json!(true))
}

impl Declaration {
    /// The declaration of a tool. One without counts as `destroy`: what nobody thought about is not let through.
    pub fn of(tool: &Tool) -> Self {
        let get = |key: &str| tool.meta.as_ref().and_then(|m| m.0.get(key)).cloned();
        let read = |key| get(key).and_then(|v| serde_json::from_value(v).ok());
        let access = read(ACCESS).unwrap_or(Access::Destroy);
        let list = |key| {
            get(key)
                .and_then(|v| serde_json::from_value(v).ok())
                .unwrap_or_default()
        };
        let flag = |key| get(key).and_then(|v| v.as_bool());
        Self {
            access,
            actions: list(ACTIONS),
            resources: list(RESOURCES),
            anywhere: list(ANYWHERE),
            apart: get(APART)
                .and_then(|v| serde_json::from_value(v).ok())
                .unwrap_or_default(),
            key_actions: list(KEYS),
            broadly: flag(BROADLY).unwrap_or(false),
            service_of: get(SERVICE_OF).and_then(|v| Some(v.as_str()?.to_owned())),
            merged: get(MERGED).and_then(|v| v.as_str().map(str::to_owned)),
            targeted: flag(TARGETED).unwrap_or(true),
            idempotent: flag(IDEMPOTENT).unwrap_or(access <= Access::Reveal),
        }
    }

    /// The declaration of a tool that somebody else runs: only how much it can do is known.
    pub fn forwarded(access: Access) -> Self {
        Self {
            access,
            actions: Vec::new(),
            resources: Vec::new(),
            anywhere: Vec::new(),
            apart: (Vec::new(), Vec::new()),
            key_actions: Vec::new(),
            broadly: false,
            service_of: None,
            merged: None,
            targeted: true,
            idempotent: access == Access::Read,
        }
    }

    /// What clients see of it in `_meta`; the rest is at `aws://tools/{tool}`.
    pub fn shown(&self) -> MetaObject {
        MetaObject(rmcp::object!({ ACCESS: self.access }))
    }

    /// MCP's hints, where they say more than their default does: that it may be repeated matters of changes only, and every tool but
    /// the local ones meets an open world. A revealing tool is no "read-only" one: clients run those without asking, and AWS notes each retrieval.
    pub fn annotations(&self) -> ToolAnnotations {
        let mut hints = ToolAnnotations::new()
            .read_only(self.access == Access::Read)
            .destructive(self.access == Access::Destroy);
        if self.access > Access::Read && self.idempotent {
            hints = hints.idempotent(true);
        }
        if !self.targeted {
            hints = hints.open_world(false);
        }
        hints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undeclared_tool_counts_as_destroy() {
        let tool = Tool::new("x", "", rmcp::model::JsonObject::new());
        assert_eq!(Declaration::of(&tool).access, Access::Destroy);
        let broken = tool.with_meta(MetaObject(rmcp::object!({ ACCESS: "raed" })));
        assert_eq!(Declaration::of(&broken).access, Access::Destroy);
        assert_eq!(Declaration::of(&broken).annotations().destructive_hint, Some(true));
    }

    #[test]
    fn hints_follow_the_access() {
        let tool = |meta| Tool::new("x", "", rmcp::model::JsonObject::new()).with_meta(meta);
        let read = Declaration::of(&tool(declare(Access::Read, &["s3:ListBucket"])));
        assert_eq!(read.actions, ["s3:ListBucket"]);
        assert_eq!(read.annotations().read_only_hint, Some(true));
        let reveal = Declaration::of(&tool(declare(Access::Reveal, &[])));
        assert_eq!(
            (
                reveal.annotations().read_only_hint,
                reveal.annotations().destructive_hint
            ),
            (Some(false), Some(false))
        );
        let write = Declaration::of(&tool(idempotent(declare(Access::Write, &[]))));
        assert_eq!(
            (write.annotations().idempotent_hint, write.targeted),
            (Some(true), true)
        );
    }
}
