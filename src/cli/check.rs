//! `check`: does what the settings say work? Each step with ok or what to do.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::Args;
use futures::{StreamExt, stream};
use serde::Serialize;

use crate::{
    auth::Caller,
    aws::{Account, AccountError, AccountId, Aws, Resolver, Selector, sts},
};

use super::{AwsOptions, Connected, colours, print};

/// How many accounts are checked at once.
const AT_ONCE: usize = 16;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// As JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    options: AwsOptions,
}

/// One step.
#[derive(Debug, Serialize)]
struct Step {
    check: String,
    ok: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Step {
    fn new(check: &str, result: Result<String, AccountError>) -> Self {
        let check = check.to_owned();
        match result {
            Ok(detail) => Self {
                check,
                ok: true,
                detail,
                hint: None,
            },
            Err(error) => Self {
                check,
                ok: false,
                detail: error.to_string(),
                hint: error.hint(),
            },
        }
    }
}

impl Check {
    pub(super) async fn run(&self) -> Result<ExitCode> {
        let connected = self.options.connect().await?;
        let steps = steps(&connected).await;
        let ok = steps.iter().all(|s| s.ok);
        let text = if self.json {
            format!(
                "{}\n",
                serde_json::to_string_pretty(&serde_json::json!({ "ok": ok, "checks": steps }))?
            )
        } else {
            steps.iter().map(|step| line(step, colours())).collect()
        };
        print(&text)?;
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn steps(connected: &Connected) -> Vec<Step> {
    let Connected { resolver, aws, .. } = connected;
    let mut steps = vec![registry(resolver)];
    let base = identity(aws, resolver, Selector::default()).await;
    let signed_in = base.is_ok();
    steps.push(Step::new(
        "base identity",
        base.map(|(id, arn)| format!("{arn} in account {id}")),
    ));
    // Without the base identity every role fails for the same reason; an account with a profile may still work.
    let accounts: Vec<Arc<Account>> = resolver
        .accounts()
        .all()
        .filter(|a| signed_in || a.profile.is_some())
        .cloned()
        .collect();
    let checked = stream::iter(accounts).map(|account| async move { check_account(aws, resolver, &account).await });
    steps.extend(checked.buffered(AT_ONCE).collect::<Vec<_>>().await);
    steps
}

fn registry(resolver: &Resolver) -> Step {
    let accounts = resolver.accounts();
    let (all, workloads) = (accounts.all().count(), accounts.workloads().count());
    let mut step = Step::new("registry", Ok(format!("{all} accounts, {workloads} of them for work")));
    if workloads == 0 {
        step.hint = Some("Calls can only use the default credentials, profiles, or role_arn with TARGET_ROLE_NAME. Set ACCOUNT_REGISTRY or ACCOUNT_<NAME>_ROLE_ARN.".to_owned());
    }
    step
}

async fn check_account(aws: &Aws, resolver: &Resolver, account: &Account) -> Step {
    let selector = Selector {
        account: Some(account.name.clone()),
        ..Selector::default()
    };
    let result = identity(aws, resolver, selector)
        .await
        .and_then(|(id, arn)| match &account.id {
            // A registry that names the wrong account is worse than one that names none.
            Some(expected) if *expected != id => Err(AccountError::Rejected {
                message: format!("the registry says account {expected}, but the identity is {arn} in account {id}"),
            }),
            _ => Ok(arn),
        });
    Step::new(&format!("account {}", account.name), result)
}

async fn identity(aws: &Aws, resolver: &Resolver, selector: Selector) -> Result<(AccountId, String), AccountError> {
    let target = resolver.resolve(&selector, &Caller::new("check"))?;
    let session = aws.session(&target).await?;
    sts::caller_identity(&session.client(aws_sdk_sts::Client::new)).await
}

fn line(step: &Step, colours: bool) -> String {
    let (mark, colour) = if step.ok { ("ok  ", "32") } else { ("FAIL", "31") };
    let mark = if colours {
        format!("\x1b[{colour}m{mark}\x1b[0m")
    } else {
        mark.to_owned()
    };
    let hint = step.hint.as_ref().map(|h| format!("      → {h}\n")).unwrap_or_default();
    format!("{mark}  {}: {}\n{hint}", step.check, step.detail)
}
