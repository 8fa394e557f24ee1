//! A relayed request: what rmcp numbers anew on its way, and what the other side must see of it all the same.

use rmcp::model::{ProgressToken, RequestId};
use serde_json::Value;

/// What a relayed request carries beside itself, as an extension that is never sent.
///
/// rmcp gives every request that it sends a progress token of its own. The receiver must see the token of whoever asked,
/// or none: then notifications about it can be passed on as they are.
#[derive(Clone, Debug)]
pub struct Relayed {
    /// The request's id where it came from.
    pub id: RequestId,
    /// Its progress token there.
    pub progress_token: Option<ProgressToken>,
}

impl Relayed {
    /// Puts back the token of a message that is about to be sent, and leaves no empty shells.
    pub fn restore(&self, message: &mut Value) {
        let Some(Value::Object(params)) = message.get_mut("params") else {
            return;
        };
        if let Some(Value::Object(meta)) = params.get_mut("_meta") {
            match self.progress_token.as_ref().and_then(|t| serde_json::to_value(t).ok()) {
                Some(token) => meta.insert("progressToken".to_owned(), token),
                None => meta.remove("progressToken"),
            };
            if meta.is_empty() {
                params.remove("_meta");
            }
        }
        if params.is_empty()
            && let Some(message) = message.as_object_mut()
        {
            message.remove("params");
        }
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::NumberOrString;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_receiver_sees_the_askers_token_or_none() {
        let relayed = |token: Option<i64>| Relayed {
            id: NumberOrString::Number(1),
            progress_token: token.map(|t| ProgressToken(NumberOrString::Number(t))),
        };
        let mut message = json!({"id": 1, "params": {"_meta": {"progressToken": 9}, "name": "x"}});
        relayed(Some(4)).restore(&mut message);
        assert_eq!(message["params"]["_meta"], json!({"progressToken": 4}));
        relayed(None).restore(&mut message);
        assert_eq!(message, json!({"id": 1, "params": {"name": "x"}}));
        let mut bare = json!({"id": 1, "params": {"_meta": {"progressToken": 9}}});
        relayed(None).restore(&mut bare);
        assert_eq!(bare, json!({"id": 1}));
        let mut other = json!({"id": 1, "params": {"_meta": {"progressToken": 9, "k": 1}}});
        relayed(None).restore(&mut other);
        assert_eq!(other, json!({"id": 1, "params": {"_meta": {"k": 1}}}));
    }
}
