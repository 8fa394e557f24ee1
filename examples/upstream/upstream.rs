//! A server of our own where AWS's managed MCP endpoints would be: the AWS MCP Server at `/mcp`, and a runtime of Bedrock
//! AgentCore at `/runtimes/{ARN}/invocations`. It checks every signature, keeps AWS's quotas, fails on demand, and records
//! whatever it is asked. `cargo run --example upstream` runs it by hand, the integration tests start it in process.

use std::{io, sync::Arc};

use aws_ops_mcp::sandbox::Sandbox;
use axum::serve::ListenerExt as _;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

mod auth;
mod caller;
mod content;
mod control;
mod door;
mod era;
mod fault;
mod handler;
mod quota;
mod record;
mod runtime;
mod state;
mod tool;
mod verifier;

pub(crate) use self::{caller::Caller, era::Era, fault::Fault, quota::Quotas, record::Recorded};
use self::{handler::Handler, state::State};

/// The path of the AWS MCP Server.
pub(crate) const MCP: &str = "/mcp";
/// The AgentCore runtime that there is.
pub(crate) const RUNTIME_ARN: &str = "arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/upstream-Ab12Cd34Ef";

/// Finds the owner of an access key that [`Options::callers`] doesn't name, such as one that STS gave out meanwhile.
pub(crate) type Lookup = Arc<dyn Fn(&str) -> Option<Caller> + Send + Sync>;

/// What the server is like from its start.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) era: Era,
    /// Where it claims to be; signatures must be scoped to it.
    pub(crate) region: String,
    /// Who may sign.
    pub(crate) callers: Vec<Caller>,
    pub(crate) lookup: Option<Lookup>,
    /// Where botocore is asked for its opinion, too; by default what `BOTOCORE_VERIFIER` says.
    pub(crate) verifier: Option<String>,
    pub(crate) quotas: Quotas,
    /// Whether the tools that need no account are there for unsigned requests.
    pub(crate) unsigned: bool,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub(crate) port: u16,
}

/// Whoever can sign in the sandbox can sign here, with roles that are assumed there meanwhile, too.
pub(crate) fn signers_of(sandbox: &Sandbox) -> Lookup {
    let sandbox = sandbox.clone();
    Arc::new(move |access_key| Caller::in_sandbox(&sandbox, access_key))
}

impl Default for Options {
    fn default() -> Self {
        Self {
            era: Era::Both,
            region: "us-east-1".to_owned(),
            callers: vec![Caller::of("111111111111"), Caller::session_of("222222222222", "it")],
            lookup: None,
            verifier: verifier::from_env(),
            quotas: Quotas::default(),
            unsigned: false,
            port: 0,
        }
    }
}

/// The server while it listens. It ends when this is dropped.
pub(crate) struct Upstream {
    base: String,
    state: Arc<State>,
    sessions: Arc<LocalSessionManager>,
    stop: CancellationToken,
}

/// rmcp's side: the service with sessions that `/mcp` has, and those without that runtimes have.
#[derive(Clone)]
struct Services {
    state: Arc<State>,
    mcp: StreamableHttpService<Handler, LocalSessionManager>,
    json: StreamableHttpService<Handler, LocalSessionManager>,
    stream: StreamableHttpService<Handler, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
}

impl Services {
    fn new(state: &Arc<State>, stop: &CancellationToken) -> Self {
        let sessions = Arc::new(LocalSessionManager::default());
        let config = || {
            let mut config = StreamableHttpServerConfig::default();
            config.cancellation_token = stop.clone();
            config.stateless_protocol_metadata_required = state.options.era == Era::Modern;
            config
        };
        let service = |config| {
            let state = state.clone();
            StreamableHttpService::new(move || Ok(Handler::new(&state)), sessions.clone(), config)
        };
        let mut mcp = config();
        mcp.legacy_session_mode = state.options.era != Era::Modern;
        let mut stateless = config();
        stateless.legacy_session_mode = false;
        let mut json = stateless.clone();
        json.json_response = true;
        Self {
            mcp: service(mcp),
            json: service(json),
            stream: service(stateless),
            state: state.clone(),
            sessions,
        }
    }
}

