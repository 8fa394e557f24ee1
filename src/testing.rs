//! What the tests inside the services share: a tool's view of a sandbox account.

mod lossy;

use std::sync::{Arc, atomic::AtomicUsize};

use aws_smithy_runtime_api::client::http::SharedHttpClient;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    auth::Caller,
    aws::{Allow, Aws, Base, Policy, Resolver, Selector, cache::SystemClock, http_client::recording, registry},
    config::AwsConfig,
    ops::{Json, OpError, Ops, Reply},
    sandbox::Sandbox,
};

/// A tool's view of an account of a sandbox of its own.
pub(crate) async fn ops(account: &str) -> Ops {
    ops_in(account, None).await
}

/// The same in a region.
pub(crate) async fn ops_in(account: &str, region: Option<&str>) -> Ops {
    ops_of(of(account, region), |client| client).await
}

/// The same where the answers to the requests that `loses` knows by method, URL, target and body get lost; and how many did.
pub(crate) async fn ops_that_lose(account: &str, loses: fn(&str) -> bool) -> (Ops, Arc<AtomicUsize>) {
    let lost = Arc::new(AtomicUsize::new(0));
    let lossy = |client| {
        let lost = lost.clone();
        SharedHttpClient::new(lossy::Lossy { client, loses, lost })
    };
    (ops_of(of(account, None), lossy).await, lost)
}

fn of(account: &str, region: Option<&str>) -> Selector {
    Selector {
        account: Some(account.to_owned()),
        region: region.map(str::to_owned),
        ..Selector::default()
    }
}

/// A tool's view by a role.
pub(crate) async fn ops_as(role: &str) -> Ops {
    ops_of(
        Selector {
            role_arn: Some(role.to_owned()),
            ..Selector::default()
        },
        |client| client,
    )
    .await
}

async fn ops_of(selector: Selector, wire: impl Fn(SharedHttpClient) -> SharedHttpClient) -> Ops {
    let sandbox = Sandbox::new().await.unwrap();
    // A role that is named is the central account's.
    let role = selector.role_arn.clone();
    let accounts: Vec<Value> = Sandbox::accounts()
        .into_iter()
        .map(|a| match a.central {
            true => serde_json::json!({ "name": a.name, "id": a.id, "kind": "central", "role_arn": role }),
            false => serde_json::json!({ "name": a.name, "id": a.id }),
        })
        .collect();
    let accounts = Arc::new(registry::parse(&serde_json::to_string(&accounts).unwrap()).unwrap());
    let config = AwsConfig::for_tests(&["--endpoint-url", "http://127.0.0.1:1"]);
    let base = Base::Fixed(sandbox.base_credentials());
    let client = recording(wire(sandbox.http_client()));
    let aws = Aws::with_http_client(&config, base, client, Arc::new(SystemClock));
    let target = Resolver::new(accounts.clone(), None, false)
        .resolve(&selector, &Caller::local())
        .unwrap();
    // What each tool's own session may do is tested where sessions are made, in the server.
    let target = target.for_reading(&Policy::new(&[Allow::everywhere(["*"])]).unwrap());
    let id = target.account_id().cloned();
    Ops::new(Some(aws.session(&target).await.unwrap()), accounts, id, Some(1 << 20))
}

/// A tool's arguments from JSON.
pub(crate) fn input<T: DeserializeOwned>(json: Value) -> rmcp::handler::server::wrapper::Parameters<T> {
    rmcp::handler::server::wrapper::Parameters(serde_json::from_value(json).unwrap())
}

/// A tool's data as clients see it, or why there is none.
pub(crate) fn data<T: Serialize>(answer: Result<Json<Reply<T>>, OpError>) -> Result<Value, OpError> {
    answer.map(|Json(reply)| serde_json::to_value(reply).unwrap()["data"].take())
}
