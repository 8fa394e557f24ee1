//! Accounts, the server over them, and the router that clients meet: over the sandbox, or over an emulator that is not ours
//! (`tests/ministack/run.sh` says where it is).

use std::{io::Write as _, sync::Arc};

use aws_credential_types::Credentials;
use aws_ops_mcp::{
    auth::Authenticator,
    aws::{Accounts, Aws, Base, Resolver, registry},
    config::{AccountVariables, AwsConfig, AwsMcpConfig, HttpConfig, ToolsConfig},
    http::{Cost, Lifecycle, router},
    sandbox::{Sandbox, SandboxServer},
    server::{Catalogue, CatalogueOptions, Server},
    upstream::Forwarder,
};
use axum::{Router, body::Body};
use clap::{CommandFactory as _, FromArgMatches as _};
use http::{
    Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::BodyExt as _;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    body_of,
    messages::{initialize, initialized},
    recorder::Recorder,
    stub::Stub,
    upstream::{Options, Upstream, signers_of},
};

pub(crate) const ALICE: &str = "a11ce000000000000000123456789abcdef";
pub(crate) const BOB: &str = "b0b00000000000000000123456789abcdef";

/// The role in the management account that looks at the organization.
pub(crate) const MANAGEMENT_ROLE: &str = Sandbox::ORGANIZATION_ROLE;

/// The workload accounts: name, id, the short form in bucket names, the public zone.
pub(crate) const ACCOUNTS: [(&str, &str, &str, &str); 3] = [
    ("production", "222222222222", "prod", "acme.example."),
    ("staging", "333333333333", "staging", "staging.acme.example."),
    ("development", "444444444444", "dev", "dev.acme.example."),
];

/// The server over its accounts.
pub(crate) struct World {
    sandbox: Option<Sandbox>,
    server: Server,
    router: Router,
    listening: Option<SandboxServer>,
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    http: HttpConfig,
    #[command(flatten)]
    aws: AwsConfig,
    #[command(flatten)]
    tools: ToolsConfig,
    #[command(flatten)]
    aws_mcp: AwsMcpConfig,
}

/// Where the other emulator is and who we are there.
struct Emulator {
    endpoint: String,
    keys: Credentials,
}

impl World {
    /// The seeded accounts, wherever the tests run.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same with other settings.
    pub(crate) async fn with(flags: &[&str]) -> Self {
        match emulator() {
            Some(emulator) => Self::over(flags, &emulator.endpoint, Base::Fixed(emulator.keys)),
            None => Self::in_sandbox(flags).await,
        }
    }

    /// The sandbox, for what no other emulator lets one look at. `None`, with a line that says so, over another one.
    pub(crate) async fn sandbox(flags: &[&str]) -> Option<Self> {
        if emulator().is_some() {
            skipped("needs the sandbox");
            return None;
        }
        Some(Self::in_sandbox(flags).await)
    }

    /// The sandbox, and an AWS MCP Server that knows the keys which the sandbox's STS gives out. `None` over another emulator.
    pub(crate) async fn forwarding(options: Options, flags: &[&str]) -> Option<(Self, Upstream)> {
        if emulator().is_some() {
            skipped("needs the sandbox");
            return None;
        }
        let sandbox = Sandbox::new().await.unwrap();
        let options = Options {
            lookup: Some(signers_of(&sandbox)),
            ..options
        };
        let upstream = Upstream::start(options).await.unwrap();
        let listening = sandbox.listen().await.unwrap();
        let url = upstream.url();
        let mut all = vec!["--aws-mcp-endpoint", &url];
        if !flags.contains(&"--aws-mcp-rate") {
            all.extend(["--aws-mcp-rate", "off"]);
        }
        all.extend(flags);
        let world = Self::over(&all, &listening.endpoint, Base::Fixed(sandbox.base_credentials()));
        let world = Self {
            sandbox: Some(sandbox),
            listening: Some(listening),
            ..world
        };
        Some((world, upstream))
    }

