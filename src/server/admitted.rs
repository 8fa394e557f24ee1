//! What the transport's limits must know of a tool, and whether they let a call through.

use rmcp::{RoleServer, model::CallToolRequestParams, service::RequestContext};

use crate::{
    auth::Admitted,
    ops::{Access, OpError},
};

use super::{Entry, Server, catalogue::Found};

impl Server {
    /// Whether a call may change something, for limits that count changes. What can't be told counts as a change.
    pub fn changes(&self, call: &CallToolRequestParams) -> bool {
        let access = |entry: &Entry| entry.access_asked(call.arguments.as_ref());
        if let Some(entry) = self.0.catalogue.known(&call.name) {
            return access(entry) >= Access::Write;
        }
        let forwarded = self.0.forwarding.as_ref().and_then(|f| f.known(&self.0.catalogue));
        match forwarded.as_ref().and_then(|tools| tools.find(&call.name)) {
            Some(Found::Tool(entry) | Found::Hidden(entry, _)) => access(entry) >= Access::Write,
            None => true,
        }
    }
}

/// Refuses what came over HTTP past the limits, and a change that they counted as a read: a forwarded tool may have become
/// another in between.
pub(super) fn admitted(context: &RequestContext<RoleServer>, access: Access) -> Result<(), OpError> {
    let Some(parts) = context.extensions.get::<http::request::Parts>() else {
        return Ok(());
    };
    match parts.extensions.get::<Admitted>() {
        Some(admitted) if admitted.changes() || access < Access::Write => Ok(()),
        _ => Err(OpError::NotAdmitted),
    }
}
