//! Answers in CBOR, as the services of `rpc-v2-cbor` write them. The emulator's encoder writes times without their tag, and the SDK
//! refuses them.

use serde_json::Value;

/// A value in CBOR. A number under a name that says `Timestamp` is a time.
pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value, false);
    out
}

fn write(out: &mut Vec<u8>, value: &Value, time: bool) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(yes) => out.push(if *yes { 0xf5 } else { 0xf4 }),
        Value::Number(number) => {
            if time {
                out.push(0xc1);
            }
            match (number.as_u64(), number.as_i64()) {
                (Some(n), _) => head(out, 0, n),
                (None, Some(n)) => head(out, 1, n.unsigned_abs() - 1),
                (None, None) => {
                    out.push(0xfb);
                    out.extend(number.as_f64().unwrap_or_default().to_be_bytes());
                }
            }
        }
        Value::String(text) => {
            head(out, 3, text.len() as u64);
            out.extend(text.as_bytes());
        }
        Value::Array(items) => {
            head(out, 4, items.len() as u64);
            items.iter().for_each(|item| write(out, item, time));
        }
        Value::Object(map) => {
            head(out, 5, map.len() as u64);
            for (key, value) in map {
                write(out, &Value::from(key.as_str()), false);
                write(out, value, key.contains("Timestamp"));
            }
        }
    }
}

/// A major type and its number, in eight bytes where one does not do.
fn head(out: &mut Vec<u8>, major: u8, number: u64) {
    match u8::try_from(number) {
        Ok(small) if small < 24 => out.push(major << 5 | small),
        _ => {
            out.push(major << 5 | 27);
            out.extend(number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_times_have_their_tag() {
        let value = json!({ "a": [1, -7, 1.5, true, null, "ü", 70_000], "b": { "c": [] } });
        assert_eq!(awsim_core::protocol::cbor::decode(&encode(&value)).unwrap(), value);
        assert_eq!(encode(&json!({ "Timestamp": 1 })).last_chunk(), Some(&[0xc1, 0x01]));
    }
}
