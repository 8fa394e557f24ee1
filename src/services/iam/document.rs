//! Policy documents, which IAM writes percent-encoded.

use serde_json::Value;

/// A document as JSON; as text where it is none.
pub(super) fn decoded(encoded: &str) -> Value {
    let text = unescaped(encoded);
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn unescaped(encoded: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(encoded.len()), encoded.as_bytes());
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_json_again() {
        let encoded = "%7B%22Action%22%3A%20%22s3%3A%2A%22%2C%22Sid%22%3A%22gr%C3%BC%C3%9Fe%22%7D";
        assert_eq!(decoded(encoded), json!({ "Action": "s3:*", "Sid": "grüße" }));
        // Not every emulator encodes them.
        assert_eq!(decoded("{\"Sid\": \"100%\"}"), json!({ "Sid": "100%" }));
        assert_eq!(decoded("%7Bnot json"), json!("{not json"));
    }
}
