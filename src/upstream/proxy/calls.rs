//! Calls of tools: which are let through, as whom, and what becomes of their failures.

use std::borrow::Cow;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ListToolsRequest, RequestMetaObject,
    ServerResult,
};

use super::{
    Relay, Trouble,
    relay::Asked,
    texts,
    tools::{AUTHENTICATED, Hints, PROFILE_ARGUMENT},
};

impl Relay {
    /// Whether a tool declares itself read-only, by a list that is not too old to tell.
    async fn declares_read_only(&self, name: &str, asked: &Asked) -> Result<bool, Trouble> {
        let read_only = |hints: Option<Hints>| hints.is_some_and(|hints| hints.read_only);
        if let Some(hints) = self.known().lately(name) {
            return Ok(read_only(hints));
        }
        let quiet = Asked {
            id: asked.id.clone(),
            meta: RequestMetaObject::new(),
            cancelled: asked.cancelled.clone(),
        };
        let request = ClientRequest::ListToolsRequest(ListToolsRequest::default());
        self.list_tools(request, &quiet).await?;
        Ok(read_only(self.known().lately(name).flatten()))
    }

    pub(super) async fn call(&self, mut request: CallToolRequest, asked: &Asked) -> Result<ServerResult, Trouble> {
        let tool = request.params.name.to_string();
        let work = self.call_in_time(&mut request.params, &tool, asked);
        let (profile, sent) = match self.options().tool_timeout {
            Some(limit) => match tokio::time::timeout(limit, work).await {
                Ok(done) => done,
                Err(_) => (None, Err((true, Trouble::TimedOut(limit)))),
            },
            None => work.await,
        };
        let (connected, trouble) = match sent {
            Ok(result) => return Ok(result),
            Err(failed) => failed,
        };
        if trouble.is_for_the_protocol() || matches!(trouble, Trouble::Cancelled) {
            return Err(trouble);
        }
        tracing::error!(?tool, %trouble, "the tool call failed");
        Ok(ServerResult::CallToolResult(match profile {
            Some(profile) => texts::failed_with_profile(&tool, &profile, connected, &trouble),
            None => texts::failed(&tool, &trouble),
        }))
    }

    /// The call; with a failure goes whether there was a connection, and beside it the profile that was named, if any.
    async fn call_in_time(
        &self,
        params: &mut CallToolRequestParams,
        tool: &str,
        asked: &Asked,
    ) -> (Option<String>, Result<ServerResult, (bool, Trouble)>) {
        let refuse = |result| (None, Ok(ServerResult::CallToolResult(result)));
        if self.options().read_only {
            match self.declares_read_only(tool, asked).await {
                Ok(true) => {}
                Ok(false) => return refuse(texts::not_read_only(tool)),
                Err(trouble) => return (None, Err((true, trouble))),
            }
        }
        let profile = match self.take_profile(params, tool) {
            Ok(profile) => profile,
            Err(result) => return refuse(*result),
        };
        let hints = self.known().ever(tool);
        let repeatable = hints.read_only || hints.idempotent;
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(std::mem::replace(
            params,
            CallToolRequestParams::new(Cow::Borrowed("")),
        )));
        let Some(profile) = profile else {
            let sent = self.relay(self.default_link(), None, request, asked, repeatable).await;
            return (None, sent.map_err(|trouble| (true, trouble)));
        };
        let link = self.others().entry(profile.clone()).or_default().clone();
        if let Err(trouble) = self.live(&link, Some(&profile)).await {
            return (Some(profile), Err((false, trouble)));
        }
        let sent = self.relay(&link, Some(&profile), request, asked, repeatable).await;
        (Some(profile), sent.map_err(|trouble| (true, trouble)))
    }

    /// Takes the profile out of a call's arguments; nothing if the default one signs it.
    fn take_profile(
        &self,
        params: &mut CallToolRequestParams,
        tool: &str,
    ) -> Result<Option<String>, Box<CallToolResult>> {
        let profiles = &self.options().profiles;
        if profiles.len() < 2 {
            return Ok(None);
        }
        let Some(named) = params.arguments.as_mut().and_then(|a| a.remove(PROFILE_ARGUMENT)) else {
            return Ok(None);
        };
        if !AUTHENTICATED.contains(&tool) {
            tracing::warn!(?tool, "aws_profile is ignored: the tool needs no credentials");
            return Ok(None);
        }
        let known = named.as_str().and_then(|name| profiles.iter().position(|p| p == name));
        match known {
            Some(0) => Ok(None),
            Some(at) => Ok(profiles.get(at).cloned()),
            None => Err(Box::new(texts::unknown_profile(&named, profiles))),
        }
    }
}
