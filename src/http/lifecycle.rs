//! The moments of an ending process.

use tokio_util::sync::CancellationToken;

/// From the first signal to the last byte. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// Readiness fails, so that load balancers look elsewhere.
    pub draining: CancellationToken,
    /// No new connections; streams that only wait are closed; calls in flight go on.
    pub stopping: CancellationToken,
    /// Whatever is left is cut.
    pub over: CancellationToken,
}

impl Lifecycle {
    /// A process that begins to end when `shutdown` is cancelled.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self {
            draining: shutdown,
            stopping: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }
}
