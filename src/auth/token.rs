//! What makes a token good enough, and how to get one.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::AuthError;
use crate::config::value::Secret;

/// 32 hex digits or 22 letters and digits: both are 128 bits when drawn at random.
const MIN_HEX: usize = 32;
const MIN_OTHER: usize = 22;
/// A random token of that length has fewer different characters about once in a million million.
const MIN_DISTINCT: usize = 8;

/// A fresh token of 256 bits, in hex.
pub fn generate_token() -> Result<Secret, AuthError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    let mut text = String::with_capacity(64);
    for byte in bytes.iter() {
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(Secret::new(text))
}

/// Whether a character may stand in a bearer token (RFC 6750, `b64token`).
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// Says what is wrong with a token. An estimate: length and variety are all that can be seen from outside.
pub(super) fn weakness(token: &str) -> Option<&'static str> {
    if !token.bytes().all(is_token_byte) {
        return Some("has characters that a bearer token can't have (letters, digits and -._~+/= are allowed)");
    }
    let only_hex = token.bytes().all(|b| b.is_ascii_hexdigit());
    if token.len() < MIN_OTHER || (only_hex && token.len() < MIN_HEX) {
        return Some("is shorter than 128 bits (32 hex digits, or 22 letters and digits)");
    }
    let mut seen = [false; 256];
    for byte in token.bytes() {
        if let Some(slot) = seen.get_mut(usize::from(byte)) {
            *slot = true;
        }
    }
    if seen.iter().filter(|s| **s).count() < MIN_DISTINCT {
        return Some("repeats too few characters to be random");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_token_is_strong_and_new_each_time() {
        let (a, b) = (generate_token().unwrap(), generate_token().unwrap());
        assert_eq!(a.expose().len(), 64);
        assert_eq!(weakness(a.expose()), None);
        assert!(a != b);
    }

    #[test]
    fn guessable_tokens_are_named_weak() {
        let strong = [
            "0123456789abcdef0123456789abcdef",
            "Zm9vYmFyYmF6cXV4MTIzNDU",
            "correct-horse.battery_staple",
        ];
        for token in strong {
            assert_eq!(weakness(token), None, "{token}");
        }
        let weak = [
            "",
            "changeme",
            "0123456789abcdef0123456789abcde",
            "Zm9vYmFyYmF6cXV4MTIzN",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy",
            "has a space has a space has a space 123",
            "tökens-with-umlauts-are-not-sendable-123",
        ];
        for token in weak {
            assert!(weakness(token).is_some(), "{token}");
        }
    }
}
