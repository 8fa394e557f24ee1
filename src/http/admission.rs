//! How much one caller gets, and this process can bear: decided when a request's body is read, before any work is done.
//!
//! Counted are requests, whichever way they come: by the caller's name, not by token, session or transport. Notifications and
//! responses are not: they start nothing, and a cancellation must always get through.

mod buckets;
mod flight;
mod rates;
mod refusal;

use std::{sync::Arc, time::Duration};

use rmcp::model::{CallToolRequestParams, ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use tokio::time::Instant;

use self::{flight::Flights, rates::Rates};
use crate::{
    auth::{Admitted, Caller},
    config::http::HttpLimits,
    state::State,
};

pub(super) use rates::Need;
pub(super) use refusal::{Limit, Refusal, Refusals};

/// What the limits count a request as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// It changes nothing.
    Read,
    /// It may change something. What can't be told is that, too.
    Write,
}

/// Tells what a call of a tool counts as. This module knows no tools.
pub(super) type CostOf = Arc<dyn Fn(&CallToolRequestParams) -> Cost + Send + Sync>;

/// The limits on requests.
pub(super) struct Admission {
    cost_of: CostOf,
    flights: Arc<Flights>,
    rates: Rates,
    refusals: Refusals,
}

impl Admission {
    pub(super) fn new(limits: &HttpLimits, cost_of: CostOf, shared: Option<Arc<State>>) -> Self {
        Self {
            cost_of,
            flights: Flights::new(limits),
            rates: Rates::new(limits, shared),
            refusals: Refusals::default(),
        }
    }

    /// Counts a message. `None` is one that isn't counted. The mark belongs into the request's extensions: its place in flight is
    /// given back when the last copy is dropped.
    ///
    /// # Errors
    /// The limit that stands in the way.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        message: &ClientJsonRpcMessage,
        need: Need,
    ) -> Result<Option<Admitted>, Refusal> {
        let JsonRpcMessage::Request(request) = message else {
            return Ok(None);
        };
        let cost = match &request.request {
            ClientRequest::CallToolRequest(call) => (self.cost_of)(&call.params),
            _ => Cost::Read,
        };
        // First, because it can be given back.
        let place = self
            .flights
            .take(caller, cost)
            .map_err(|limit| self.refuse(caller, limit, None));
        let place = place.map_err(|r| r.to(request.id.clone()))?;
        let turn = self.turn(caller, cost, need).await;
        turn.map_err(|r| r.to(request.id.clone()))?;
        Ok(Some(Admitted::new(cost == Cost::Write, place)))
    }

    /// Counts a request that opens a stream.
    ///
    /// # Errors
    /// The limit that stands in the way.
    pub(super) async fn open(&self, caller: &Caller) -> Result<(), Refusal> {
        self.turn(caller, Cost::Read, Need::Session).await
    }

    /// Counts a request that another replica has let in, and that runs here.
    ///
    /// # Errors
    /// The limit on requests in flight that stands in the way.
    pub(super) fn board(&self, caller: &Caller, changes: bool) -> Result<Admitted, Limit> {
        let cost = if changes { Cost::Write } else { Cost::Read };
        let place = self.flights.take(caller, cost)?;
        Ok(Admitted::new(changes, place))
    }

    async fn turn(&self, caller: &Caller, cost: Cost, need: Need) -> Result<(), Refusal> {
        let turn = self.rates.take(caller, cost, need).await;
        turn.map_err(|(limit, wait)| self.refuse(caller, limit, Some(wait)))
    }

    fn refuse(&self, caller: &Caller, limit: Limit, wait: Option<Duration>) -> Refusal {
        self.refusals.note(caller, limit, Instant::now());
        Refusal::new(limit, wait.unwrap_or(flight::WAIT))
    }
}
