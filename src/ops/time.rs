//! Times as people and models read them.

use aws_smithy_types::{DateTime, date_time::Format};

/// ISO 8601 in UTC, such as `2026-11-21T03:00:00Z`.
pub fn iso(time: &DateTime) -> String {
    time.fmt(Format::DateTime).unwrap_or_else(|_| time.secs().to_string())
}
