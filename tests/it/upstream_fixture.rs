//! The stand-in for AWS's managed MCP endpoints is what it claims to be: what is built against it can trust it.
//! With `tests/upstream/run.sh`, botocore judges every signature here too.

mod eras;
mod faults;
mod quotas;
mod runtime;
mod signatures;
mod tools;

use serde_json::{Value, json};

use crate::support::{
    signed::{Read, Signed},
    upstream::{Caller, Options, Upstream},
};

/// A user of the first account.
fn user() -> Caller {
    Caller::of("111111111111")
}

/// A role's session in the second.
fn role() -> Caller {
    Caller::session_of("222222222222", "it")
}

async fn started(change: impl FnOnce(&mut Options)) -> (Upstream, Signed) {
    let mut options = Options::default();
    change(&mut options);
    (Upstream::start(options).await.unwrap(), Signed::new(user()))
}

/// The parameters of a call that tells what the server saw.
fn script() -> Value {
    json!({ "name": "aws___run_script", "arguments": { "code": "1" } })
}

/// What the server saw, by that call's answer.
fn seen(read: &Read) -> Value {
    let answer = read.answer();
    let text = answer["result"]["content"][0]["text"].as_str();
    serde_json::from_str(text.unwrap_or_else(|| panic!("{read:?}"))).unwrap()
}
