//! `check`: does what the settings say work? Each step with ok or what to do.

use std::{process::ExitCode, sync::Arc};

use anyhow::Result;
use clap::Args;
use futures::{StreamExt, stream};
use serde::Serialize;

use crate::{
    auth::Caller,
    aws::{
        Account, AccountError, AccountId, Aws, Identity, Naming, Resolver, Selector, Target, error::refused_naming, sts,
    },
    upstream::Forwarder,
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
    let base = match resolver
        .for_server()
        .resolve(&Selector::default(), &Caller::new("check"))
    {
        Ok(target) => identity(aws, &target).await,
        Err(error) => Err(error),
    };
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
    if let Some(forwarder) = &connected.forwarder {
        steps.push(aws_mcp(forwarder).await);
        forwarder.close().await;
    }
    steps
}

/// Whether the AWS MCP Server answers.
async fn aws_mcp(forwarder: &Arc<Forwarder>) -> Step {
    let host = forwarder.endpoint(forwarder.region()).host().to_owned();
    let (ok, detail, hint) = match forwarder.definitions().await {
        Ok(tools) => (true, format!("{host} lists {} tools", tools.len()), None),
        Err(error) => (
            false,
            error.to_string(),
            Some("Native tools don't need it: AWS_MCP_ENDPOINT=off forwards nothing.".to_owned()),
        ),
    };
    let check = "AWS MCP Server".to_owned();
    Step {
        check,
        ok,
        detail,
        hint,
    }
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
    let name = format!("account {}", account.name);
    let tried = match try_account(aws, resolver, account).await {
        Ok(tried) => tried,
        Err(error) => return Step::new(&name, Err(error)),
    };
    // A registry that names the wrong account is worse than one that names none.
    if let Some(expected) = account.id.clone().filter(|expected| *expected != tried.id) {
        let error = AccountError::WrongAccount {
            expected,
            found: tried.id,
            arn: tried.arn,
        };
        return Step::new(&name, Err(error));
    }
    let mut step = Step::new(&name, Ok(tried.arn));
    let sent = resolver.naming();
    let refused: Vec<&str> = [
        ("SourceIdentity", tried.accepts.source_identity),
        ("session tags", tried.accepts.tags),
    ]
    .into_iter()
    .filter_map(|(what, accepted)| (!accepted).then_some(what))
    .collect();
    if !refused.is_empty() {
        let needed = (sent.source_identity && !tried.accepts.source_identity) || (sent.tags && !tried.accepts.tags);
        // The role itself is fine, but with these settings each call is refused.
        step.ok = !needed;
        let so = if needed {
            "calls send them, so they fail"
        } else {
            "calls don't send them"
        };
        step.detail = format!(
            "{}; its role does not accept {}: {so}",
            step.detail,
            refused.join(" and ")
        );
        step.hint = Some(tried.hints.join(" "));
    } else if tried.is_role {
        step.detail = format!("{}; its role accepts SourceIdentity and session tags", step.detail);
    }
    step
}

/// An account that could be signed in to, and what its role accepts of what STS can be told of a caller.
struct Tried {
    id: AccountId,
    arn: String,
    is_role: bool,
    accepts: Naming,
    hints: Vec<String>,
}

/// Signs in with everything, and then without what is refused.
async fn try_account(aws: &Aws, resolver: &Resolver, account: &Account) -> Result<Tried, AccountError> {
    let selector = Selector {
        account: Some(account.name.clone()),
        ..Selector::default()
    };
    let (mut accepts, mut hints) = (Naming::default(), Vec::new());
    loop {
        let naming = resolver.for_server().with_naming(accepts);
        let target = naming.resolve(&selector, &Caller::new("check"))?;
        let error = match identity(aws, &target).await {
            Ok((id, arn)) => {
                return Ok(Tried {
                    id,
                    arn,
                    is_role: matches!(target.identity, Identity::Role(_)),
                    accepts,
                    hints,
                });
            }
            Err(error) => error,
        };
        accepts = without_refused(&error, accepts).ok_or_else(|| error.clone())?;
        hints.extend(error.hint());
    }
}

/// What is left to send after this refusal; `None` if the refusal was about something else.
fn without_refused(error: &AccountError, naming: Naming) -> Option<Naming> {
    let AccountError::AssumeDenied { message, .. } = error else {
        return None;
    };
    match refused_naming(message)? {
        (_, "SOURCE_IDENTITY") if naming.source_identity => Some(Naming {
            source_identity: false,
            ..naming
        }),
        (_, "SESSION_TAGS") if naming.tags => Some(Naming { tags: false, ..naming }),
        _ => None,
    }
}

async fn identity(aws: &Aws, target: &Target) -> Result<(AccountId, String), AccountError> {
    let session = aws.session(target).await?;
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
