//! Accounts from AWS Organizations: everything that `ListAccounts` shows, through one named account.

use aws_sdk_organizations::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Account as AwsAccount, AccountState, AccountStatus},
};

use crate::auth::Caller;

use super::{
    accounts::Account,
    error::{AccountError, causes, inside},
    policy::{Allow, Policy},
    resolve::{Resolver, Selector},
    session::Aws,
};

/// Every account of the organization that can be worked in, by way of the account called `through`.
///
/// # Errors
/// Why the list can't be had. The caller keeps the list that it has.
pub async fn list(aws: &Aws, resolver: &Resolver, through: &str) -> Result<Vec<Account>, AccountError> {
    let selector = Selector {
        account: Some(through.to_owned()),
        ..Selector::default()
    };
    let target = resolver.for_server().resolve(&selector, &Caller::new("registry"))?;
    let policy = Policy::new(&[Allow::everywhere(["organizations:ListAccounts"])]).map_err(AccountError::Selector)?;
    let target = target.for_reading(&policy);
    let client = aws.session(&target).await?.client(Client::new);
    let mut pages = client.list_accounts().into_paginator().send();
    let mut accounts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|e| classify(&e))?;
        // Suspended accounts refuse every call, and pending ones don't have their role yet.
        accounts.extend(
            page.accounts
                .unwrap_or_default()
                .into_iter()
                .filter(is_active)
                .filter_map(entry),
        );
    }
    Ok(accounts)
}

/// By the newer of two fields that say it; emulators fill only the older.
fn is_active(account: &AwsAccount) -> bool {
    match account.state() {
        Some(state) => state == &AccountState::Active,
        None => account.status() == Some(&AccountStatus::Active),
    }
}

/// A registry entry. Its name is the organization's, in the form in which variables and people write it.
fn entry(account: AwsAccount) -> Option<Account> {
    let id = account.id?.parse().ok()?;
    let full = account.name.unwrap_or_default();
    let name = full
        .to_ascii_lowercase()
        .replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    let name = name.trim_matches('-').to_owned();
    let aliases = if full == name || full.is_empty() {
        Vec::new()
    } else {
        vec![full]
    };
    let name = if name.is_empty() { format!("account-{id}") } else { name };
    Some(Account {
        id: Some(id),
        aliases,
        ..Account::named(&name)
    })
}

fn classify<E, R>(error: &SdkError<E, R>) -> AccountError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let Some(account) = inside(error) {
        return account.clone();
    }
    match error.as_service_error() {
        Some(service) => AccountError::Rejected {
            message: format!(
                "organizations:ListAccounts: {}: {}",
                service.code().unwrap_or("Unknown"),
                service.message().unwrap_or("no message")
            ),
        },
        None => AccountError::Unreachable { message: causes(error) },
    }
}
