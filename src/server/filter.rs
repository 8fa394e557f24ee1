//! `TOOLSETS`, `TOOLS`, `EXCLUDE_TOOLS` and `READ_ONLY`: which tools a server has.

use rmcp::handler::server::router::tool::ToolRouter;

use crate::{
    config::{ToolsConfig, value::nearest},
    ops::{Access, Ops},
    services,
};

/// What `TOOLSETS` says for every toolset.
const ALL: &str = "all";

/// What `TOOLSETS` says for those that there are without it.
const DEFAULT: &str = "default";

/// The toolset of what is forwarded, and how its tools' names begin. They are known only when their server has been asked.
pub(super) const FORWARDED: &str = "aws";
pub(super) const FORWARDED_PREFIX: &str = "aws___";

/// The filters, their names checked.
pub(super) struct Filter {
    /// Whether the settings choose anything.
    named: bool,
    toolsets: Vec<String>,
    tools: Vec<String>,
    excluded: Vec<String>,
    read_only: bool,
}

impl Filter {
    /// # Errors
    /// A name that does not exist, with the nearest that does. A filter that is not understood must not let more through.
    pub(super) fn new(config: &ToolsConfig, known: &[(&str, ToolRouter<Ops>)]) -> Result<Self, String> {
        let sets: Vec<&str> = known
            .iter()
            .map(|(name, _)| *name)
            .chain([FORWARDED, DEFAULT, ALL])
            .collect();
        let tools: Vec<&str> = known
            .iter()
            .flat_map(|(_, t)| t.map.keys().map(AsRef::as_ref))
            .collect();
        let mut toolsets = checked("TOOLSETS (--toolsets)", "toolset", &config.toolsets, &sets)?;
        if toolsets.iter().any(|s| s == DEFAULT) || (toolsets.is_empty() && config.tools.is_empty()) {
            toolsets.extend(services::DEFAULT.into_iter().chain([FORWARDED]).map(str::to_owned));
        }
        Ok(Self {
            named: !(config.toolsets.is_empty() && config.tools.is_empty()),
            toolsets,
            tools: checked("TOOLS (--tools)", "tool", &config.tools, &tools)?,
            excluded: checked("EXCLUDE_TOOLS (--exclude-tools)", "tool", &config.exclude_tools, &tools)?,
            read_only: config.read_only,
        })
    }

    /// Whether any forwarded tool could be chosen at all: if not, their server need not be asked.
    pub(super) fn may_forward(&self) -> bool {
        self.forwards() || self.toolsets.iter().any(|s| s == ALL)
    }

    /// Whether forwarded tools may be all that there is.
    pub(super) fn forwards(&self) -> bool {
        let sets = self.toolsets.iter().any(|s| s == FORWARDED);
        sets || self.tools.iter().any(|t| t.starts_with(FORWARDED_PREFIX))
    }

    /// The setting that hides a tool, as a sentence; `None` if nothing does.
    pub(super) fn hides(&self, tool: &str, toolset: &str, access: Access) -> Option<String> {
        let named = |names: &[String]| names.iter().any(|n| n == tool);
        if named(&self.excluded) {
            return Some("EXCLUDE_TOOLS names it.".to_owned());
        }
        if self.read_only && access > Access::Read {
            return Some(format!(
                "READ_ONLY allows no tool whose access is `{}`.",
                access.as_str()
            ));
        }
        let chosen = named(&self.tools) || self.toolsets.iter().any(|s| s == toolset || s == ALL);
        match (self.toolsets.is_empty(), self.tools.is_empty()) {
            _ if chosen => None,
            _ if !self.named => Some(format!(
                "Its toolset, `{toolset}`, is none of the default ones: set TOOLSETS=default,{toolset}, or TOOLSETS=all."
            )),
            (false, true) => Some(format!("TOOLSETS does not name its toolset, `{toolset}`.")),
            (true, false) => Some("TOOLS does not name it.".to_owned()),
            _ => Some(format!("Neither TOOLS names it nor TOOLSETS its toolset, `{toolset}`.")),
        }
    }
}

