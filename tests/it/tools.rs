//! Every tool, over the seeded accounts.

mod accounts;
mod cloud_control;
mod deletion;
#[cfg(feature = "ec2")]
mod ec2;
mod iam;
mod owners;
mod route53;
mod s3;
mod secrets;
