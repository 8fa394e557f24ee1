//! Users' access keys.

use std::time::SystemTime;

use aws_sdk_iam::{
    Client,
    primitives::DateTime,
    types::{AccessKeyLastUsed, AccessKeyMetadata},
};
use futures::{StreamExt, TryStreamExt, stream};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{OpError, Ops, Page, dated};

use super::{AT_ONCE, days};

/// What the summary counts as old.
const OLD: u32 = 90;

/// Arguments of `list_access_keys`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListAccessKeys {
    /// Only this user's
    user_name: Option<String>,
    /// Only keys made at least so many days ago
    older_than_days: Option<u32>,
    /// Only keys not used for so many days, or never
    unused_for_days: Option<u32>,
    /// At most so many users (default 1000)
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `list_access_keys`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct KeyList {
    summary: KeySummary,
    /// Users with such keys
    users: Vec<UserKeys>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the listed keys have in common.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct KeySummary {
    users: usize,
    keys: usize,
    active: usize,
    inactive: usize,
    active_older_than_90_days: usize,
    never_used: usize,
}

/// A user's keys.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UserKeys {
    user_name: String,
    access_keys: Vec<AccessKey>,
}

/// One key.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AccessKey {
    access_key_id: String,
    /// Active or Inactive
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    last_used: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_region: Option<String>,
    #[serde(skip)]
    old: bool,
    #[serde(skip)]
    never: bool,
}

pub(super) async fn list(ops: &Ops, client: &Client, input: ListAccessKeys) -> Result<KeyList, OpError> {
    let now = ops.now();
    let (users, next) = match &input.user_name {
        Some(_) if input.next_token.is_some() => {
            return Err(OpError::InvalidInput(
                "one user's keys have no further page: leave out next_token".to_owned(),
            ));
        }
        Some(name) => (vec![keys_of(client, name.clone(), &input, now).await?], None),
        None => {
            let page = |token, size| {
                let input = &input;
                async move {
                    let answer = client.list_users().max_items(size).set_marker(token).send().await?;
                    let each = answer
                        .users
                        .into_iter()
                        .map(|user| keys_of(client, user.user_name, input, now));
                    // The list is cut between users, and has those in it that turn out to have no such key.
                    let items = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
                    Ok(Page {
                        items,
                        next: answer.marker.filter(|_| answer.is_truncated),
                    })
                }
            };
            let pager = ops.pager(input.max_results, input.next_token.clone());
            let Page { items, next } = pager.collect(100, page).await?;
            (items, next)
        }
    };
    let users: Vec<UserKeys> = users.into_iter().filter(|u| !u.access_keys.is_empty()).collect();
    let keys = || users.iter().flat_map(|u| &u.access_keys);
    let active = keys().filter(|k| k.status == "Active").count();
    let summary = KeySummary {
        users: users.len(),
        keys: keys().count(),
        active,
        inactive: keys().count() - active,
        active_older_than_90_days: keys().filter(|k| k.old && k.status == "Active").count(),
        never_used: keys().filter(|k| k.never).count(),
    };
    Ok(KeyList {
        summary,
        users,
        next_token: next,
    })
}

/// The keys of a user that the call asks for. Their use is asked only of those that are old enough.
async fn keys_of(client: &Client, user: String, input: &ListAccessKeys, now: SystemTime) -> Result<UserKeys, OpError> {
    let seconds = DateTime::from(now).secs();
    let old = |time: Option<&DateTime>, limit: u32| time.is_some_and(|t| seconds - t.secs() >= days(limit));
    let pages = client.list_access_keys().user_name(&user).into_paginator();
    let all: Vec<AccessKeyMetadata> = pages.items().send().try_collect().await?;
    let mut access_keys = Vec::new();
    for key in all {
        if input
            .older_than_days
            .is_some_and(|limit| !old(key.create_date(), limit))
        {
            continue;
        }
        let id = key.access_key_id.unwrap_or_default();
        let used = client.get_access_key_last_used().access_key_id(&id).send().await?;
        let used = used.access_key_last_used;
        let date = used.as_ref().and_then(AccessKeyLastUsed::last_used_date);
        if input
            .unused_for_days
            .is_some_and(|limit| date.is_some() && !old(date, limit))
        {
            continue;
        }
        // IAM writes N/A where there is nothing to say.
        let told = |text: &str| (!text.is_empty() && text != "N/A").then(|| text.to_owned());
        access_keys.push(AccessKey {
            access_key_id: id,
            status: key.status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
            old: old(key.create_date.as_ref(), OLD),
            never: date.is_none(),
            created: key.create_date.map(|t| dated(&t, now)),
            last_used: date.map_or_else(|| "never".to_owned(), |t| dated(t, now)),
            last_used_service: used.as_ref().and_then(|u| told(&u.service_name)),
            last_used_region: used.as_ref().and_then(|u| told(&u.region)),
        });
    }
    Ok(UserKeys {
        user_name: user,
        access_keys,
    })
}