fn checked(variable: &str, what: &str, names: &[String], known: &[&str]) -> Result<Vec<String>, String> {
    let check = |name: &String| {
        let name = name.trim();
        if known.contains(&name) || (what == "tool" && name.starts_with(FORWARDED_PREFIX)) {
            return Ok(name.to_owned());
        }
        let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
        Err(format!(
            "{variable}: wrong value `{name}`: no such {what}; {}there are {}",
            near.unwrap_or_default(),
            known.join(", ")
        ))
    };
    names.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        server::{Catalogue, CatalogueOptions},
        services,
    };

    fn config(toolsets: &[&str], tools: &[&str], excluded: &[&str], read_only: bool) -> ToolsConfig {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        ToolsConfig {
            toolsets: owned(toolsets),
            tools: owned(tools),
            exclude_tools: owned(excluded),
            read_only,
        }
    }

    fn left(tools: ToolsConfig) -> Result<Vec<String>, String> {
        let catalogue = Catalogue::new(CatalogueOptions {
            profiles: true.into(),
            tools,
        })?;
        let mut names: Vec<String> = catalogue.entries().map(|e| e.tool.name.to_string()).collect();
        let routed: Vec<String> = catalogue.router().map.keys().map(ToString::to_string).collect();
        assert!(routed.iter().all(|r| names.contains(r)) && routed.len() == names.len());
        names.sort();
        Ok(names)
    }

    #[test]
    fn toolsets_and_tools_choose_and_add_to_each_other() {
        let sum = |of: &dyn Fn(&str) -> bool| -> usize {
            let chosen = services::toolsets().into_iter().filter(|(name, _)| of(name));
            chosen.map(|(_, tools)| tools.map.len()).sum()
        };
        let (all, default) = (sum(&|_| true), sum(&|name| services::DEFAULT.contains(&name)));
        assert_eq!(left(config(&[], &[], &[], false)).unwrap().len(), default);
        assert_eq!(left(config(&["all"], &["get_change"], &[], false)).unwrap().len(), all);
        assert_eq!(
            left(config(&["sts", " accounts"], &[], &[], false)).unwrap(),
            ["get_caller_identity", "list_accounts"]
        );
        assert_eq!(left(config(&[], &["get_change"], &[], false)).unwrap(), ["get_change"]);
        assert_eq!(
            left(config(&["sts"], &["get_change"], &[], false)).unwrap(),
            ["get_caller_identity", "get_change"]
        );
    }

    #[test]
    fn excluding_and_read_only_win_over_choosing() {
        let both = config(&["sts"], &["list_secrets", "get_change"], &["list_secrets"], true);
        assert_eq!(left(both).unwrap(), ["get_caller_identity", "get_change"]);
        let secrets = left(config(&["secrets"], &[], &[], true)).unwrap();
        let has = |name: &str| secrets.iter().any(|s| s == name);
        assert!(
            has("list_secrets") && has("describe_secret") && !has("update_secret"),
            "{secrets:?}"
        );
        assert!(!has("get_secret_value"), "revealing is more than reading");
    }

    #[test]
    fn without_a_choice_there_are_the_default_toolsets_and_a_hidden_tool_says_how_to_have_it() {
        let default = left(config(&[], &[], &[], false)).unwrap();
        assert_eq!(left(config(&["default"], &[], &[], false)).unwrap(), default);
        let more = left(config(&["default", "iam"], &[], &[], false)).unwrap();
        assert!(
            more.len() > default.len() && more.contains(&"list_roles".to_owned()),
            "{more:?}"
        );
        let filter = Filter::new(&config(&[], &[], &[], false), &services::toolsets()).unwrap();
        assert_eq!(filter.hides("describe_alarms", "cloudwatch", Access::Read), None);
        let said = filter.hides("list_roles", "iam", Access::Read).unwrap();
        assert!(said.contains("TOOLSETS=default,iam"), "{said}");
        assert!(filter.may_forward());
    }

    #[test]
    fn a_name_that_does_not_exist_stops_the_start() {
        for (wrong, expected) in [
            (
                config(&["secrts"], &[], &[], false),
                "TOOLSETS (--toolsets): wrong value `secrts`: no such toolset; did you mean `secrets`? ",
            ),
            (
                config(&[], &["list_secret"], &[], false),
                "TOOLS (--tools): wrong value `list_secret`: no such tool; did you mean `list_secrets`? ",
            ),
            (
                config(&[], &[], &["delete_objet"], false),
                "did you mean `delete_object`? ",
            ),
            (config(&[], &["list_secrets,"], &[], false), "`list_secrets,`"),
            (config(&[""], &[], &[], false), "wrong value ``"),
            (config(&[], &["put_object"], &[], true), "leave no tool"),
        ] {
            let said = left(wrong).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
    }
}