impl Upstream {
    pub(crate) async fn start(options: Options) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let elsewhere = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", options.port)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::new(options, format!("http://{}/mcp", elsewhere.local_addr()?)));
        let services = Services::new(&state, &stop);
        let sessions = services.sessions.clone();
        serve(elsewhere, door::elsewhere(state.clone()), &stop);
        serve(listener, door::router(services), &stop);
        Ok(Self {
            base,
            state,
            sessions,
            stop,
        })
    }

    /// Where the AWS MCP Server is.
    pub(crate) fn url(&self) -> String {
        format!("{}{MCP}", self.base)
    }

    /// Where everything is: what an override of AWS's endpoint would be set to.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Where [`RUNTIME_ARN`] is invoked, without a qualifier.
    pub(crate) fn runtime_url(&self) -> String {
        format!("{}{}", self.base, runtime::path_of(RUNTIME_ARN))
    }

    /// Every request so far, the refused ones included, in the order of their arrival.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.state.book().requests.clone()
    }

    /// Forgets the requests so far.
    pub(crate) fn clear(&self) {
        self.state.clear();
    }

    /// How often somebody followed [`Fault::Redirect`].
    pub(crate) fn redirected(&self) -> usize {
        self.state.book().redirected
    }

    /// The sessions that are open.
    pub(crate) fn session_count(&self) -> usize {
        self.state.book().sessions.len()
    }

    /// The next `count` POST requests fail so. Faults queue up; a session's fault waits for a request that has one.
    pub(crate) fn fail(&self, fault: Fault, count: usize) {
        self.state.book().faults.add(fault, count, None);
    }

    /// The next `count` requests of one kind fail so: a JSON-RPC method such as `tools/call`, or `GET` or `DELETE`.
    pub(crate) fn fail_on(&self, kind: &str, fault: Fault, count: usize) {
        self.state.book().faults.add(fault, count, Some(kind.to_owned()));
    }

    /// Forgets the faults that have not come up.
    pub(crate) fn recover(&self) {
        self.state.book().faults.clear();
    }

    pub(crate) fn set_quotas(&self, quotas: Quotas) {
        self.state.book().usage.quotas = quotas;
    }

    /// Adds a caller, or replaces the one with the same access key.
    pub(crate) fn admit(&self, caller: Caller) {
        self.state.admit(caller);
    }

    /// The credentials with this access key are out of date from now on.
    pub(crate) fn expire(&self, access_key: &str) {
        self.state.book().expired.insert(access_key.to_owned());
    }

    /// Adds a tool, or replaces the one of the same name, and tells the clients that listen.
    pub(crate) fn put_tool(&self, definition: Value) {
        self.state.put_tool(definition);
    }

    /// Removes a tool and tells the clients that listen.
    pub(crate) fn remove_tool(&self, name: &str) {
        self.state.remove_tool(name);
    }

    /// Whether `tools/list` comes in two pages.
    pub(crate) fn set_pages(&self, on: bool) {
        self.state.book().pages = on;
    }

    /// Whether runtimes answer with a stream of events instead of JSON.
    pub(crate) fn set_stream(&self, on: bool) {
        self.state.book().stream = on;
    }

    /// Whether a runtime's session answers -32602 until it has seen `initialize` and `notifications/initialized`.
    pub(crate) fn set_needs_initialize(&self, on: bool) {
        self.state.book().needs_initialize = on;
    }

    /// Ends every MCP session and forgets which runtimes were initialized, as a restart would.
    pub(crate) async fn lose_sessions(&self) {
        state::lose_sessions(&self.state, &self.sessions).await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn serve(listener: tokio::net::TcpListener, router: axum::Router, stop: &CancellationToken) {
    // An event behind its headers would wait for their acknowledgement: 40 ms that no call takes.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, router) => {
                if let Err(error) = served {
                    tracing::error!(%error, "the upstream stopped");
                }
            }
            () = stop.cancelled() => {}
        }
    });
}
