//! AWS as it may behave on a bad day: STS and Secrets Manager, each account as a test wants it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

/// What an account does when its secrets are to be listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Behaviour {
    /// Lists this many, named by account and region.
    Lists(usize),
    /// Denies it.
    Denies,
    /// Asks for patience.
    Throttles,
    /// Closes the connection without a word.
    Breaks,
    /// Says nothing until [`Stub::release`].
    Hangs,
    /// Says nothing until this many wait at once.
    Meets(usize),
    /// AssumeRole itself is denied.
    Refuses,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) operation: String,
    pub(crate) account: String,
    pub(crate) region: String,
}

/// The stub, listening.
pub(crate) struct Stub {
    pub(crate) endpoint: String,
    state: Arc<State>,
    listening: AbortHandle,
}

struct State {
    usual: Mutex<Behaviour>,
    special: Mutex<BTreeMap<String, Behaviour>>,
    seen: Mutex<Vec<Seen>>,
    released: watch::Sender<bool>,
    count: watch::Sender<Count>,
}

/// How many listings are where.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    /// Have come.
    pub(crate) come: usize,
    /// Are being answered now.
    pub(crate) now: usize,
    /// Were being answered at the busiest moment.
    pub(crate) most: usize,
    /// Hang now.
    pub(crate) hanging: usize,
    /// Were given up by the client before they had an answer.
    pub(crate) abandoned: usize,
}

impl Stub {
    pub(crate) async fn new() -> Self {
        let state = Arc::new(State {
            usual: Mutex::new(Behaviour::Lists(1)),
            special: Mutex::default(),
            seen: Mutex::default(),
            released: watch::Sender::new(false),
            count: watch::Sender::new(Count::default()),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = state.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = serving.clone();
                let answer = service_fn(move |request| answer(state.clone(), request));
                tokio::spawn(async move {
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        Self {
            endpoint,
            state,
            listening: listening.abort_handle(),
        }
    }

    /// What every account does that nothing else is said of.
    pub(crate) fn all(&self, behaviour: Behaviour) {
        *self.state.usual.lock().unwrap() = behaviour;
    }

    /// What one account does.
    pub(crate) fn set(&self, account: &str, behaviour: Behaviour) {
        self.state.special.lock().unwrap().insert(account.to_owned(), behaviour);
    }

    /// Lets those go on that hang, and those that would.
    pub(crate) fn release(&self) {
        self.state.released.send_replace(true);
    }

    /// The requests of one operation so far.
    pub(crate) fn seen(&self, operation: &str) -> Vec<Seen> {
        let seen = self.state.seen.lock().unwrap();
        seen.iter().filter(|s| s.operation == operation).cloned().collect()
    }

    /// How many requests there were, of whatever kind.
    pub(crate) fn total(&self) -> usize {
        self.state.seen.lock().unwrap().len()
    }

    pub(crate) fn count(&self) -> Count {
        *self.state.count.borrow()
    }

    /// Waits until the counts are such.
    pub(crate) async fn until(&self, such: impl Fn(&Count) -> bool) {
        self.state.count.subscribe().wait_for(|c| such(c)).await.unwrap();
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// A listing under way, counted until it is dropped.
struct UnderWay<'a> {
    state: &'a State,
    hanging: bool,
}

impl<'a> UnderWay<'a> {
    fn new(state: &'a State) -> Self {
        state.count.send_modify(|c| {
            c.come += 1;
            c.now += 1;
            c.most = c.most.max(c.now);
        });
        Self { state, hanging: false }
    }

    async fn hang(&mut self) {
        self.hanging = true;
        self.state.count.send_modify(|c| c.hanging += 1);
        let _ = self.state.released.subscribe().wait_for(|released| *released).await;
        self.hanging = false;
        self.state.count.send_modify(|c| c.hanging -= 1);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.state.count.send_modify(|c| {
            c.now -= 1;
            c.hanging -= usize::from(self.hanging);
            c.abandoned += usize::from(self.hanging);
        });
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (target, authorization) = (header("x-amz-target"), header("authorization"));
    let scope = authorization.split("Credential=").nth(1).unwrap_or_default();
    let mut scope = scope.split('/');
    // The key says whose it is, because STS below made it.
    let key = scope.next().unwrap_or_default();
    let region = scope.nth(1).unwrap_or_default().to_owned();
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let form = String::from_utf8_lossy(&body).into_owned();
    let field = |name: &str| {
        let value = form.split('&').find_map(|p| p.strip_prefix(&format!("{name}=")));
        value.unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
    };
    let (operation, account) = match target.split_once('.') {
        Some((_, operation)) => (operation.to_owned(), key.trim_start_matches("ASIA").to_owned()),
        None => {
            let role = field("RoleArn");
            let account = role.split(':').nth(4).unwrap_or("111111111111").to_owned();
            (field("Action"), account)
        }
    };
    state.seen.lock().unwrap().push(Seen {
        operation: operation.clone(),
        account: account.clone(),
        region: region.clone(),
    });
    let special = state.special.lock().unwrap().get(&account).copied();
    let behaviour = special.unwrap_or(*state.usual.lock().unwrap());
    match operation.as_str() {
        "AssumeRole" if matches!(behaviour, Behaviour::Refuses) => Ok(xml(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
             arn:aws:iam::111111111111:user/base is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>",
        )),
        "AssumeRole" => Ok(xml(200, &assumed(&account))),
        "ListSecrets" => secrets(&state, behaviour, &account, &region).await,
        _ => Ok(xml(
            400,
            "<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>",
        )),
    }
}

async fn secrets(
    state: &State,
    behaviour: Behaviour,
    account: &str,
    region: &str,
) -> io::Result<Response<Full<Bytes>>> {
    let mut under_way = UnderWay::new(state);
    let listed = |count: usize| {
        let name = |n: usize| json!({ "Name": format!("{account}/{region}/{n}"), "ARN": format!("arn:{n}") });
        json(200, &json!({ "SecretList": (0..count).map(name).collect::<Vec<_>>() }))
    };
    let failed = |code: &str, text: &str| Ok(json(400, &json!({ "__type": code, "message": text })));
    match behaviour {
        Behaviour::Lists(count) => Ok(listed(count)),
        Behaviour::Denies => failed(
            "AccessDeniedException",
            "not authorized to perform: secretsmanager:ListSecrets",
        ),
        Behaviour::Throttles => failed("ThrottlingException", "Rate exceeded"),
        Behaviour::Breaks => Err(io::ErrorKind::ConnectionReset.into()),
        Behaviour::Hangs => {
            under_way.hang().await;
            Ok(listed(1))
        }
        Behaviour::Meets(count) => {
            let _ = state.count.subscribe().wait_for(|c| c.come >= count).await;
            Ok(listed(1))
        }
        Behaviour::Refuses => Ok(listed(1)),
    }
}

fn assumed(account: &str) -> String {
    format!(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA{account}</AccessKeyId>\
         <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
}

fn xml(status: u16, body: &str) -> Response<Full<Bytes>> {
    made(status, "text/xml", body)
}

fn json(status: u16, body: &Value) -> Response<Full<Bytes>> {
    made(status, "application/x-amz-json-1.1", &body.to_string())
}

fn made(status: u16, kind: &str, body: &str) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-amzn-requestid", uuid::Uuid::new_v4().to_string())
        .body(Full::from(body.to_owned()))
        .unwrap()
}
