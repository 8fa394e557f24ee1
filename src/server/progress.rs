//! What a client that asked for it hears while its call runs. Each note counts further than the one before, as MCP wants it.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{self, Either};
use rmcp::model::ProgressNotificationParam;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};

use crate::ops::Ops;

use super::call::Call;

/// How long the last notes of progress may hold up the answer that follows them.
const LAST_NOTES: Duration = Duration::from_secs(1);
/// How much of its time a tool that waits leaves for its answer, and never more than a fifth.
const FOR_THE_ANSWER: Duration = Duration::from_secs(5);

/// What happened in one of the targets.
enum Note {
    Finished(usize),
    Says(usize, String),
}

/// The end at which a call's targets speak.
#[derive(Clone)]
pub(super) struct Teller(UnboundedSender<Note>);

/// The end at which they are heard.
pub(super) struct Notes(UnboundedReceiver<Note>);

/// What one target's work knows of the call that it is part of.
pub(super) struct Watch {
    teller: Teller,
    at: usize,
    until: Option<Instant>,
}

pub(super) fn notes() -> (Teller, Notes) {
    let (tell, heard) = unbounded_channel();
    (Teller(tell), Notes(heard))
}

impl Teller {
    pub(super) fn finished(&self, at: usize) {
        let _ = self.0.send(Note::Finished(at));
    }

    /// For the target at this place, which has `limit` from now on and must end by `until`.
    pub(super) fn watch(&self, at: usize, limit: Option<Duration>, until: Option<Instant>) -> Watch {
        let now = Instant::now();
        let end = limit.map(|limit| now + limit).into_iter().chain(until).min();
        let until = end.map(|end| {
            let left = end.saturating_duration_since(now);
            end - FOR_THE_ANSWER.min(left / 5)
        });
        let teller = self.clone();
        Watch { teller, at, until }
    }
}

impl Watch {
    /// A tool's view of the world, with this call's end and listener.
    pub(super) fn over(&self, ops: Ops) -> Ops {
        let (tell, at) = (self.teller.0.clone(), self.at);
        ops.until(self.until).heard_by(Arc::new(move |said| {
            let _ = tell.send(Note::Says(at, said));
        }))
    }
}

impl Notes {
    /// Does the work, and passes on what is heard of it. Side by side: a client that does not read what it asked for must not hold
    /// up the targets, nor their deadlines. `total` is how many targets there are, if not just one, and `labels` their names.
    pub(super) async fn beside<T>(
        self,
        call: &Call<'_>,
        total: Option<usize>,
        labels: &[String],
        work: impl Future<Output = T>,
    ) -> T {
        let notes = pin!(self.pass_on(call, total, labels));
        match future::select(pin!(work), notes).await {
            Either::Left((done, notes)) => {
                let _ = tokio::time::timeout(LAST_NOTES, notes).await;
                done
            }
            Either::Right(((), work)) => work.await,
        }
    }

    async fn pass_on(mut self, call: &Call<'_>, total: Option<usize>, labels: &[String]) {
        let Some(token) = call.context.meta.get_progress_token() else {
            return;
        };
        let (mut finished, mut said) = (0.0, 0.0);
        while let Some(note) = self.0.recv().await {
            let (at, words) = match note {
                Note::Finished(at) => {
                    (finished, said) = (finished + 1.0, 0.0);
                    (at, None)
                }
                Note::Says(at, words) => {
                    said += 1.0;
                    (at, Some(words))
                }
            };
            // One target counts its notes. Of several the finished ones count, and what the others say moves it on a little.
            let progress = total.map_or(said, |_| finished + said / (said + 1.0));
            let mut param = ProgressNotificationParam::new(token.clone(), progress);
            if let Some(total) = total {
                #[expect(clippy::cast_precision_loss, reason = "the protocol counts in floating point")]
                let total = total as f64;
                param = param.with_total(total);
            }
            let message = match (labels.get(at), words) {
                (Some(label), Some(words)) => Some(format!("{label}: {words}")),
                (Some(label), None) => Some(label.clone()),
                (None, words) => words,
            };
            if let Some(message) = message {
                param = param.with_message(message);
            }
            // A client that went away is told by the transport, not here.
            let _ = call.context.peer.notify_progress(param).await;
        }
    }
}
