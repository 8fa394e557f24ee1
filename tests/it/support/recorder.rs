//! Somebody at STS's door: notes what AssumeRole is asked for and what keys it gives, and can answer in its place.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use aws_credential_types::Credentials;
use aws_ops_mcp::sandbox::Sandbox;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Query, State},
    response::IntoResponse as _,
};
use http::{Request, Response, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

/// One AssumeRole.
#[derive(Clone, Debug)]
pub(crate) struct Assumed {
    /// What was asked for, by STS's own names.
    pub(crate) form: BTreeMap<String, String>,
    /// What was given; `None` is a refusal.
    pub(crate) keys: Option<Credentials>,
}

/// What is done instead of asking STS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Instead {
    #[default]
    Nothing,
    /// A role whose trust policy allows these actions not: they are told by the parameter that needs them.
    Refuse(Vec<(&'static str, &'static str)>),
    /// AssumeRole always ends with this error.
    Fail(&'static str, &'static str),
    /// GetCallerIdentity names this account.
    Account(&'static str),
}

pub(crate) struct Recorder {
    /// As `AWS_ENDPOINT_URL` wants it.
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    sandbox: Router,
    assumed: Mutex<Vec<Assumed>>,
    instead: Mutex<Instead>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Recorder {
    pub(crate) async fn before(sandbox: &Sandbox) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            sandbox: sandbox.router(),
            assumed: Mutex::default(),
            instead: Mutex::default(),
        });
        let router = Router::new()
            .fallback(async |State(shared): State<Arc<Shared>>, request: Request<Body>| shared.answer(request).await)
            .with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, shared, task }
    }

    /// Every AssumeRole so far.
    pub(crate) fn assumed(&self) -> Vec<Assumed> {
        self.shared.assumed.lock().unwrap().clone()
    }

    /// The latest one.
    pub(crate) fn last(&self) -> Assumed {
        self.assumed().pop().unwrap()
    }

    /// The keys that were given last.
    pub(crate) fn keys(&self) -> Credentials {
        self.last().keys.unwrap()
    }

    pub(crate) fn instead(&self, instead: Instead) {
        *self.shared.instead.lock().unwrap() = instead;
    }
}

impl Assumed {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }

    /// The session policy's statements.
    pub(crate) fn statements(&self) -> Value {
        let policy: Value = serde_json::from_str(self.get("Policy")).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        policy["Statement"].clone()
    }
}

impl Shared {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        let form = form(&body);
        let action = form.get("Action").map_or("", String::as_str).to_owned();
        let instead = self.instead.lock().unwrap().clone();
        if action == "AssumeRole"
            && let Some(refused) = refusal(&instead, &form)
        {
            self.assumed.lock().unwrap().push(Assumed { form, keys: None });
            return refused;
        }
        let request = Request::from_parts(parts, Body::from(body));
        let response = self.sandbox.clone().oneshot(request).await.unwrap();
        if !matches!(action.as_str(), "AssumeRole" | "GetCallerIdentity") {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let mut text = String::from_utf8(to_bytes(body, 1 << 24).await.unwrap().to_vec()).unwrap();
        if action == "AssumeRole" {
            let keys = parts.status.is_success().then(|| {
                let [key, secret, token] = ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|n| inner(&text, n));
                Credentials::new(key, secret, Some(token), None, "recorded")
            });
            self.assumed.lock().unwrap().push(Assumed { form, keys });
        } else if let Instead::Account(account) = instead {
            let own = format!("<Account>{}</Account>", inner(&text, "Account"));
            text = text.replace(&own, &format!("<Account>{account}</Account>"));
            parts.headers.remove("content-length");
        }
        Response::from_parts(parts, Body::from(text))
    }
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    // Any other service's body has no such form, and none of these names.
    let uri = std::str::from_utf8(body)
        .ok()
        .and_then(|b| format!("/?{b}").parse().ok());
    let pairs = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    pairs
        .map(|Query(pairs)| pairs.into_iter().collect())
        .unwrap_or_default()
}

fn refusal(instead: &Instead, form: &BTreeMap<String, String>) -> Option<Response<Body>> {
    let (status, code, message) = match instead {
        Instead::Refuse(actions) => {
            let (_, action) = actions.iter().find(|(parameter, _)| form.contains_key(*parameter))?;
            let role = form.get("RoleArn")?;
            let message = format!(
                "User: arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox is not authorized to perform: {action} on resource: {role}"
            );
            (StatusCode::FORBIDDEN, "AccessDenied", message)
        }
        Instead::Fail(code, message) => (StatusCode::BAD_REQUEST, *code, (*message).to_owned()),
        Instead::Nothing | Instead::Account(_) => return None,
    };
    let xml = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>11111111-2222-3333-4444-555555555555</RequestId></ErrorResponse>"
    );
    Some((status, [("content-type", "text/xml")], xml).into_response())
}

fn inner(xml: &str, tag: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{tag}>")).unwrap();
    rest.split_once("</").unwrap().0.to_owned()
}