    /// A server of an endpoint where nobody answers.
    pub(crate) fn unreachable() -> Self {
        let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "not-a-real-one", None, None, "test");
        Self::over(&["--max-attempts", "1"], "http://127.0.0.1:9", Base::Fixed(keys))
    }

    /// The sandbox, with somebody listening at its door. `None`, with a line that says so, over another emulator.
    pub(crate) async fn recorded(flags: &[&str]) -> Option<(Self, Recorder)> {
        if emulator().is_some() {
            skipped("needs the sandbox");
            return None;
        }
        let sandbox = Sandbox::new().await.unwrap();
        let recorder = Recorder::before(&sandbox).await;
        let world = Self::over(flags, &recorder.endpoint, Base::Fixed(sandbox.base_credentials()));
        let world = Self {
            sandbox: Some(sandbox),
            ..world
        };
        Some((world, recorder))
    }

    /// A server whose AWS is the stub.
    pub(crate) fn of_stub(stub: &Stub, flags: &[&str]) -> Self {
        let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "not-a-real-one", None, None, "test");
        let flags = [&["--max-attempts", "1"], flags].concat();
        Self::over(&flags, &stub.endpoint, Base::Fixed(keys))
    }

    async fn in_sandbox(flags: &[&str]) -> Self {
        let sandbox = Sandbox::new().await.unwrap();
        let listening = sandbox.listen().await.unwrap();
        let base = Base::Fixed(sandbox.base_credentials());
        let world = Self::over(flags, &listening.endpoint, base);
        Self {
            sandbox: Some(sandbox),
            listening: Some(listening),
            ..world
        }
    }

    fn over(flags: &[&str], endpoint: &str, base: Base) -> Self {
        let tokens = format!("alice={ALICE},bob={BOB}");
        let registry = registered().to_string();
        // An answer that takes longer than a ping would come as a stream.
        let mut all = vec![
            "it",
            "--auth-tokens",
            &tokens,
            "--sse-ping",
            "off",
            "--endpoint-url",
            endpoint,
        ];
        if !flags.contains(&"--account-registry") {
            all.extend(["--account-registry", &registry]);
        }
        // Only tests of the rates wait for them.
        for rate in [
            "--caller-rate",
            "--caller-write-rate",
            "--max-in-flight-per-caller",
            "--max-reads-in-flight",
        ] {
            if !flags.contains(&rate) {
                all.extend([rate, "off"]);
            }
        }
        if !["--toolsets", "--tools"].iter().any(|flag| flags.contains(flag)) {
            all.extend(["--toolsets", "all"]);
        }
        if !flags.contains(&"--allowed-role-arns") {
            all.extend(["--allowed-role-arns", MANAGEMENT_ROLE]);
        }
        all.extend(flags);
        // Whatever the environment says, a test gets what it asks for.
        let command = Settings::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
        let settings = Settings::from_arg_matches(&command.get_matches_from(all)).unwrap();
        let accounts = registry::load(&settings.aws, &AccountVariables::default()).unwrap();
        let server = server(accounts, &settings, base);
        let auth = Authenticator::from_config(&settings.http).unwrap();
        let lifecycle = Lifecycle::new(CancellationToken::new());
        let tools = server.clone();
        let cost_of = move |call: &CallToolRequestParams| match tools.changes(call) {
            true => Cost::Write,
            false => Cost::Read,
        };
        Self {
            sandbox: None,
            server: server.clone(),
            router: router(&settings.http, auth, move || server.clone(), cost_of, &lifecycle).unwrap(),
            listening: None,
        }
    }

    /// The sandbox behind it, in a test that asked for one.
    pub(crate) fn accounts(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// Another server over the same accounts, whose own identity has these keys: what can be done with them, and no more.
    pub(crate) fn holding(&self, keys: Credentials) -> Self {
        let endpoint = &self.listening.as_ref().unwrap().endpoint;
        Self::over(&["--aws-mcp-endpoint", "off"], endpoint, Base::Fixed(keys))
    }

    /// The server itself, for what no answer tells.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// A JSON-RPC request to /mcp, and its answer.
    pub(crate) async fn rpc(&self, token: &str, method: &str, params: Value) -> Value {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let response = self.send(token, None, &message).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// A JSON-RPC message to /mcp, in a session or without one, and the response as it is.
    pub(crate) async fn send(&self, token: &str, session: Option<&str>, message: &Value) -> Response<Body> {
        self.post("/mcp", token, session, message).await
    }

    /// The same to another path.
    pub(crate) async fn post(&self, path: &str, token: &str, session: Option<&str>, message: &Value) -> Response<Body> {
        let mut request = Request::post(path)
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        let request = request.body(Body::from(message.to_string())).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Opens a session as `alice` and gives its id.
    pub(crate) async fn session(&self) -> String {
        let response = self.send(ALICE, None, &initialize()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
        let ready = self.send(ALICE, Some(&id), &initialized()).await;
        assert_eq!(ready.status(), StatusCode::ACCEPTED);
        id
    }

    /// Opens a stream on /sse as `alice`; where to post, and the stream, of which nothing but that was read.
    pub(crate) async fn sse(&self) -> (String, Body) {
        let request = Request::get("/sse")
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {ALICE}"));
        let request = request.body(Body::empty()).unwrap();
        let mut body = self.router.clone().oneshot(request).await.unwrap().into_body();
        let frame = body.frame().await.unwrap().unwrap();
        let event = std::str::from_utf8(frame.data_ref().unwrap()).unwrap().to_owned();
        let endpoint = event.lines().find_map(|l| l.strip_prefix("data: ")).unwrap().to_owned();
        for message in [initialize(), initialized()] {
            let accepted = self.post(&endpoint, ALICE, None, &message).await;
            assert_eq!(accepted.status(), StatusCode::ACCEPTED);
        }
        (endpoint, body)
    }

    /// Calls a tool as `alice`; the whole body.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.call_as(ALICE, tool, arguments).await
    }

    /// Calls a tool as whoever has this token.
    pub(crate) async fn call_as(&self, token: &str, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        body_of(&self.rpc(token, "tools/call", params).await)
    }

    /// Calls a tool that must succeed; its data.
    pub(crate) async fn ok(&self, tool: &str, arguments: Value) -> Value {
        let body = self.call(tool, arguments.clone()).await;
        assert_eq!(body["success"], json!(true), "{tool} {arguments}: {body}");
        body["data"].clone()
    }

    /// Calls a tool that must fail with this code; its error.
    pub(crate) async fn fails(&self, code: &str, tool: &str, arguments: Value) -> Value {
        let body = self.call(tool, arguments.clone()).await;
        assert_eq!(body["error"]["code"], json!(code), "{tool} {arguments}: {body}");
        body["error"].clone()
    }

    /// The items of each page, `size` at most, following next_token to the end.
    pub(crate) async fn pages(&self, tool: &str, arguments: Value, size: u32, items: &str) -> Vec<Vec<Value>> {
        let mut arguments = arguments;
        arguments["max_results"] = json!(size);
        let mut pages = Vec::new();
        loop {
            let data = self.ok(tool, arguments.clone()).await;
            pages.push(data[items].as_array().unwrap().clone());
            assert!(pages.len() < 1000, "{tool} goes on for ever");
            match data.get("next_token") {
                Some(token) => arguments["next_token"] = token.clone(),
                None => return pages,
            }
        }
    }
}

fn server(accounts: Accounts, settings: &Settings, base: Base) -> Server {
    let resolver = Resolver::new(Arc::new(accounts), settings.aws.region, false).with_settings(&settings.aws);
    let options = CatalogueOptions {
        profiles: resolver.profiles().clone(),
        tools: settings.tools.clone(),
    };
    let catalogue = Catalogue::new(options).unwrap();
    let aws = Arc::new(Aws::new(&settings.aws, base).unwrap());
    let forwarder = Forwarder::new(&settings.aws_mcp, &settings.aws, aws.clone()).unwrap();
    Server::new(catalogue, resolver, aws, None, forwarder)
}

/// The registry of the seeded accounts.
pub(crate) fn registered() -> Value {
    let workloads = ACCOUNTS.iter().map(|(name, id, ..)| {
        let role = variable(&format!("TEST_ROLE_ARN_{}", name.to_ascii_uppercase()));
        let role = role.unwrap_or_else(|| format!("arn:aws:iam::{id}:role/aws-ops-target"));
        json!({ "name": name, "id": id, "environment": name, "role_arn": role })
    });
    let central = json!({ "name": "central", "id": "111111111111", "kind": "central" });
    std::iter::once(central).chain(workloads).collect()
}

/// Where the emulator is that stands in for the sandbox, if one does.
pub(crate) fn emulator_endpoint() -> Option<String> {
    emulator().map(|e| e.endpoint)
}

fn emulator() -> Option<Emulator> {
    let need = |name: &str| variable(name).unwrap_or_else(|| panic!("TEST_AWS_ENDPOINT_URL is set, but {name} is not"));
    let endpoint = variable("TEST_AWS_ENDPOINT_URL")?;
    let (key, secret) = (need("TEST_AWS_ACCESS_KEY_ID"), need("TEST_AWS_SECRET_ACCESS_KEY"));
    Some(Emulator {
        endpoint,
        keys: Credentials::new(key, secret, None, None, "emulator"),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own variables are declared nowhere else"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says that a test did nothing, past the harness, which hides what a passing test prints.
pub(crate) fn skipped(why: &str) {
    let thread = std::thread::current();
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {}: {why}",
        thread.name().unwrap_or("a test")
    );
}
