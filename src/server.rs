//! The one place that knows MCP: find the tool → resolve the target → sign in → call → receipt → log.

mod admitted;
mod arguments;
mod call;
pub mod catalogue;
mod circuit;
mod fan_out;
mod filter;
mod finish;
mod forwarded;
mod progress;
mod record;
mod resources;
mod runbooks;
mod schema;
mod scope;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::tool::IntoCallToolResult,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
        GetPromptRequestParams, GetPromptResponse, Implementation, JsonObject, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Caller,
    aws::{Aws, Resolver, Selector, targets},
    metrics::{self, Cause},
    ops::OpError,
    upstream::Forwarder,
};

use admitted::admitted;
use call::{Call, Outcome};
use catalogue::Found;
use circuit::Circuits;
use forwarded::Forwarding;
use record::Ended;

pub use catalogue::{Catalogue, CatalogueOptions, Entry};

/// What a model reads before it reads the tools.
const INSTRUCTIONS: &str = "Works in several AWS accounts. list_accounts shows them. Name the `account` (and `region`, if not the \
    default) on every call; `role_arn` (a role to assume) or `profile` (on the server) may stand in its place. Without any the server's own \
    identity is used, which usually may do nothing. To read in many places at once send `accounts` ([\"all\"], names, ids, \
    \"environment:production\", \"tag:team=payments\") and `regions` ([\"all\"] or names). Each result carries a receipt: check its account before \
    you report. Errors carry a hint that says who must do what. Lists go on with next_token.";

/// What is added where calls are forwarded.
const FORWARDING: &str =
    " Tools that begin with aws___ are AWS's own, forwarded: use them for what no other tool does.";

/// The MCP server. Cheap to clone: one is made for each session and each stateless request.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    catalogue: Catalogue,
    resolver: Resolver,
    aws: Arc<Aws>,
    circuits: Circuits,
    /// The caller where no HTTP request brings one: the person at the keyboard. `None` refuses.
    local: Option<Caller>,
    /// The tools that the AWS MCP Server runs; `None` where nothing is forwarded.
    forwarding: Option<Forwarding>,
}

impl Server {
    /// A server of these tools over these accounts. `local` is the caller of a transport without authentication; `forwarder` the way
    /// to the AWS MCP Server, if its tools are to be among them.
    pub fn new(
        catalogue: Catalogue,
        resolver: Resolver,
        aws: impl Into<Arc<Aws>>,
        local: Option<Caller>,
        forwarder: Option<Arc<Forwarder>>,
    ) -> Self {
        let aws = aws.into();
        Self(Arc::new(Inner {
            catalogue,
            resolver,
            circuits: Circuits::new(aws.limits(), aws.clock()),
            aws,
            local,
            forwarding: forwarder.map(Forwarding::new),
        }))
    }

    /// The tools.
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// The way into AWS.
    pub fn aws(&self) -> &Arc<Aws> {
        &self.0.aws
    }

    /// The accounts.
    pub fn resolver(&self) -> &Resolver {
        &self.0.resolver
    }

    fn caller(&self, context: &RequestContext<RoleServer>) -> Option<Caller> {
        let parts = context.extensions.get::<http::request::Parts>();
        match parts {
            // An HTTP request without a caller has passed no authentication: it gets nothing, not even the local caller.
            Some(parts) => parts.extensions.get::<Caller>().cloned(),
            None => self.0.local.clone(),
        }
    }

    /// Refuses a request that has passed no authentication.
    fn authorised(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        self.caller(context)
            .ok_or_else(|| ErrorData::invalid_request("the request carries no caller", None))
    }

    /// Makes the answer of a call, whatever comes of it, and records how it ended.
    async fn answer(
        &self,
        entry: &Entry,
        hidden: Option<&str>,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
        caller: &Caller,
        started: Instant,
    ) -> JsonObject {
        let parts = context.extensions.get::<http::request::Parts>();
        let request_id = parts.and_then(|p| p.extensions.get().copied());
        let taken = match hidden {
            Some(why) => Err(OpError::Hidden(entry.tool.name.to_string(), why.to_owned())),
            None => entry.take_selector(arguments).and_then(|(selector, mut arguments)| {
                let many = selector.as_ref().is_some_and(Selector::is_many);
                let access = entry.take_read_only(&mut arguments, many)?;
                admitted(&context, access)?;
                Ok((selector, arguments, access))
            }),
        };
        let ended = match taken {
            Ok((selector, arguments, access)) => {
                let call = Call {
                    entry,
                    arguments,
                    context,
                    access,
                    max_bytes: self.0.aws.limits().max_result_bytes.get(),
                };
                // rmcp would leave the client of a panicking tool waiting for ever.
                let run = AssertUnwindSafe(self.run(call, selector, caller)).catch_unwind().await;
                run.unwrap_or_else(|_| Ended::before(OpError::internal("a tool panicked")))
            }
            Err(error) => Ended::before(error),
        };
        ended.record(entry, caller, request_id, started);
        ended.body
    }

