//! Bearer tokens from configuration, and the check of one request's `Authorization`.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use super::{AuthError, Caller, token};
use crate::config::http::HttpConfig;

/// The caller of MCP_AUTH_TOKEN.
const DEFAULT_CALLER: &str = "default";

/// Turns a request's headers into a [`Caller`]. Cheap to clone. Keeps digests only, never tokens.
#[derive(Clone)]
pub struct Authenticator {
    entries: Arc<[Entry]>,
}

struct Entry {
    digest: [u8; 32],
    caller: Caller,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It has no bearer token.
    Missing,
    /// Its `Authorization` can't be read; the text says why.
    Malformed(&'static str),
    /// Nobody has this token.
    Unknown,
}

impl Authenticator {
    /// Reads MCP_AUTH_TOKEN and MCP_AUTH_TOKENS; refuses what is weak, ambiguous or missing.
    pub fn from_config(config: &HttpConfig) -> Result<Self, AuthError> {
        let mut entries = Vec::new();
        // An empty variable is what compose files and charts make of an unset one.
        if let Some(secret) = config.auth_token.as_ref().filter(|s| !s.expose().is_empty()) {
            add(&mut entries, DEFAULT_CALLER, secret.expose(), || {
                "MCP_AUTH_TOKEN".to_owned()
            })?;
        }
        if let Some(secret) = config.auth_tokens.as_ref().filter(|s| !s.expose().trim().is_empty()) {
            for (index, entry) in secret.expose().split(',').enumerate() {
                let wrong = |problem| AuthError::Entry {
                    position: index + 1,
                    problem,
                };
                let (name, token) = entry.trim().split_once('=').ok_or(wrong("has no `=`"))?;
                if !is_name(name) {
                    return Err(wrong("has a name that isn't 2 to 64 of A-Z a-z 0-9 _ . @ + -"));
                }
                add(&mut entries, name, token, || format!("`{name}` in MCP_AUTH_TOKENS"))?;
            }
        }
        if entries.is_empty() {
            return Err(AuthError::NoToken);
        }
        Ok(Self {
            entries: entries.into(),
        })
    }

    /// Who sent these headers.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Rejection> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(Rejection::Missing)?;
        if values.next().is_some() {
            return Err(Rejection::Malformed("more than one Authorization header"));
        }
        self.find(bearer_token(value)?).ok_or(Rejection::Unknown)
    }

    /// Compares with every entry, whatever the first ones say, so that time tells nothing.
    fn find(&self, token: &[u8]) -> Option<Caller> {
        let digest = Sha256::digest(token);
        let mut found = u64::MAX;
        for (index, entry) in (0_u64..).zip(self.entries.iter()) {
            let equal = entry.digest.as_slice().ct_eq(digest.as_slice());
            found = u64::conditional_select(&found, &index, equal);
        }
        let entry = self.entries.get(usize::try_from(found).ok()?)?;
        Some(entry.caller.clone())
    }
}

