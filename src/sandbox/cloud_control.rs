//! Cloud Control API: a store of resources of its own. The other services here don't know of them.

mod types;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use awsim_core::{AwsError, RequestContext};
use serde_json::{Value, json};

use super::{
    authorise::Check,
    value::{set, text},
};
use types::{Kind, kind};

/// The most resources of a page.
const PAGE: usize = 100;

#[derive(Default)]
pub(super) struct CloudControl(Mutex<State>);

#[derive(Default)]
struct State {
    /// By account, region, type and identifier.
    resources: BTreeMap<(String, String, String), BTreeMap<String, Value>>,
    requests: HashMap<String, Request>,
}

/// An update on its way.
#[derive(Clone)]
struct Request {
    account: String,
    region: String,
    type_name: String,
    identifier: String,
    model: Value,
    /// What was asked for: a client token stands for that alone.
    patch: String,
    began: f64,
    /// How many times it is still in progress when it is asked for.
    left: usize,
    failure: Option<(&'static str, String)>,
}

impl CloudControl {
    /// Puts a resource into an account.
    pub(super) fn put(&self, account: &str, region: &str, type_name: &str, identifier: &str, model: Value) {
        let place = (account.to_owned(), region.to_owned(), type_name.to_owned());
        let mut state = self.state();
        let of_type = state.resources.entry(place).or_default();
        of_type.insert(identifier.to_owned(), model);
    }

    /// Cloud Control's own action, and then what it asks of the service in the caller's name.
    pub(super) fn checks(&self, operation: &str, input: &Value, _context: &RequestContext) -> Vec<Check> {
        let mut checks = vec![Check::new(format!("cloudformation:{operation}"), "*")];
        let kind = text(input, "TypeName").and_then(kind);
        let actions: &[&str] = match (operation, kind) {
            ("ListResources", Some(kind)) => kind.list,
            ("GetResource", Some(kind)) => kind.read,
            ("UpdateResource", Some(kind)) => kind.update,
            _ => &[],
        };
        checks.extend(actions.iter().map(|action| Check::new(*action, "*")));
        checks
    }

    pub(super) fn handle(&self, operation: &str, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        match operation {
            "ListResources" => self.list(input, context),
            "GetResource" => {
                let (type_name, _) = known(input)?;
                let identifier = required(input, "Identifier")?;
                let (identifier, model) = self.find(type_name, identifier, context)?;
                Ok(json!({ "TypeName": type_name, "ResourceDescription": described(&identifier, &model) }))
            }
            "UpdateResource" => self.update(input, context),
            "GetResourceRequestStatus" => self.status(input, context),
            _ => {
                let text = format!("Unknown operation: {operation}");
                Err(AwsError::bad_request("UnknownOperationException", text))
            }
        }
    }

    fn list(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let (type_name, kind) = known(input)?;
        let most = input.get("MaxResults").and_then(Value::as_u64).unwrap_or(20);
        let most = usize::try_from(most).unwrap_or(0);
        if !(1..=PAGE).contains(&most) {
            return Err(validation("MaxResults: must be between 1 and 100"));
        }
        let parent: Value = match text(input, "ResourceModel").map(serde_json::from_str) {
            Some(Ok(model)) => model,
            Some(Err(_)) => {
                return Err(AwsError::bad_request(
                    "InvalidRequestException",
                    "ResourceModel is not valid JSON",
                ));
            }
            None => json!({}),
        };
        if let Some(needed) = kind.parent
            && text(&parent, needed).is_none()
        {
            let text = format!(
                "Missing or invalid ResourceModel property in {type_name} list handler request input. Required property:  [#: required key [{needed}] not found]"
            );
            return Err(AwsError::bad_request("InvalidRequestException", text));
        }
        let state = self.state();
        let place = place(type_name, context);
        let mine = |model: &Value| kind.parent.is_none_or(|key| model.get(key) == parent.get(key));
        let after = match text(input, "NextToken").map(|token| token.strip_prefix("after:")) {
            None => None,
            Some(Some(token)) => Some(token),
            Some(None) => {
                return Err(AwsError::bad_request(
                    "InvalidRequestException",
                    "Invalid pagination token",
                ));
            }
        };
        let mut all = state.resources.get(&place).into_iter().flatten();
        let found: Vec<_> = all
            .by_ref()
            .filter(|(identifier, model)| after.is_none_or(|after| identifier.as_str() > after) && mine(model))
            .take(most + 1)
            .collect();
        let shown = found.get(..most.min(found.len())).unwrap_or_default();
        let mut answer = json!({
            "TypeName": type_name,
            "ResourceDescriptions": shown.iter().map(|(id, model)| described(id, &kind.listed(model))).collect::<Vec<_>>(),
        });
        if let (true, Some((last, _))) = (found.len() > most, shown.last()) {
            set(&mut answer, "NextToken", format!("after:{last}"));
        }
        Ok(answer)
    }

