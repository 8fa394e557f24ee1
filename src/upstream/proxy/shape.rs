//! The shape of what passes: requests for the endpoint's revision, results for the client's.

use rmcp::{
    ErrorData,
    model::{
        ClientRequest, ErrorCode, GetExtensions, GetMeta, Implementation, MetaObject, RequestId, ResultType,
        ServerCapabilities, ServerConfig, ServerPeerInfo, ServerResult,
    },
};

use super::{Trouble, front::relayed, relay::Asked};

/// The key in the `_meta` of `initialize`'s result that says who is behind the proxy.
pub const BEHIND: &str = "aws-ops-mcp/endpoint";

/// A request as it is sent on: with the client's own `_meta`, and without what only its own era knows.
pub(super) fn prepared(mut request: ClientRequest, asked: &Asked, modern: bool) -> ClientRequest {
    let mut meta = asked.meta.clone();
    if !modern {
        // A session's revision and client are settled; a request that says otherwise would change the connection's era.
        meta.retain(|key, _| !key.starts_with("io.modelcontextprotocol/"));
    }
    request.extensions_mut().insert(relayed(&asked.id, &asked.meta));
    *request.get_meta_mut() = meta;
    request
}

/// A result in the shape of the client's revision.
pub(super) fn finish(result: &mut ServerResult, modern: bool, id: &RequestId) -> Result<(), ErrorData> {
    if modern {
        result.fill_missing_cache_hints();
        complete(result);
    } else if let ServerResult::InputRequiredResult(_) = result {
        return Err(ErrorData::new(
            ErrorCode::INVALID_REQUEST,
            "the endpoint asks back as MCP 2026-07-28 does, which this session's revision can't",
            None,
        ));
    } else {
        result.strip_result_type_for_legacy_peer();
    }
    if let ServerResult::SubscriptionsListenResult(result) = result {
        result.meta.set_subscription_id(id.clone());
    }
    Ok(())
}

/// Says of a result of an older revision that it is complete, as clients of 2026-07-28 expect.
fn complete(result: &mut ServerResult) {
    let result_type = match result {
        ServerResult::CompleteResult(r) => &mut r.result_type,
        ServerResult::GetPromptResult(r) => &mut r.result_type,
        ServerResult::ListPromptsResult(r) => &mut r.result_type,
        ServerResult::ListResourcesResult(r) => &mut r.result_type,
        ServerResult::ListResourceTemplatesResult(r) => &mut r.result_type,
        ServerResult::ReadResourceResult(r) => &mut r.result_type,
        ServerResult::ListToolsResult(r) => &mut r.result_type,
        ServerResult::CallToolResult(r) => &mut r.result_type,
        _ => return,
    };
    result_type.get_or_insert(ResultType::COMPLETE);
}

/// What the proxy says of itself: the endpoint's capabilities and instructions.
pub(super) fn own_config(info: Option<&ServerPeerInfo>) -> ServerConfig {
    let capabilities = match info {
        Some(info) => info.capabilities.clone(),
        None => ServerCapabilities::builder().enable_tools().build(),
    };
    let mut config = ServerConfig::new(capabilities);
    config.server_info = Implementation::new("aws-ops-mcp", env!("CARGO_PKG_VERSION"));
    config.instructions = info.and_then(|info| info.instructions.clone());
    config.meta = info.map(|info| {
        let server = info.server_info.as_ref();
        let behind = serde_json::json!({
            "protocolVersion": info.protocol_version,
            "name": server.map(|server| &server.name),
            "version": server.map(|server| &server.version),
        });
        let mut meta = MetaObject::default();
        meta.insert(BEHIND.to_owned(), behind);
        meta
    });
    config
}

/// Amazon Q's and Kiro's clients wait for ever when `initialize` fails; they ask for the tools next and show that error.
/// Source: mcp-proxy-for-aws, InitializeMiddleware.
pub(super) fn shows_no_error(client: &Implementation) -> bool {
    let name = client.name.to_lowercase();
    name.contains("kiro cli") || name.contains("q dev cli")
}

/// An endpoint without prompts or resources has none of them.
pub(super) fn or_empty(listed: Result<ServerResult, Trouble>, empty: ServerResult) -> Result<ServerResult, Trouble> {
    match listed {
        Err(Trouble::Answered(error)) if error.code == ErrorCode::METHOD_NOT_FOUND => Ok(empty),
        other => other,
    }
}

pub(super) fn set_cursor(request: &mut ClientRequest, cursor: &str) {
    let params = match request {
        ClientRequest::ListToolsRequest(r) => &mut r.params,
        ClientRequest::ListPromptsRequest(r) => &mut r.params,
        ClientRequest::ListResourcesRequest(r) => &mut r.params,
        ClientRequest::ListResourceTemplatesRequest(r) => &mut r.params,
        _ => return,
    };
    params.get_or_insert_default().cursor = Some(cursor.to_owned());
}
