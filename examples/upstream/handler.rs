//! The MCP server itself.

use std::{borrow::Cow, sync::Arc};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, GetPromptRequestParams,
        GetPromptResponse, GetPromptResult, Implementation, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{content, state::State, tool};

/// The cursor of the second page.
const SECOND_PAGE: &str = "second-page";

#[derive(Clone)]
pub(super) struct Handler {
    state: Arc<State>,
    /// From the session's beginning, so that no change is missed while it is being opened.
    revision: watch::Receiver<usize>,
}

impl Handler {
    pub(super) fn new(state: &Arc<State>) -> Self {
        Self {
            state: state.clone(),
            revision: state.revision.subscribe(),
        }
    }
}

/// rmcp's type for a piece of JSON.
pub(super) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|e| ErrorData::internal_error(format!("upstream: {e}"), None))
}

/// A whole result, as 2026-07-28 marks it; rmcp takes the mark off for earlier revisions. Nothing may be cached.
pub(super) fn complete<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    if let Some(result) = value.as_object_mut() {
        result.insert("resultType".to_owned(), json!("complete"));
    }
    typed(value)
}

fn list<T: DeserializeOwned>(field: &str, items: Value) -> Result<T, ErrorData> {
    complete(json!({ field: items, "ttlMs": 0, "cacheScope": "private" }))
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("upstream", "1.0.0"))
            .with_instructions(content::INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.state.options.era.versions()
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (tools, pages) = {
            let book = self.state.book();
            (book.tools.clone(), book.pages)
        };
        let (first, second) = tools.split_at(tools.len() / 2);
        match page.and_then(|p| p.cursor).as_deref() {
            None if pages => complete(json!({
                "tools": first, "nextCursor": SECOND_PAGE, "ttlMs": 0, "cacheScope": "private",
            })),
            None => list("tools", json!(tools)),
            Some(SECOND_PAGE) => list("tools", json!(second)),
            Some(_) => Err(ErrorData::invalid_params("Invalid cursor", None)),
        }
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let book = self.state.book();
        let named = |t: &&Value| t.get("name").and_then(Value::as_str) == Some(name);
        typed(book.tools.iter().find(named)?.clone()).ok()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.get_tool(&request.name).is_none() {
            return Err(ErrorData::invalid_params(
                format!("Unknown tool: {}", request.name),
                None,
            ));
        }
        tool::call(&request, &context).await
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        list("resources", content::resources())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        list("resourceTemplates", content::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        match content::read(&uri) {
            Some(contents) => Ok(list::<ReadResourceResult>("contents", json!([contents]))?.into()),
            None => {
                let data = json!({ "uri": uri });
                Err(ErrorData::resource_not_found("Resource not found", Some(data)))
            }
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        list("prompts", content::prompts())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        match content::prompt(&request.name, &arguments) {
            Some(result) => Ok(complete::<GetPromptResult>(result)?.into()),
            None => Err(ErrorData::invalid_params(
                format!("Unknown prompt: {}", request.name),
                None,
            )),
        }
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        complete(json!({ "completion": { "values": ["ec2", "ecs", "eks"], "total": 3, "hasMore": false } }))
    }

    /// Clients before 2026-07-28 are told of changes from here on, until their session ends.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let mut revision = self.revision.clone();
        tokio::spawn(async move {
            while revision.changed().await.is_ok() {
                if context.peer.notify_tool_list_changed().await.is_err() {
                    break;
                }
            }
        });
    }

    /// Whatever is asked for; rmcp narrows it to what the capabilities above announce.
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    /// Clients since 2026-07-28 are told while they listen.
    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut revision = self.revision.clone();
        loop {
            tokio::select! {
                () = subscription.cancelled() => return Ok(()),
                changed = revision.changed() => {
                    if changed.is_err() || subscription.sink().notify_tool_list_changed().await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
