//! The mark of a request that the limits have let in. A leaf, since the transport sets it and the tools' server asks for it.

use std::{any::Any, fmt, sync::Arc};

/// What the limits have counted a request as, in the extensions of each that they let in. While a copy of it exists, the request
/// is in flight: whoever handles the request holds one.
#[derive(Clone)]
pub struct Admitted {
    changes: bool,
    _place: Arc<dyn Any + Send + Sync>,
}

impl Admitted {
    /// A request that was counted as a change or as a read, and its place among those in flight.
    pub fn new(changes: bool, place: impl Any + Send + Sync) -> Self {
        Self {
            changes,
            _place: Arc::new(place),
        }
    }

    /// Whether it was counted as a change. What was not must change nothing.
    pub fn changes(&self) -> bool {
        self.changes
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}
