//! The one place that knows MCP: find the tool → resolve the target → sign in → call → receipt → log.

pub mod catalogue;
mod finish;
mod scope;

use std::{borrow::Cow, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::tool::{IntoCallToolResult, ToolCallContext},
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, JsonObject,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};

use crate::{
    auth::{Caller, RequestId},
    aws::{Aws, Resolver, Selector, Session, Target, http_client::with_request_id},
    ops::{Access, OpError, Ops, Receipt},
};

pub use catalogue::{Catalogue, Entry};

/// What a model reads before it reads the tools.
const INSTRUCTIONS: &str = "Works in several AWS accounts. list_accounts shows them. Name the `account` (and `region`, if not the \
    default) on every call; without one the server's own identity is used, which usually may do nothing. Each result carries a \
    receipt: check its account before you report. Errors carry a hint that says who must do what. Lists go on with next_token.";

/// The MCP server. Cheap to clone: one is made for each session and each stateless request.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    catalogue: Catalogue,
    resolver: Resolver,
    aws: Aws,
    /// The caller where no HTTP request brings one: the person at the keyboard. `None` refuses.
    local: Option<Caller>,
}

impl Server {
    /// A server of these tools over these accounts. `local` is the caller of a transport without authentication.
    pub fn new(catalogue: Catalogue, resolver: Resolver, aws: Aws, local: Option<Caller>) -> Self {
        Self(Arc::new(Inner {
            catalogue,
            resolver,
            aws,
            local,
        }))
    }

    /// The tools.
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// The way into AWS.
    pub fn aws(&self) -> &Aws {
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

    /// Runs a tool under the deadline, and signs in once more if AWS no longer takes the keys.
    async fn run(&self, entry: &Entry, call: Call, context: RequestContext<RoleServer>) -> Outcome {
        let mut outcome = Outcome::default();
        let cancelled = context.ct.clone();
        let work = self.attempt(entry, call, context, &mut outcome);
        let limit = self.0.aws.limits().tool_timeout.get();
        let deadline = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            result = work => result,
            () = deadline => Err(OpError::Timeout(limit.unwrap_or_default().as_secs())),
            () = cancelled.cancelled() => Err(OpError::InvalidInput("the call was cancelled".to_owned())),
        };
        outcome.result = Some(result);
        outcome
    }

    async fn attempt(
        &self,
        entry: &Entry,
        call: Call,
        context: RequestContext<RoleServer>,
        outcome: &mut Outcome,
    ) -> Result<CallToolResponse, OpError> {
        let inner = &self.0;
        let target = match &call.selector {
            Some(selector) => Some(inner.resolver.resolve(selector, &call.caller)?),
            None => None,
        };
        outcome.target.clone_from(&target);
        let scope = |target| inner.catalogue.policies().apply(entry, target, &call.arguments);
        let target = target.map(scope).transpose()?;
        let mut again = entry.declaration.access <= Access::Reveal;
        loop {
            let session = match &target {
                Some(target) => Some(inner.aws.session(target).await?),
                None => None,
            };
            let receipt = receipt(target.as_ref(), session.as_deref()).await;
            let account = receipt.account_id.as_deref().and_then(|id| id.parse().ok());
            outcome.receipt = target.is_some().then_some(receipt);
            let ops = Ops::new(
                session,
                inner.resolver.accounts().clone(),
                account,
                inner.aws.limits().max_result_bytes.get(),
            );
            let request = CallToolRequestParams::new(call.name.clone()).with_arguments(call.arguments.clone());
            let called = inner
                .catalogue
                .router()
                .call(ToolCallContext::new(&ops, request, context.clone()));
            let (answer, request_id) = with_request_id(called).await;
            if let Some(receipt) = &mut outcome.receipt {
                receipt.aws_request_id = request_id;
            }
            let answer = answer.map_err(|e| OpError::internal(e.message))?;
            match (&target, finish::keys_expired(&answer)) {
                (Some(target), true) if again => {
                    again = false;
                    inner.aws.forget(&target.identity);
                }
                _ => return Ok(answer),
            }
        }
    }
}

