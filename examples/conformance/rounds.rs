//! The tools of 2026-07-28 that ask the client back: each round is a request of its own, and the state travels with it.

use aws_ops_mcp::config::value::Secret;
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, InputRequiredResult, InputResponses},
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{content::text, handler::typed};

pub(crate) const PROMPT: &str = "test_input_required_result_prompt";

pub(crate) const TOOLS: [&str; 8] = [
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
];

/// What a round leads to.
pub(crate) enum Next {
    Ask(InputRequiredResult),
    Done(Value),
}

/// What the client sent along with this round.
pub(crate) struct Round<'a> {
    pub(crate) responses: Option<&'a InputResponses>,
    pub(crate) state: Option<&'a str>,
    pub(crate) capabilities: ClientCapabilities,
    pub(crate) key: &'a Secret,
}

impl Round<'_> {
    pub(crate) fn tool(&self, name: &str) -> Result<Next, ErrorData> {
        match name.trim_start_matches("test_input_required_result_") {
            "elicitation" => match self.content("user_name", "name") {
                Some(name) => done(format!("Hello, {name}!")),
                None => ask([("user_name", form("What is your name?", "name", "string"))], None),
            },
            "sampling" => match self.response("capital_question") {
                Some(answer) => done(format!("Sampled: {answer}")),
                None => ask(
                    [("capital_question", sample("What is the capital of France?", 100))],
                    None,
                ),
            },
            "list_roots" => match self.response("client_roots") {
                Some(roots) => done(format!("Roots: {roots}")),
                None => ask([("client_roots", roots())], None),
            },
            "request_state" | "tampered_state" => match (self.response("confirm"), self.state) {
                (Some(_), Some(state)) if self.open(state)? == "asked" => done("state-ok".to_owned()),
                _ => ask(
                    [("confirm", form("Please confirm", "ok", "boolean"))],
                    Some(self.seal("asked")),
                ),
            },
            "multiple_inputs" => {
                let all = ["user_name", "greeting", "client_roots"]
                    .iter()
                    .all(|key| self.response(key).is_some());
                match self.state {
                    Some(state) if all && self.open(state)? == "asked" => done("All three came.".to_owned()),
                    _ => ask(
                        [
                            ("user_name", form("What is your name?", "name", "string")),
                            ("greeting", sample("Generate a greeting", 50)),
                            ("client_roots", roots()),
                        ],
                        Some(self.seal("asked")),
                    ),
                }
            }
            "multi_round" => match self.state.map(|state| self.open(state)).transpose()? {
                Some("one") if self.response("step1").is_some() => ask(
                    [("step2", form("Step 2: What is your favorite color?", "color", "string"))],
                    Some(self.seal("two")),
                ),
                Some("two") if self.response("step2").is_some() => done("Both steps are done.".to_owned()),
                _ => ask(
                    [("step1", form("Step 1: What is your name?", "name", "string"))],
                    Some(self.seal("one")),
                ),
            },
            "capabilities" => {
                let elicitation = self.capabilities.elicitation.is_some();
                let sampling = self.capabilities.sampling.is_some();
                let wanted = [
                    elicitation.then(|| ("user_name", form("What is your name?", "name", "string"))),
                    sampling.then(|| ("greeting", sample("Generate a greeting", 50))),
                ];
                ask(wanted.into_iter().flatten(), None)
            }
            _ => Err(ErrorData::invalid_params("unknown tool", None)),
        }
    }

    pub(crate) fn prompt(&self) -> Result<Next, ErrorData> {
        match self.content("user_context", "context") {
            Some(context) => Ok(Next::Done(json!({"messages": [
                {"role": "user", "content": {"type": "text", "text": format!("With {context} in mind.")}},
            ]}))),
            None => ask(
                [(
                    "user_context",
                    form("What context should the prompt use?", "context", "string"),
                )],
                None,
            ),
        }
    }

    /// A response that is at least an object.
    fn response(&self, key: &str) -> Option<&Value> {
        self.responses?.get(key).filter(|v| v.is_object())
    }

    /// A field of an accepted form.
    fn content(&self, key: &str, field: &str) -> Option<&str> {
        self.response(key)?.get("content")?.get(field)?.as_str()
    }

    fn seal(&self, step: &str) -> String {
        format!("{step}.{}", self.mac(step))
    }

    fn open<'s>(&self, state: &'s str) -> Result<&'s str, ErrorData> {
        let step = state
            .split_once('.')
            .filter(|(step, mac)| self.mac(step) == *mac)
            .map(|(step, _)| step);
        step.ok_or_else(|| ErrorData::invalid_params("requestState is not what this server made", None))
    }

    /// Good enough where a fixture guards nothing; a real server takes an HMAC and compares in constant time.
    fn mac(&self, step: &str) -> String {
        let digest = Sha256::new()
            .chain_update(self.key.expose())
            .chain_update(step)
            .finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn done(answer: String) -> Result<Next, ErrorData> {
    Ok(Next::Done(text(answer)))
}

fn ask<'a>(requests: impl IntoIterator<Item = (&'a str, Value)>, state: Option<String>) -> Result<Next, ErrorData> {
    let requests: Map<_, _> = requests
        .into_iter()
        .map(|(key, request)| (key.to_owned(), request))
        .collect();
    Ok(Next::Ask(InputRequiredResult::new(
        Some(typed(Value::Object(requests))?),
        state,
    )))
}

pub(crate) fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    json!({"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}})
}

pub(crate) fn sample(prompt: &str, max_tokens: u32) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": prompt}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": max_tokens}})
}

fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}
