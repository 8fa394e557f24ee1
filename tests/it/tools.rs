//! Every tool, over the seeded accounts.

mod accounts;
mod cloudwatch;
mod deletion;
mod logs;
mod owners;
mod route53;
mod s3;
mod secrets;
