//! The fixture as a `ServerHandler`. Contents are JSON turned into rmcp's types, since JSON is what the suite specifies.

#![expect(deprecated, reason = "the suite still asks for logging, which 2026-07-28 deprecates")]

use std::{sync::Arc, time::Duration};

use aws_ops_mcp::{auth::generate_token, config::value::Secret};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CompleteRequestParams,
        CompleteResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
        SubscriptionFilter, Tool, UnsubscribeRequestParams,
    },
    service::RequestContext,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    content,
    rounds::{self, Next, Round},
};

/// The suite asks for a pause between messages.
const PAUSE: Duration = Duration::from_millis(50);

const SLOW: Duration = Duration::from_millis(1500);

#[derive(Clone)]
pub(crate) struct Fixture {
    key: Arc<Secret>,
}

/// rmcp's type for a piece of JSON.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|e| ErrorData::internal_error(format!("fixture: {e}"), None))
}

/// A whole result, as 2026-07-28 marks it; rmcp takes the mark off for earlier revisions.
fn complete<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    if let Some(result) = value.as_object_mut() {
        result.insert("resultType".to_owned(), json!("complete"));
    }
    typed(value)
}

/// A cacheable list, as 2026-07-28 wants it; earlier revisions ignore the hints.
fn list<T: DeserializeOwned>(field: &str, items: Value) -> Result<T, ErrorData> {
    complete(json!({field: items, "ttlMs": 1000, "cacheScope": "private"}))
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context
        .protocol_version()
        .is_some_and(|v| v.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

impl Fixture {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            key: Arc::new(generate_token()?),
        })
    }

    /// Asks the client while the call runs, as clients before 2026-07-28 can be asked.
    async fn ask(&self, context: &RequestContext<RoleServer>, request: Value) -> Result<Value, ErrorData> {
        let answer = context.peer.send_request(typed(request)?).await;
        let answer = answer.map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
        serde_json::to_value(answer).map_err(|e| ErrorData::internal_error(e.to_string(), None))
    }

    async fn log(&self, context: &RequestContext<RoleServer>, text: &str) -> Result<(), ErrorData> {
        // 2026-07-28 sends log messages only to requests that name a level, and the fixture's callers don't.
        if is_modern(context) {
            return Ok(());
        }
        let params = json!({"level": "info", "logger": "fixture", "data": text});
        let message = typed(json!({"method": "notifications/message", "params": params}))?;
        context
            .peer
            .send_notification(message)
            .await
            .map_err(|e| ErrorData::internal_error(e.to_string(), None))
    }

    async fn talk(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, ErrorData> {
        let argument = |name: &str| {
            let value = request.arguments.as_ref().and_then(|a| a.get(name)?.as_str());
            value.map(str::to_owned)
        };
        match request.name.as_ref() {
            "test_tool_with_logging" | "test_logging_tool" => {
                for text in [
                    "Tool execution started",
                    "Tool processing data",
                    "Tool execution completed",
                ] {
                    self.log(context, text).await?;
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(content::text("logged"))
            }
            "test_tool_with_progress" => {
                for progress in [0.0, 50.0, 100.0] {
                    if let Some(token) = context.meta.get_progress_token() {
                        let told = ProgressNotificationParam::new(token, progress).with_total(100.0);
                        let _ = context.peer.notify_progress(told).await;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(content::text("progressed"))
            }
            "test_sampling" => {
                let request = rounds::sample(&argument("prompt").unwrap_or_default(), 100);
                let answer = self.ask(context, request).await?;
                let text = answer
                    .pointer("/content/text")
                    .and_then(Value::as_str)
                    .unwrap_or("nothing");
                Ok(content::text(format!("LLM response: {text}")))
            }
            "test_reconnection" => {
                // Longer than the runner's ping interval, so that the answer is a stream and its priming event is seen.
                tokio::time::sleep(SLOW).await;
                Ok(content::text("ok"))
            }
            "test_streaming_elicitation" => Ok(content::text("ok")),
            tool => {
                let Some((message, properties)) = content::form(tool) else {
                    return Err(ErrorData::invalid_params(format!("unknown tool: {tool}"), None));
                };
                let required: Vec<_> = match tool {
                    "test_elicitation" => vec!["username", "email"],
                    _ => vec![],
                };
                let schema = json!({"type": "object", "properties": properties, "required": required});
                let message = argument("message").unwrap_or_else(|| message.to_owned());
                let params = json!({"mode": "form", "message": message, "requestedSchema": schema});
                let answer = self
                    .ask(context, json!({"method": "elicitation/create", "params": params}))
                    .await?;
                let action = answer.get("action").and_then(Value::as_str).unwrap_or("none");
                let content = answer.get("content").unwrap_or(&Value::Null);
                Ok(content::text(format!(
                    "User response: action={action}, content={content}"
                )))
            }
        }
    }

    fn round<'a>(
        &'a self,
        responses: &'a Option<rmcp::model::InputResponses>,
        state: &'a Option<String>,
        context: &RequestContext<RoleServer>,
    ) -> Round<'a> {
        Round {
            responses: responses.as_ref(),
            state: state.as_deref(),
            capabilities: context.client_capabilities().unwrap_or_default(),
            key: &self.key,
        }
    }
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .build();
        ServerConfig::new(capabilities)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        list("tools", content::tools())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tools: Vec<Tool> = typed(content::tools()).ok()?;
        tools.into_iter().find(|t| t.name == name)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let name = request.name.as_ref();
        if name == "test_missing_capability" && context.client_capabilities().is_none_or(|c| c.sampling.is_none()) {
            let needed: ClientCapabilities = typed(json!({"sampling": {}}))?;
            return Err(ErrorData::missing_required_client_capability(needed));
        }
        if rounds::TOOLS.contains(&name) {
            let round = self.round(&request.input_responses, &request.request_state, &context);
            return match round.tool(name)? {
                Next::Ask(more) => Ok(more.into()),
                Next::Done(result) => Ok(complete::<CallToolResult>(result)?.into()),
            };
        }
        let result = match content::fixed(name) {
            Some(result) => result,
            None => self.talk(&request, &context).await?,
        };
        Ok(complete::<CallToolResult>(result)?.into())
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
            None => Err(ErrorData::invalid_params(
                "Resource not found",
                Some(json!({"uri": uri})),
            )),
        }
    }

    /// Whatever is asked for; rmcp narrows it to what the capabilities above announce.
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
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
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if request.name == rounds::PROMPT {
            return match self
                .round(&request.input_responses, &request.request_state, &context)
                .prompt()?
            {
                Next::Ask(more) => Ok(more.into()),
                Next::Done(result) => Ok(complete::<GetPromptResult>(result)?.into()),
            };
        }
        let arguments = request.arguments.unwrap_or_default();
        let argument = |name: &str| {
            arguments
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        match content::prompt(&request.name, argument) {
            Some(result) => Ok(complete::<GetPromptResult>(result)?.into()),
            None => Err(ErrorData::invalid_params(
                format!("unknown prompt: {}", request.name),
                None,
            )),
        }
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        complete(json!({"completion": {"values": ["paris", "park", "party"], "total": 3, "hasMore": false}}))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }
}
