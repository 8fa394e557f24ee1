//! What the tools do. They know nothing of AWS: they answer with what shows how a request travelled.

use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, InputRequiredResult, ProgressNotificationParam,
        ProtocolVersion,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use super::{
    content,
    door::Seen,
    handler::{complete, typed},
};

/// The key of the one question that [`asking`] has.
const QUESTION: &str = "name";

pub(super) async fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let arguments = json!(request.arguments.clone().unwrap_or_default());
    let result = match request.name.as_ref() {
        "aws___run_script" => text(&told(context, &arguments)),
        "aws___list_regions" => text(&json!({ "regions": content::REGIONS })),
        "failing" => {
            json!({ "content": [{ "type": "text", "text": "It failed, as it always does." }], "isError": true })
        }
        "picture" => json!({ "content": [{ "type": "image", "data": content::PNG, "mimeType": "image/png" }] }),
        "measured" => {
            let measured = json!({ "value": 42, "unit": "requests" });
            json!({ "content": [{ "type": "text", "text": measured.to_string() }], "structuredContent": measured })
        }
        "progressing" => {
            progress(context).await?;
            text(&json!("done"))
        }
        "asking" => return asking(request, context).await,
        name => text(&json!({ "tool": name, "arguments": arguments })),
    };
    Ok(complete::<CallToolResult>(result)?.into())
}

fn text(value: &Value) -> Value {
    json!({ "content": [{ "type": "text", "text": value.to_string() }] })
}

/// What reached the server beside the arguments.
fn told(context: &RequestContext<RoleServer>, arguments: &Value) -> Value {
    let parts = context.extensions.get::<http::request::Parts>();
    let seen = parts.and_then(|p| p.extensions.get::<Seen>());
    let mut told = json!(seen);
    if let Some(told) = told.as_object_mut() {
        told.insert("arguments".to_owned(), arguments.clone());
    }
    told
}

/// Two notifications, if the caller wants any.
async fn progress(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    let Some(token) = context.meta.get_progress_token() else {
        return Ok(());
    };
    for done in [1.0, 2.0] {
        let news = ProgressNotificationParam::new(token.clone(), done)
            .with_total(2.0)
            .with_message(format!("step {done} of 2"));
        let sent = context.peer.notify_progress(news).await;
        sent.map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
    }
    Ok(())
}

/// Asks who is there: within the call before 2026-07-28, by a second call since.
async fn asking(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    let params = json!({ "mode": "form", "message": "What is your name?", "requestedSchema": schema });
    let question = json!({ "method": "elicitation/create", "params": params });
    let version = context.protocol_version();
    let modern = version.is_some_and(|v| v.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
    let answer = if modern {
        let answer = request.input_responses.as_ref().and_then(|r| r.get(QUESTION));
        match answer {
            Some(answer) => json!(answer),
            None => return Ok(InputRequiredResult::new(Some(typed(json!({ QUESTION: question }))?), None).into()),
        }
    } else {
        let answer = context.peer.send_request(typed(question)?).await;
        json!(answer.map_err(|e| ErrorData::internal_error(e.to_string(), None))?)
    };
    Ok(complete::<CallToolResult>(text(&answer))?.into())
}
