//! Times and sizes as people and models read them.

use std::time::{Duration, SystemTime};

use aws_smithy_types::{DateTime, date_time::Format};

use super::OpError;

/// ISO 8601 in UTC, such as `2026-11-21T03:00:00Z`.
pub fn iso(time: &DateTime) -> String {
    time.fmt(Format::DateTime).unwrap_or_else(|_| time.secs().to_string())
}

/// What a call means by `since` or `until`: an age such as `90s`, `30m`, `3h`, `2d` or `1w`, `now`, or ISO 8601, which is in UTC unless it
/// says otherwise.
///
/// # Errors
/// Anything else, with what would be right.
pub fn moment(text: &str, now: SystemTime) -> Result<DateTime, OpError> {
    let told = text.trim();
    let age = match told {
        "now" => Some(Duration::ZERO),
        _ => span(told),
    };
    // Nobody means the microseconds of an hour ago.
    let ago = |age| {
        now.checked_sub(age)
            .map(|then| DateTime::from_secs(DateTime::from(then).secs()))
    };
    let time = age.map_or_else(|| absolute(told), ago);
    time.ok_or_else(|| {
        OpError::InvalidInput(format!(
            "`{text}` is no time: give an age such as 30m, 3h or 2d, or ISO 8601 such as 2026-11-21T03:00:00Z"
        ))
    })
}

/// `3h`, also as `-3h` or `3h ago`.
fn span(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit.trim_start() {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

fn absolute(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00Z"));
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let seconds = if clock.matches(':').count() == 1 { ":00" } else { "" };
    let zone = if zone.is_empty() { "Z" } else { zone };
    DateTime::from_str(&format!("{date}T{clock}{seconds}{zone}"), Format::DateTimeWithOffset).ok()
}

/// As [`iso`], with its age: `2026-11-21T03:00:00Z (2 h ago)`, or `(in 5 min)`.
pub fn dated(time: &DateTime, now: SystemTime) -> String {
    let Ok(then) = SystemTime::try_from(*time) else {
        return iso(time);
    };
    // Nobody reads parts of a second beside an age.
    let time = iso(&DateTime::from_secs(time.secs()));
    match now.duration_since(then) {
        Ok(age) => format!("{time} ({} ago)", rough(age)),
        Err(ahead) => format!("{time} (in {})", rough(ahead.duration())),
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
    fn a_moment_is_an_age_or_iso_8601() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_230_000_789);
        for (text, expected) in [
            ("now", "2026-11-21T03:00:00Z"),
            ("90s", "2026-11-21T02:58:30Z"),
            ("30m", "2026-11-21T02:30:00Z"),
            ("3h", "2026-11-21T00:00:00Z"),
            (" -3h ", "2026-11-21T00:00:00Z"),
            ("3 h ago", "2026-11-21T00:00:00Z"),
            ("2d", "2026-11-19T03:00:00Z"),
            ("1w", "2026-11-14T03:00:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("2026-11-21T03:04", "2026-11-21T03:04:00Z"),
            ("2026-11-21 03:04:05", "2026-11-21T03:04:05Z"),
            ("2026-11-21T03:04:05Z", "2026-11-21T03:04:05Z"),
            ("2026-11-21T03:04:05.5Z", "2026-11-21T03:04:05.5Z"),
            ("2026-11-21T03:04:05+02:00", "2026-11-21T01:04:05Z"),
        ] {
            assert_eq!(moment(text, now).map(|t| iso(&t)).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "h",
            "3",
            "3y",
            "yesterday",
            "2026-13-01",
            "99999999999999999999h",
            "9999999999999999999s",
            "é",
        ] {
            let error = moment(text, now).unwrap_err().to_string();
            assert!(error.contains("is no time: give an age such as 30m"), "{text}: {error}");
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
