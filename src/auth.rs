//! Who may come in: the bearer token, and the [`Caller`] it stands for.

pub mod caller;

pub use caller::Caller;