    fn update(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let (type_name, kind) = known(input)?;
        let patch = required(input, "PatchDocument")?;
        let (identifier, before) = self.find(type_name, required(input, "Identifier")?, context)?;
        let token = text(input, "ClientToken").map_or_else(
            || uuid::Uuid::new_v4().to_string(),
            // The request's own token is another, but the same for the same client's token.
            |client| format!("{}-{client}", context.account_id),
        );
        if let Some(there) = self.state().requests.get(&token) {
            if there.patch != patch || there.identifier != identifier {
                let text = format!("Client token {token} was used for another request");
                return Err(AwsError::bad_request("ClientTokenConflictException", text));
            }
            return Ok(json!({ "ProgressEvent": event(&token, there) }));
        }
        let operations: json_patch::Patch =
            serde_json::from_str(patch).map_err(|_| validation("The patch document is not valid JSON Patch"))?;
        let mut model = before.clone();
        json_patch::patch(&mut model, &operations).map_err(|e| validation(&format!("Invalid patch update: {e}")))?;
        let differs = |key: &&&str| before.get(**key) != model.get(**key);
        if let Some(key) = kind.create_only.iter().find(differs) {
            let text = format!("Invalid patch update: createOnlyProperties [/properties/{key}] cannot be updated");
            return Err(validation(&text));
        }
        if let Some(key) = kind.read_only.iter().find(differs) {
            let text = format!("Invalid patch update: readOnlyProperties [/properties/{key}] cannot be updated");
            return Err(validation(&text));
        }
        let request = Request {
            account: context.account_id.clone(),
            region: context.region.clone(),
            type_name: type_name.to_owned(),
            identifier,
            failure: kind.refused(&before, &model),
            model,
            patch: patch.to_owned(),
            began: now(),
            left: kind.polls,
        };
        let answer = json!({ "ProgressEvent": event(&token, &request) });
        self.state().requests.insert(token, request);
        Ok(answer)
    }

    fn status(&self, input: &Value, context: &RequestContext) -> Result<Value, AwsError> {
        let token = required(input, "RequestToken")?;
        let mut state = self.state();
        let found = state.requests.get_mut(token);
        let own = |r: &&mut Request| r.account == context.account_id && r.region == context.region;
        let Some(request) = found.filter(own) else {
            let text = format!("Request with token {token} was not found");
            return Err(AwsError::bad_request("RequestTokenNotFoundException", text));
        };
        request.left = request.left.saturating_sub(1);
        let request = request.clone();
        let answer = json!({ "ProgressEvent": event(token, &request) });
        if request.left == 0 && request.failure.is_none() {
            let of_type = state.resources.entry(place(&request.type_name, context)).or_default();
            of_type.insert(request.identifier, request.model);
        }
        Ok(answer)
    }

    fn find(&self, type_name: &str, identifier: &str, context: &RequestContext) -> Result<(String, Value), AwsError> {
        let state = self.state();
        let found = state
            .resources
            .get(&place(type_name, context))
            .and_then(|r| r.get_key_value(identifier));
        found.map(|(id, model)| (id.clone(), model.clone())).ok_or_else(|| {
            let text = format!("Resource of type '{type_name}' with identifier '{identifier}' was not found.");
            AwsError::bad_request("ResourceNotFoundException", text)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(type_name: &str, context: &RequestContext) -> (String, String, String) {
    (context.account_id.clone(), context.region.clone(), type_name.to_owned())
}

fn described(identifier: &str, model: &Value) -> Value {
    json!({ "Identifier": identifier, "Properties": model.to_string() })
}

fn event(token: &str, request: &Request) -> Value {
    let status = match (request.left, &request.failure) {
        (0, None) => "SUCCESS",
        (0, Some(_)) => "FAILED",
        _ => "IN_PROGRESS",
    };
    let mut event = json!({
        "TypeName": request.type_name,
        "Identifier": request.identifier,
        "RequestToken": token,
        "Operation": "UPDATE",
        "OperationStatus": status,
        "EventTime": request.began,
    });
    match &request.failure {
        Some((code, message)) if request.left == 0 => {
            set(&mut event, "ErrorCode", *code);
            set(&mut event, "StatusMessage", message.as_str());
        }
        _ => set(&mut event, "ResourceModel", request.model.to_string()),
    }
    event
}

fn known(input: &Value) -> Result<(&str, &'static Kind), AwsError> {
    let name = required(input, "TypeName")?;
    if name.split("::").count() < 3 {
        let text = format!(
            "1 validation error detected: Value '{name}' at 'typeName' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9]{{2,64}}::[A-Za-z0-9]{{2,64}}::[A-Za-z0-9]{{2,64}}(::MODULE){{0,1}}"
        );
        return Err(validation(&text));
    }
    if types::UNSUPPORTED.contains(&name) {
        let text = format!("Resource type {name} does not support LIST, READ or UPDATE action");
        return Err(AwsError::bad_request("UnsupportedActionException", text));
    }
    kind(name).map(|kind| (name, kind)).ok_or_else(|| {
        let text = format!("The type '{name}' cannot be found.");
        AwsError::bad_request("TypeNotFoundException", text)
    })
}

fn required<'a>(input: &'a Value, name: &str) -> Result<&'a str, AwsError> {
    text(input, name).filter(|t| !t.is_empty()).ok_or_else(|| {
        validation(&format!(
            "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    })
}

fn validation(text: &str) -> AwsError {
    AwsError::bad_request("ValidationException", text)
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |d| d.as_secs_f64())
}