/// A call, its selector taken apart from its arguments.
struct Call {
    name: Cow<'static, str>,
    caller: Caller,
    selector: Option<Selector>,
    arguments: JsonObject,
}

/// What came of a call, as far as it got.
#[derive(Default)]
struct Outcome {
    target: Option<Target>,
    receipt: Option<Receipt>,
    result: Option<Result<CallToolResponse, OpError>>,
}

impl Outcome {
    fn failed(error: OpError) -> Self {
        Self {
            result: Some(Err(error)),
            ..Self::default()
        }
    }
}

async fn receipt(target: Option<&Target>, session: Option<&Session>) -> Receipt {
    use crate::aws::Identity;

    let (Some(target), Some(session)) = (target, session) else {
        return Receipt::default();
    };
    let mut receipt = Receipt {
        account: target.account.as_ref().map(|a| a.name.clone()),
        account_id: session.account_id().await.map(ToString::to_string),
        region: Some(session.region().to_string()),
        ..Receipt::default()
    };
    match &target.identity {
        Identity::Role(role) => {
            receipt.role_arn = Some(role.role.to_string());
            receipt.session_name = Some(role.session_name.clone());
        }
        Identity::Profile(profile) => receipt.profile = Some(profile.to_string()),
        Identity::Default => receipt.credentials = Some("default"),
    }
    receipt
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut result = ListToolsResult::with_all_items(self.0.catalogue.tools());
        if context
            .protocol_version()
            .is_some_and(|v| v >= ProtocolVersion::V_2026_07_28)
        {
            result.ttl_ms = Some(0);
            result.cache_scope = Some(CacheScope::Private);
        }
        Ok(result)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.0.catalogue.get(name).map(|entry| entry.tool.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let started = Instant::now();
        let Some(entry) = self.0.catalogue.get(&request.name) else {
            return Err(ErrorData::invalid_params(self.0.catalogue.unknown(&request.name), None));
        };
        let Some(caller) = self.caller(&context) else {
            return OpError::Forbidden("the request carries no caller".to_owned()).into_call_tool_result();
        };
        let request_id = context
            .extensions
            .get::<http::request::Parts>()
            .and_then(|p| p.extensions.get().copied());
        let outcome = match entry.take_selector(request.arguments.unwrap_or_default()) {
            Ok((selector, arguments)) => {
                let call = Call {
                    name: request.name,
                    caller: caller.clone(),
                    selector,
                    arguments,
                };
                // rmcp would leave the client of a panicking tool waiting for ever.
                let run = AssertUnwindSafe(self.run(entry, call, context)).catch_unwind().await;
                run.unwrap_or_else(|_| Outcome::failed(OpError::internal("a tool panicked")))
            }
            Err(error) => Outcome::failed(error),
        };
        let limit = self.0.aws.limits().max_result_bytes.get();
        let (response, code, receipt) = finish::finish(entry, outcome, limit);
        log(entry, &caller, request_id, &code, receipt, started);
        Ok(response)
    }
}

/// One line for each call: who, what, where, how it ended. Never an argument, never a result.
fn log(
    entry: &Entry,
    caller: &Caller,
    request_id: Option<RequestId>,
    outcome: &str,
    receipt: Option<Receipt>,
    started: Instant,
) {
    let receipt = receipt.unwrap_or_default();
    tracing::info!(
        request_id = request_id.map(tracing::field::display),
        tool = %entry.tool.name,
        access = entry.declaration.access.as_str(),
        %caller,
        account_id = receipt.account_id,
        account = receipt.account,
        role_arn = receipt.role_arn,
        profile = receipt.profile.as_ref().map(tracing::field::debug),
        region = receipt.region,
        aws_request_id = receipt.aws_request_id,
        outcome,
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "tool call"
    );
}

/// What a tool that failed before it ran would have answered.
impl From<OpError> for CallToolResult {
    fn from(error: OpError) -> Self {
        match error.into_call_tool_result() {
            Ok(CallToolResponse::Complete(result)) => result,
            _ => Self::default(),
        }
    }
}
