//! Lists of tools: which the client sees, with which arguments, and which may be called or repeated.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rmcp::model::{JsonObject, PaginatedRequestParams, ServerResult, Tool};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The tools that act with credentials, and so can act with those of another profile. Source: mcp-proxy-for-aws,
/// AUTH_REQUIRING_TOOLS.
pub const AUTHENTICATED: [&str; 5] = [
    "aws___call_aws",
    "aws___run_script",
    "aws___get_presigned_url",
    "aws___get_tasks",
    "aws___suggest_aws_commands",
];

/// The argument that names the profile of one call.
pub const PROFILE_ARGUMENT: &str = "aws_profile";

/// For how long a list is believed where a call depends on it.
const BELIEVED: Duration = Duration::from_secs(60);

/// What the endpoint said of its tools when it was last asked.
#[derive(Default)]
pub struct Known {
    tools: Mutex<Option<(Instant, HashMap<String, Hints>)>>,
}

/// What a tool says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: bool,
    /// Repeating it changes nothing more.
    pub idempotent: bool,
}

impl Hints {
    fn of(tool: &Tool) -> Self {
        let hint = |hint: fn(&rmcp::model::ToolAnnotations) -> Option<bool>| {
            tool.annotations.as_ref().and_then(hint).unwrap_or(false)
        };
        Self {
            read_only: hint(|a| a.read_only_hint),
            idempotent: hint(|a| a.idempotent_hint),
        }
    }
}

impl Known {
    /// Takes note of a whole list.
    pub fn note(&self, tools: &[Tool]) {
        let hints = tools.iter().map(|tool| (tool.name.to_string(), Hints::of(tool)));
        let mut known = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), hints.collect()));
    }

    /// What is known of a tool: `None` if the list is too old to say, `Some(None)` if it is not in the list.
    pub fn lately(&self, name: &str) -> Option<Option<Hints>> {
        let known = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, hints) = known.as_ref()?;
        (at.elapsed() < BELIEVED).then(|| hints.get(name).copied())
    }

    /// What was ever said of a tool.
    pub fn ever(&self, name: &str) -> Hints {
        let known = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .as_ref()
            .and_then(|(_, hints)| hints.get(name).copied())
            .unwrap_or_default()
    }
}

/// What the client sees of the tools.
pub fn shown(tools: &mut Vec<Tool>, read_only: bool, profiles: &[String]) {
    if read_only {
        tools.retain(|tool| Hints::of(tool).read_only);
    }
    if profiles.len() < 2 {
        return;
    }
    let mut names = profiles.to_vec();
    names.sort();
    let argument = json!({
        "type": "string",
        "description": format!("AWS CLI profile to sign this request with. Available profiles: {}.", names.join(", ")),
        "enum": names,
    });
    for tool in tools
        .iter_mut()
        .filter(|tool| AUTHENTICATED.contains(&tool.name.as_ref()))
    {
        let mut schema: JsonObject = tool.input_schema.as_ref().clone();
        let properties = schema
            .entry("properties")
            .or_insert_with(|| Value::Object(JsonObject::new()));
        if let Value::Object(properties) = properties
            && properties
                .insert(PROFILE_ARGUMENT.to_owned(), argument.clone())
                .is_some()
        {
            tracing::warn!(tool = ?tool.name, "the tool has an argument aws_profile of its own, which the profiles' shadows");
        }
        tool.input_schema = Arc::new(schema);
    }
}

/// Whether a method lists something in pages.
pub fn cursor_of(params: &Option<PaginatedRequestParams>) -> Option<&str> {
    params.as_ref().and_then(|params| params.cursor.as_deref())
}

/// Takes the cursor of the next page out of a page.
pub fn take_cursor(page: &mut ServerResult) -> Option<String> {
    match page {
        ServerResult::ListToolsResult(page) => page.next_cursor.take(),
        ServerResult::ListPromptsResult(page) => page.next_cursor.take(),
        ServerResult::ListResourcesResult(page) => page.next_cursor.take(),
        ServerResult::ListResourceTemplatesResult(page) => page.next_cursor.take(),
        _ => None,
    }
}

/// Adds a page to those before it.
pub fn append(whole: &mut ServerResult, page: ServerResult) {
    match (whole, page) {
        (ServerResult::ListToolsResult(whole), ServerResult::ListToolsResult(page)) => whole.tools.extend(page.tools),
        (ServerResult::ListPromptsResult(whole), ServerResult::ListPromptsResult(page)) => {
            whole.prompts.extend(page.prompts);
        }
        (ServerResult::ListResourcesResult(whole), ServerResult::ListResourcesResult(page)) => {
            whole.resources.extend(page.resources);
        }
        (ServerResult::ListResourceTemplatesResult(whole), ServerResult::ListResourceTemplatesResult(page)) => {
            whole.resource_templates.extend(page.resource_templates);
        }
        _ => {}
    }
}
