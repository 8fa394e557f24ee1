//! One call over many accounts and regions, against an AWS whose accounts behave as each test wants.

mod crowd;
mod cut;
mod faults;
mod progress;
mod selection;

use serde_json::{Value, json};

use crate::support::{stub::Stub, text, world::World};

/// The accounts of the small registry, in its order.
const NAMES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"];

/// The id of the account at this place of a registry.
fn id(at: usize) -> String {
    format!("2000000{at:05}")
}

fn registry() -> Value {
    json!([
        { "name": "central", "id": "111111111111", "kind": "central" },
        { "name": "alpha", "id": id(0), "environment": "production", "tags": { "team": "payments" },
            "regions": ["us-east-1", "eu-west-1"] },
        { "name": "beta", "id": id(1), "environment": "production", "aliases": ["second"] },
        { "name": "gamma", "id": id(2), "environment": "staging", "tags": { "team": "payments" } },
        { "name": "delta", "id": id(3), "environment": "staging" },
        { "name": "epsilon", "id": id(4), "region": "eu-central-1" },
        { "name": "zeta", "id": id(5) },
    ])
}

/// A server over the small registry.
async fn small(flags: &[&str]) -> (Stub, World) {
    let stub = Stub::new().await;
    let world = over(&stub, &registry(), flags);
    (stub, world)
}

/// A server over a hundred accounts, `a00` to `a99`.
async fn hundred(flags: &[&str]) -> (Stub, World) {
    let stub = Stub::new().await;
    let accounts: Value = (0..100)
        .map(|at| json!({ "name": format!("a{at:02}"), "id": id(at) }))
        .collect();
    let world = over(&stub, &accounts, flags);
    (stub, world)
}

fn over(stub: &Stub, registry: &Value, flags: &[&str]) -> World {
    let registry = registry.to_string();
    World::of_stub(stub, &[&["--account-registry", &registry], flags].concat())
}

fn results(body: &Value) -> &[Value] {
    body["results"]
        .as_array()
        .unwrap_or_else(|| panic!("no results in {body}"))
}

/// Which account and region each result is of, in their order.
fn places(body: &Value) -> Vec<String> {
    let place = |r: &Value| format!("{}/{}", text(r, "account"), text(r, "region"));
    results(body).iter().map(place).collect()
}

/// How each result ended: `ok` or its error's code.
fn codes(body: &Value) -> Vec<&str> {
    results(body).iter().map(code).collect()
}

fn code(result: &Value) -> &str {
    result.get("error").map_or("ok", |error| text(error, "code"))
}
