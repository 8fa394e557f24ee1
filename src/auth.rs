//! Who may come in: the bearer token, and the [`Caller`] it stands for.

pub mod admitted;
pub mod bearer;
pub mod caller;
pub mod failures;
pub mod request_id;
pub mod token;

pub use admitted::Admitted;
pub use bearer::{Authenticator, Rejection};
pub use caller::Caller;
pub use failures::AuthFailures;
pub use request_id::RequestId;
pub use token::generate_token;

/// Why the configured tokens can't be used. No variant ever holds a token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Nobody could come in.
    #[error(
        "no bearer token is configured: set MCP_AUTH_TOKEN (make one with `openssl rand -hex 32`) or MCP_AUTH_TOKENS"
    )]
    NoToken,

    /// A token that could be guessed, or could not be sent.
    #[error("the token of {place} {problem}: make one with `openssl rand -hex 32`")]
    WeakToken {
        /// The variable, and the entry's name in it.
        place: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// An entry of MCP_AUTH_TOKENS that isn't `name=token`.
    #[error("entry {position} of MCP_AUTH_TOKENS {problem}: expected `name=token,name=token`")]
    Entry {
        /// Its place in the list, from 1.
        position: usize,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// One token would make two callers.
    #[error("`{first}` and `{second}` have the same token: each caller needs its own")]
    SharedToken {
        /// The name that came first.
        first: String,
        /// The name that came second.
        second: String,
    },

    /// The operating system gave no random bytes.
    #[error("no randomness for a token: {0}")]
    Randomness(#[from] getrandom::Error),
}
