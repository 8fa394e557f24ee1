//! The kinds of values that variables hold, and how each is read. Errors say what would be right.

use std::{fmt, str::FromStr, time::Duration};

use zeroize::Zeroizing;

/// A limit that `off` lifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit<T> {
    /// At most this much.
    At(T),
    /// No limit.
    Off,
}

impl<T: Copy> Limit<T> {
    /// The figure, or `None` when the limit is lifted.
    pub fn get(self) -> Option<T> {
        match self {
            Self::At(value) => Some(value),
            Self::Off => None,
        }
    }
}

/// Reads a limit: `off`, or what `read` makes of the text.
fn limit<T>(text: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<Limit<T>, String> {
    if text.trim().eq_ignore_ascii_case("off") {
        return Ok(Limit::Off);
    }
    read(text.trim()).map(Limit::At).map_err(|e| format!("{e}, or `off`"))
}

/// A number of things: `20` or `off`.
pub fn count_limit(text: &str) -> Result<Limit<usize>, String> {
    limit(text, |t| match t.parse() {
        Ok(0) | Err(_) => Err("expected a whole number of at least 1".to_owned()),
        Ok(n) => Ok(n),
    })
}

/// A number of bytes: `4MiB`, `512KiB`, `1000` or `off`.
pub fn bytes_limit(text: &str) -> Result<Limit<usize>, String> {
    limit(text, |t| {
        let wrong = || "expected a size such as 4MiB, 512KiB or 1000".to_owned();
        let digits = t.find(|c: char| !c.is_ascii_digit()).unwrap_or(t.len());
        let (number, unit) = t.split_at(digits);
        let scale = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        let number = number.parse::<usize>().map_err(|_| wrong())?;
        number.checked_mul(scale).filter(|n| *n > 0).ok_or_else(wrong)
    })
}

/// A length of time: `30s`, `500ms`, `5m`, `1h` or `off`.
pub fn duration_limit(text: &str) -> Result<Limit<Duration>, String> {
    limit(text, |t| {
        let wrong = || "expected a time such as 30s, 500ms, 5m or 1h".to_owned();
        let digits = t.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(t.len());
        let (number, unit) = t.split_at(digits);
        let number = number.parse::<f64>().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "ms" => number / 1000.0,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            _ => return Err(wrong()),
        };
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|d| !d.is_zero())
            .ok_or_else(wrong)
    })
}

/// `on` or `off`.
///
/// # Errors
/// What would be right.
pub fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("expected `on` or `off`".to_owned()),
    }
}

/// The candidate that a mistyped word most likely meant: at most a third of its letters differ.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (distance(word, c), c))
        .filter(|(d, c)| *d <= c.len().max(3) / 3)
        .min()
        .map(|(_, c)| c)
}

/// Edit distance with swapped neighbours counted once (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&above, j) + usize::from(x != y))
                .min(at(&above, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

/// A text on one line, whatever it holds: control characters and the marks that reorder what a terminal shows are written out.
pub fn one_line(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .flat_map(|c| {
            hidden(c)
                .then(|| c.escape_default())
                .into_iter()
                .flatten()
                .chain((!hidden(c)).then_some(c))
        })
        .collect()
}

/// A value that is never shown: not by `Debug`, not by `Display`, and gone from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a value into keeping.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself. Each use is a place to look at twice.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_units_and_off() {
        assert_eq!(bytes_limit("4MiB"), Ok(Limit::At(4 << 20)));
        assert_eq!(bytes_limit("off"), Ok(Limit::Off));
        assert_eq!(duration_limit("3.1s"), Ok(Limit::At(Duration::from_millis(3100))));
        assert_eq!(duration_limit("2m"), Ok(Limit::At(Duration::from_secs(120))));
        assert_eq!(count_limit("20"), Ok(Limit::At(20)));
    }

    #[test]
    fn wrong_limits_say_what_is_right() {
        for wrong in ["", "0", "-1", "4 parsecs", "1e9h", "NaNs", "99999999999999999999MiB"] {
            assert!(bytes_limit(wrong).unwrap_err().contains("4MiB"), "{wrong}");
            assert!(duration_limit(wrong).unwrap_err().contains("30s"), "{wrong}");
            assert!(count_limit(wrong).unwrap_err().contains("whole number"), "{wrong}");
        }
    }

    #[test]
    fn typos_find_their_word() {
        assert_eq!(nearest("prodcution", ["production", "staging"]), Some("production"));
        assert_eq!(nearest("xyz", ["production", "staging"]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn one_line_is_one_line() {
        let shown = one_line("größe \"x\"\r\n\u{1b}[31m\u{85}\u{202e}");
        assert_eq!(shown, "größe \"x\"\\r\\n\\u{1b}[31m\\u{85}\\u{202e}");
    }

    #[test]
    fn a_secret_hides_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
