//! Times and sizes as people and models read them.

use std::time::{Duration, SystemTime};

use aws_smithy_types::{DateTime, date_time::Format};

/// ISO 8601 in UTC, such as `2026-11-21T03:00:00Z`.
pub fn iso(time: &DateTime) -> String {
    time.fmt(Format::DateTime).unwrap_or_else(|_| time.secs().to_string())
}

/// The same with its age: `2026-11-21T03:00:00Z (2 h ago)`, or `(in 5 min)`.
pub fn dated(time: &DateTime, now: SystemTime) -> String {
    let Ok(then) = SystemTime::try_from(*time) else {
        return iso(time);
    };
    match now.duration_since(then) {
        Ok(age) => format!("{} ({} ago)", iso(time), rough(age)),
        Err(ahead) => format!("{} (in {})", iso(time), rough(ahead.duration())),
    }
}

/// One number and its unit, rounded down: `41 s`, `5 min`, `3 h`, `12 d`.
fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A size for people and exactly: `1.2 MiB (1258291 bytes)`; below a KiB just `7 bytes`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        None => format!("{bytes} bytes"),
        Some((unit, shift)) => {
            let tenths = (u128::from(bytes) * 10) >> shift;
            format!("{}.{} {unit} ({bytes} bytes)", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_age() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (seconds, expected) in [
            (1_000_000, "1970-01-12T13:46:40Z (0 s ago)"),
            (999_959, "1970-01-12T13:45:59Z (41 s ago)"),
            (996_401, "1970-01-12T12:46:41Z (59 min ago)"),
            (996_400, "1970-01-12T12:46:40Z (1 h ago)"),
            (0, "1970-01-01T00:00:00Z (11 d ago)"),
            (1_000_300, "1970-01-12T13:51:40Z (in 5 min)"),
        ] {
            assert_eq!(dated(&DateTime::from_secs(seconds), now), expected);
        }
    }

    #[test]
    fn sizes_are_human_and_exact() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB (1024 bytes)"),
            (1_258_291, "1.1 MiB (1258291 bytes)"),
            (u64::MAX, "16777215.9 TiB (18446744073709551615 bytes)"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