/// The names that AWS takes as a role session's name, so that a caller is itself in CloudTrail.
fn is_name(name: &str) -> bool {
    (2..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.@+-".contains(&b))
}

fn add(entries: &mut Vec<Entry>, name: &str, token: &str, place: impl FnOnce() -> String) -> Result<(), AuthError> {
    if let Some(problem) = token::weakness(token) {
        return Err(AuthError::WeakToken {
            place: place(),
            problem,
        });
    }
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    if let Some(other) = entries.iter().find(|e| e.digest == digest)
        && other.caller.name() != name
    {
        return Err(AuthError::SharedToken {
            first: other.caller.name().to_owned(),
            second: name.to_owned(),
        });
    }
    entries.push(Entry {
        digest,
        caller: Caller::new(name),
    });
    Ok(())
}

/// The token of `Bearer <token>`. Another scheme counts as no token, as RFC 6750 has it.
fn bearer_token(value: &HeaderValue) -> Result<&[u8], Rejection> {
    let bytes = value.as_bytes();
    let end = bytes.iter().position(|b| *b == b' ').unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Rejection::Missing);
    }
    let token = rest.trim_ascii();
    if token.is_empty() {
        return Err(Rejection::Malformed("no token after `Bearer`"));
    }
    if !token.iter().all(|b| token::is_token_byte(*b)) {
        return Err(Rejection::Malformed(
            "the token has characters that a bearer token can't have",
        ));
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::value::Secret;

    const ALICE: &str = "a11ce000000000000000123456789abcdef";
    const BOB: &str = "b0b00000000000000000123456789abcdef";

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        http: HttpConfig,
    }

    fn config(token: Option<&str>, tokens: Option<&str>) -> HttpConfig {
        let mut config = Cli::parse_from(["test"]).http;
        config.auth_token = token.map(Secret::new);
        config.auth_tokens = tokens.map(Secret::new);
        config
    }

    fn error(token: Option<&str>, tokens: Option<&str>) -> AuthError {
        Authenticator::from_config(&config(token, tokens)).err().unwrap()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|v| (AUTHORIZATION, HeaderValue::from_str(v).unwrap()))
            .collect()
    }

    fn alice_and_bob() -> Authenticator {
        Authenticator::from_config(&config(
            Some(ALICE),
            Some(&format!("bob={BOB}, bob=0{BOB},carol=1{BOB}")),
        ))
        .unwrap()
    }

    #[test]
    fn each_token_is_its_caller_and_a_caller_may_have_two() {
        let auth = alice_and_bob();
        let who = |t: &str| {
            auth.authenticate(&headers(&[&format!("Bearer {t}")]))
                .map(|c| c.name().to_owned())
        };
        assert_eq!(who(ALICE), Ok("default".to_owned()));
        assert_eq!(who(BOB), Ok("bob".to_owned()));
        assert_eq!(who(&format!("0{BOB}")), Ok("bob".to_owned()));
        assert_eq!(who(&format!("1{BOB}")), Ok("carol".to_owned()));
        assert_eq!(who(&BOB[1..]), Err(Rejection::Unknown));
    }

    #[test]
    fn authorization_is_read_strictly() {
        let auth = alice_and_bob();
        let reject = |values: &[&str]| auth.authenticate(&headers(values)).unwrap_err();
        assert_eq!(
            auth.authenticate(&headers(&[&format!("bEaReR {ALICE}")]))
                .unwrap()
                .name(),
            "default"
        );
        assert_eq!(reject(&[]), Rejection::Missing);
        assert_eq!(reject(&["Basic Zm9vOmJhcg=="]), Rejection::Missing);
        assert_eq!(reject(&[ALICE]), Rejection::Missing);
        assert!(matches!(reject(&["Bearer"]), Rejection::Malformed(_)));
        assert!(matches!(reject(&["Bearer  "]), Rejection::Malformed(_)));
        assert!(matches!(
            reject(&[&format!("Bearer {ALICE} {ALICE}")]),
            Rejection::Malformed(_)
        ));
        let twice = format!("Bearer {ALICE}");
        assert!(matches!(reject(&[&twice, &twice]), Rejection::Malformed(_)));
    }

    #[test]
    fn tokens_that_would_not_protect_are_refused_without_being_shown() {
        assert_eq!(error(None, None), AuthError::NoToken);
        assert_eq!(error(Some(""), Some(" ")), AuthError::NoToken);
        let weak = error(Some("hunter2"), None).to_string();
        assert!(
            weak.contains("MCP_AUTH_TOKEN") && weak.contains("openssl rand -hex 32"),
            "{weak}"
        );
        let weak = error(Some(ALICE), Some("ci=hunter2")).to_string();
        assert!(
            weak.contains("`ci` in MCP_AUTH_TOKENS") && !weak.contains("hunter2"),
            "{weak}"
        );
        for wrong in ["nonsense", "=x", &format!("a b={BOB}"), &format!("bob={BOB},")] {
            let text = error(None, Some(wrong)).to_string();
            assert!(text.contains("MCP_AUTH_TOKENS") && !text.contains(BOB), "{text}");
        }
        let shared = error(Some(ALICE), Some(&format!("bob={ALICE}")));
        assert_eq!(
            shared,
            AuthError::SharedToken {
                first: "default".to_owned(),
                second: "bob".to_owned()
            }
        );
        assert!(!shared.to_string().contains(ALICE));
    }
}
