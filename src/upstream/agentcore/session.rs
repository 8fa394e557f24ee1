//! The ids of runtime sessions: AgentCore gives each its own microVM, so they decide who shares one.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use uuid::{Builder, Uuid};

use crate::{aws::CallerIdentity, config::SessionMode, upstream::UpstreamError};

use super::Acting;

/// Makes the id of each invocation.
#[derive(Debug)]
pub(super) struct Sessions {
    mode: SessionMode,
    acting: Arc<Acting>,
    kept: OnceCell<String>,
}

impl Sessions {
    pub(super) fn new(mode: SessionMode, acting: Arc<Acting>) -> Self {
        Self {
            mode,
            acting,
            kept: OnceCell::new(),
        }
    }

    /// The id of the next invocation: 44 or 45 characters, of which AgentCore wants 33 to 256.
    ///
    /// # Errors
    /// STS can't be asked who the base identity is. It is asked again the next time.
    pub(super) async fn next(&self) -> Result<String, UpstreamError> {
        if self.mode == SessionMode::Request {
            return Ok(format!("request-{}", Uuid::new_v4()));
        }
        let make = || async {
            match self.mode {
                SessionMode::Identity => of_identity(&self.acting.base().await?),
                _ => Ok(format!("session-{}", Uuid::new_v4())),
            }
        };
        self.kept.get_or_try_init(make).await.cloned()
    }
}

/// As agentcore-mcp-proxy makes it, so that both find the same warm runtime.
fn of_identity(who: &CallerIdentity) -> Result<String, UpstreamError> {
    if who.user_id.is_empty() || who.arn.is_empty() {
        let text = "sts:GetCallerIdentity returned an incomplete identity";
        return Err(UpstreamError::Credentials(text.to_owned()));
    }
    let text = serde_json::json!([who.account.as_str(), who.user_id, who.arn]).to_string();
    let mut bytes = [0_u8; 16];
    bytes
        .iter_mut()
        .zip(Sha256::digest(text.as_bytes()))
        .for_each(|(byte, digest)| *byte = digest);
    Ok(format!("identity-{}", Builder::from_bytes(bytes).into_uuid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_the_uuid_that_python_makes_of_it() {
        let who = CallerIdentity {
            account: "123456789012".parse().unwrap(),
            user_id: "AROAEXAMPLE:alice".to_owned(),
            arn: "arn:aws:sts::123456789012:assumed-role/dev/alice".to_owned(),
        };
        // str(uuid.UUID(bytes=hashlib.sha256(json.dumps([…], separators=(",", ":")).encode()).digest()[:16]))
        assert_eq!(
            of_identity(&who).unwrap(),
            "identity-b71c3dc6-b477-f0f0-db7e-43f3bfd60bb5"
        );
        assert!(
            of_identity(&CallerIdentity {
                user_id: String::new(),
                ..who
            })
            .is_err()
        );
    }
}