    /// Runs a tool in its target or targets, under the deadline, and makes the answer's body.
    async fn run(&self, mut call: Call<'_>, selector: Option<Selector>, caller: &Caller) -> Ended {
        let inner = &self.0;
        let limit = inner.aws.limits().max_result_bytes.get();
        let cancelled = call.context.ct.clone();
        let mut outcome = Outcome::default();
        let mut environment = None;
        let many = selector.as_ref().filter(|s| s.is_many()).cloned();
        let result = if let Some(selector) = many {
            call.max_bytes = limit.map(fan_out::share);
            let work = async {
                let targets = targets(&inner.resolver, &selector, caller)?;
                call.check()?;
                environment = record::environment(targets.iter().map(|t| t.target.as_ref().ok()));
                inner
                    .fan_out(&call, targets, selector.targets_from.as_deref(), limit)
                    .await
            };
            // Its deadline is its own affair: what has answered by then must not be lost.
            let result = tokio::select! {
                result = work => result,
                () = cancelled.cancelled() => Err(OpError::InvalidInput("the call was cancelled".to_owned())),
            };
            match result {
                Ok(body) => return Ended::new(body, None, environment),
                Err(error) => Err(error),
            }
        } else {
            let (tell, heard) = progress::notes();
            let work = async {
                let target = selector.map(|s| inner.resolver.resolve(&s, caller)).transpose()?;
                call.check()?;
                let watch = tell.watch(0, inner.patience(call.entry).0, None);
                // With the last teller end the notes.
                drop(tell);
                inner.attempt(&call, target, &watch, &mut outcome).await
            };
            let work = heard.beside(&call, None, &[], work);
            let result = self.within_deadline(call.entry, &cancelled, work).await;
            inner.note_timeout(&call, outcome.target.as_ref(), &result);
            result
        };
        outcome.result = Some(result);
        let (body, _) = finish::body(call.entry, &mut outcome);
        let environment = environment.or_else(|| record::environment([outcome.target.as_ref()]));
        Ended::new(body, outcome.receipt, environment)
    }

    /// Waits for `work`, but not beyond the tool deadline, and not for a client that has gone.
    async fn within_deadline<T>(
        &self,
        entry: &Entry,
        cancelled: &CancellationToken,
        work: impl Future<Output = Result<T, OpError>>,
    ) -> Result<T, OpError> {
        let limit = self.0.patience(entry).0;
        let deadline = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = work => result,
            () = deadline => Err(OpError::Timeout(limit.unwrap_or_default())),
            () = cancelled.cancelled() => Err(OpError::InvalidInput("the call was cancelled".to_owned())),
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_resources()
                .enable_prompts()
                .enable_completions()
                .build(),
        )
        .with_server_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
        .with_instructions(match self.0.forwarding {
            Some(_) => format!("{INSTRUCTIONS}{FORWARDING}"),
            None => INSTRUCTIONS.to_owned(),
        })
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.authorised(&context)?;
        let mut tools = self.0.catalogue.tools();
        // Without their server the list is shorter, not absent; the log says why.
        tools.extend(self.forwarded_tools().await.unwrap_or_default());
        let mut result = ListToolsResult::with_all_items(tools);
        if context
            .protocol_version()
            .is_some_and(|v| v >= ProtocolVersion::V_2026_07_28)
        {
            result.ttl_ms = Some(0);
            result.cache_scope = Some(CacheScope::Private);
        }
        Ok(result)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.authorised(&context)?;
        Ok(ListResourcesResult::with_all_items(resources::list(
            &self.0.resolver,
            &self.0.catalogue,
        )))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.authorised(&context)?;
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.authorised(&context)?;
        let Some(content) = resources::read(&self.0.resolver, &self.0.catalogue, &request.uri) else {
            let data = serde_json::json!({ "uri": request.uri });
            return Err(ErrorData::resource_not_found(
                "no such resource; resources/list shows them",
                Some(data),
            ));
        };
        let content = ResourceContents::text(content.to_string(), request.uri).with_mime_type("application/json");
        Ok(ReadResourceResult::new(vec![content]).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.authorised(&context)?;
        Ok(ListPromptsResult::with_all_items(runbooks::list(&self.0.catalogue)))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.authorised(&context)?;
        let arguments = request.arguments.unwrap_or_default();
        match runbooks::get(&self.0.catalogue, &request.name, &arguments) {
            Ok(prompt) => Ok(prompt.into()),
            Err(why) => Err(ErrorData::invalid_params(why, None)),
        }
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.authorised(&context)?;
        let found = resources::complete(&self.0.resolver, &self.0.catalogue, &request);
        Ok(CompleteResult::new(found))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        if let Some(entry) = self.0.catalogue.get(name) {
            return Some(entry.tool.clone());
        }
        let forwarded = self.0.forwarding.as_ref()?.known(&self.0.catalogue)?;
        match forwarded.find(name)? {
            Found::Tool(entry) => Some(entry.tool.clone()),
            Found::Hidden(..) => None,
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let started = Instant::now();
        let _in_flight = metrics::hold(|m| m.in_flight());
        let forwarded = self.forwarded(&request.name).await;
        let found = match &forwarded {
            Ok(forwarded) => forwarded.find(&request.name),
            Err(_) => None,
        };
        let (entry, hidden) = match self.0.catalogue.find(&request.name).or(found) {
            Some(Found::Tool(entry)) => (entry, None),
            Some(Found::Hidden(entry, why)) => (entry, Some(why)),
            None => {
                metrics::record(|m| m.rejected(Cause::UnknownTool));
                return Err(ErrorData::invalid_params(self.unknown(&request.name, &forwarded), None));
            }
        };
        let Some(caller) = self.caller(&context) else {
            return OpError::Forbidden("the request carries no caller".to_owned()).into_call_tool_result();
        };
        let limit = self.0.aws.limits().max_result_bytes.get();
        let span = record::tool_span(entry, &context);
        let work = self.answer(
            entry,
            hidden,
            request.arguments.unwrap_or_default(),
            context,
            &caller,
            started,
        );
        let body = span.around(work, record::tool_ended).await;
        Ok(finish::respond(body, limit))
    }
}
