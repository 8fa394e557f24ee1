//! One tool in one target: sign in, run it, keep its receipt.

use std::time::Duration;

use rmcp::{
    RoleServer,
    handler::server::tool::ToolCallContext,
    model::{CallToolRequestParams, CallToolResponse, JsonObject},
    service::RequestContext,
};

use crate::{
    aws::{Identity, Session, Target, http_client::with_request_id},
    ops::{Access, OpError, Ops, Receipt},
};

use super::{Entry, Inner, arguments, catalogue::Origin, circuit::Key, finish, forwarded, progress::Watch, record};

/// What is to be done, whichever the target.
pub(super) struct Call<'a> {
    pub(super) entry: &'a Entry,
    pub(super) arguments: JsonObject,
    pub(super) context: RequestContext<RoleServer>,
    /// How much it may do: what the tool declares, or less if the call asked for less.
    pub(super) access: Access,
    /// How large the result may be.
    pub(super) max_bytes: Option<usize>,
}

impl Call<'_> {
    /// Whether the arguments are of the kinds that a tool of ours takes. Others check theirs themselves.
    pub(super) fn check(&self) -> Result<(), OpError> {
        match self.entry.origin {
            Origin::Here => arguments::check(&self.entry.tool, &self.arguments),
            Origin::Forwarded { .. } => Ok(()),
        }
    }
}

/// What came of a call in one target, as far as it got.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) target: Option<Target>,
    pub(super) receipt: Option<Receipt>,
    pub(super) result: Option<Result<CallToolResponse, OpError>>,
    /// Whether nothing can have been changed, although the tool might have.
    pub(super) only_read: bool,
}

impl Inner {
    /// How long a call of this tool may take: all its targets together, and each of several.
    pub(super) fn patience(&self, entry: &Entry) -> (Option<Duration>, Option<Duration>) {
        match &self.forwarding {
            Some(forwarding) if entry.is_forwarded() => {
                (forwarding.forwarder.timeout(), forwarding.forwarder.timeout())
            }
            _ => (
                self.aws.limits().tool_timeout.get(),
                self.aws.limits().target_timeout.get(),
            ),
        }
    }

    /// A call that its deadline overtook can't say itself that its target gave no answer.
    pub(super) fn note_timeout<T>(&self, call: &Call<'_>, target: Option<&Target>, result: &Result<T, OpError>) {
        if let (Some(target), Err(error @ OpError::Timeout(_))) = (target, result) {
            let key = Key::of(target, call.entry.is_forwarded());
            self.circuits.failed(&key, error.to_string());
        }
    }

    /// Runs the tool in `target`, unless the target's last calls failed. What is known of the receipt is in `outcome` even if the
    /// deadline drops this half-way.
    pub(super) async fn attempt(
        &self,
        call: &Call<'_>,
        target: Option<Target>,
        watch: &Watch,
        outcome: &mut Outcome,
    ) -> Result<CallToolResponse, OpError> {
        let span = record::target_span(target.as_ref());
        span.around(self.try_in(call, target, watch, outcome), record::target_ended)
            .await
    }

    async fn try_in(
        &self,
        call: &Call<'_>,
        target: Option<Target>,
        watch: &Watch,
        outcome: &mut Outcome,
    ) -> Result<CallToolResponse, OpError> {
        outcome.target.clone_from(&target);
        outcome.only_read = call.access == Access::Read;
        let key = target.as_ref().map(|t| Key::of(t, call.entry.is_forwarded()));
        let passage = key.map(|key| self.circuits.enter(key)).transpose()?;
        let result = self.go(call, target, watch, outcome).await;
        if let Some(passage) = passage {
            passage.end(&result);
        }
        result
    }

    /// Runs the tool in `target`, and signs in once more if AWS no longer takes the keys.
    async fn go(
        &self,
        call: &Call<'_>,
        target: Option<Target>,
        watch: &Watch,
        outcome: &mut Outcome,
    ) -> Result<CallToolResponse, OpError> {
        let scope = |target| match &call.entry.origin {
            Origin::Here => self.catalogue.policies().apply(call.entry, target, &call.arguments),
            Origin::Forwarded { .. } => forwarded::scope(target, call),
        };
        let target = target.map(scope).transpose()?;
        if let (Origin::Forwarded { .. }, Some(target)) = (&call.entry.origin, &target) {
            return self.forward(call, target, outcome).await;
        }
        let mut again = call.access <= Access::Reveal;
        loop {
            let session = match &target {
                Some(target) => Some(self.aws.session(target).await?),
                None => None,
            };
            let receipt = receipt(target.as_ref(), session.as_deref()).await;
            let account = receipt.account_id.as_deref().and_then(|id| id.parse().ok());
            outcome.receipt = target.is_some().then_some(receipt);
            let ops = Ops::new(session, self.resolver.accounts().clone(), account, call.max_bytes);
            let ops = watch.over(ops);
            let request =
                CallToolRequestParams::new(call.entry.tool.name.clone()).with_arguments(call.arguments.clone());
            let context = ToolCallContext::new(&ops, request, call.context.clone());
            let (answer, request_id) = with_request_id(self.catalogue.router().call(context)).await;
            if let Some(receipt) = &mut outcome.receipt {
                receipt.aws_request_id = request_id;
            }
            let answer = answer.map_err(|e| OpError::internal(e.message))?;
            match &target {
                Some(target) if finish::keys_expired(&answer) => {
                    self.aws.forget(&target.identity);
                    // Only what changes nothing is done again; a change is reported, and the next call has new keys.
                    if !std::mem::take(&mut again) {
                        return Ok(answer);
                    }
                }
                _ => return Ok(answer),
            }
        }
    }
}

pub(super) async fn receipt(target: Option<&Target>, session: Option<&Session>) -> Receipt {
    let (Some(target), Some(session)) = (target, session) else {
        return Receipt::default();
    };
    let mut receipt = Receipt {
        account: target.account.as_ref().map(|a| a.name.clone()),
        account_id: session.account_id().await.map(ToString::to_string),
        region: Some(session.region().to_string()),
        ..Receipt::default()
    };
    match &target.identity {
        Identity::Role(role) => {
            receipt.role_arn = Some(role.role.to_string());
            receipt.session_name = Some(role.session_name.clone());
        }
        Identity::Profile(profile) => receipt.profile = Some(profile.to_string()),
        Identity::Default => receipt.credentials = Some("default"),
    }
    receipt
}
