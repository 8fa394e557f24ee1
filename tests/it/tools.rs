//! Every tool, over the seeded accounts.

mod accounts;
mod cloud_control;
mod cloudtrail;
mod deletion;
mod organizations;
#[cfg(feature = "ec2")]
mod ec2;
mod iam;
mod cloudwatch;
mod logs;
mod owners;
mod route53;
mod s3;
mod secrets;
