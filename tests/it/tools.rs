//! Every tool, over the seeded accounts.

mod accounts;
mod cloud_control;
mod cloudtrail;
mod deletion;
mod organizations;
mod iam;
mod cloudwatch;
mod logs;
mod owners;
mod route53;
mod s3;
mod secrets;
