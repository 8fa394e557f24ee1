//! Accounts, credentials and clients: from what a call says (a [`Selector`]) to a signed-in [`Session`].

pub mod accounts;
pub mod cache;
pub mod credentials;
pub mod error;
pub mod fault;
pub mod http_client;
pub mod iam_resources;
pub mod ids;
pub mod limiter;
pub mod naming;
pub mod operation;
pub mod organization;
pub mod policy;
pub mod profile;
pub mod refresh;
pub mod registry;
pub mod resolve;
pub mod resource_types;
pub mod scope;
pub mod select;
pub mod session;
pub mod sts;

pub use accounts::{Account, Accounts, Kind};
pub use credentials::{Base, Credentials};
pub use error::AccountError;
pub use ids::{AccountId, ProfileName, RoleArn};
pub use naming::Naming;
pub use policy::{Allow, Policy};
pub use resolve::{Identity, Resolver, RoleSession, Selector, Target};
pub use select::{Selected, targets};
pub use session::{Aws, Session};
pub use sts::CallerIdentity;

#[cfg(test)]
mod tests;
