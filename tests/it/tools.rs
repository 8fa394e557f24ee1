//! Every tool, over the seeded accounts.

mod accounts;
mod cloud_control;
mod deletion;
mod organizations;
mod iam;
mod owners;
mod route53;
mod s3;
mod secrets;
