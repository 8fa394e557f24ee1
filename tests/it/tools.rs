//! Every tool, over the seeded accounts.

mod accounts;
mod deletion;
mod organizations;
mod owners;
mod route53;
mod s3;
mod secrets;
