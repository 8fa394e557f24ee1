//! Who can reach a bucket, and how well it is kept: one look at each of an account's buckets.

mod verdict;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aws_sdk_s3::{
    Client,
    config::Region,
    types::{Bucket, BucketVersioningStatus},
};
use futures::{StreamExt, TryStreamExt, stream};
use rmcp::schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::{ErrorCode, OpError, Ops, Page, dated};

use verdict::{Block, encryption_words, opened_by_acl, opened_by_policy, public_grants};

/// How many buckets are looked at together, each with four requests at a time.
const TOGETHER: usize = 4;

/// Arguments of `get_bucket_posture`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetBucketPosture {
    /// Default: all
    bucket: Option<String>,
    /// Also those that nobody may look at
    only_public: Option<bool>,
    max_results: Option<u32>,
    next_token: Option<String>,
}

/// Answer of `get_bucket_posture`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Postures {
    /// How many were looked at
    checked: usize,
    public: usize,
    /// Neither public nor private: too much was denied
    unknown: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
    buckets: Vec<Posture>,
    /// Go on with this; absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One bucket.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Posture {
    name: String,
    /// Absent: can't be told
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    /// Actions that the role or the bucket's policy denied
    #[serde(skip_serializing_if = "Vec::is_empty")]
    denied: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<String>,
    /// on, off, or what of it is off
    #[serde(skip_serializing_if = "Option::is_none")]
    public_access_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_ownership: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versioning: Option<String>,
    /// Where access is logged
    #[serde(skip_serializing_if = "Option::is_none")]
    logging: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_rules: Option<usize>,
}

/// What was said of a bucket, or that it may not be said, or that there is no such configuration.
enum Said<T> {
    Value(T),
    Nothing,
    Denied,
}

impl<T> Said<T> {
    fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }
}

pub(super) async fn get(ops: &Ops, client: &Client, input: GetBucketPosture) -> Result<Postures, OpError> {
    let only_public = input.only_public.unwrap_or_default();
    let [checked, public, unknown] = [const { AtomicUsize::new(0) }; 3];
    let one = input.bucket;
    let page = |token, size| {
        let request = client.list_buckets().set_prefix(one.clone());
        let (checked, public, unknown, one) = (&checked, &public, &unknown, &one);
        async move {
            let answer = request.max_buckets(size).set_continuation_token(token).send().await?;
            let wanted = |b: &Bucket| one.is_none() || b.name == *one;
            let buckets = answer.buckets.unwrap_or_default().into_iter().filter(wanted);
            let looks = buckets.map(|bucket| look(ops, client, bucket, only_public));
            let found: Vec<Option<Posture>> = stream::iter(looks).buffered(TOGETHER).try_collect().await?;
            let mut items: Vec<Posture> = found.into_iter().flatten().collect();
            checked.fetch_add(items.len(), Relaxed);
            public.fetch_add(items.iter().filter(|p| p.public == Some(true)).count(), Relaxed);
            unknown.fetch_add(items.iter().filter(|p| p.public.is_none()).count(), Relaxed);
            items.retain(|p| !only_public || p.public != Some(false));
            // Names that only begin so come after the one that was asked for.
            let next = answer.continuation_token.filter(|t| !t.is_empty() && one.is_none());
            Ok(Page { items, next })
        }
    };
    let Page { items, next } = ops
        .pager(input.max_results, input.next_token)
        .collect(100, page)
        .await?;
    let (checked, public) = (checked.into_inner(), public.into_inner());
    if let Some(name) = one.filter(|_| checked == 0) {
        return Err(OpError::NotFound(format!(
            "this account has no bucket `{name}`: list_buckets shows what it has"
        )));
    }
    Ok(Postures {
        checked,
        public,
        unknown: unknown.into_inner(),
        note: (public > 0).then_some(
            "Whether the whole account blocks public access was not asked: if it does, these buckets are not public.",
        ),
        buckets: items,
        next_token: next,
    })
}

/// Looks at one bucket, in its own region. `None` if it is gone by now.
async fn look(ops: &Ops, client: &Client, bucket: Bucket, only_public: bool) -> Result<Option<Posture>, OpError> {
    let name = bucket.name.unwrap_or_default();
    let client = match &bucket.bucket_region {
        Some(region) if client.config().region().map(AsRef::as_ref) != Some(region.as_str()) => {
            let there = client.config().to_builder().region(Region::new(region.clone()));
            Client::from_conf(there.build())
        }
        _ => client.clone(),
    };
    let mut posture = Posture {
        name,
        region: bucket.bucket_region,
        creation_date: bucket.creation_date.map(|t| dated(&t, ops.now())),
        ..Posture::default()
    };
    let looked = async {
        access(ops, &client, &mut posture).await?;
        if !only_public || posture.public != Some(false) {
            upkeep(ops, &client, &mut posture).await?;
        }
        Ok::<_, OpError>(())
    };
    match looked.await {
        Ok(()) => Ok(Some(posture)),
        Err(OpError::Aws { aws_code, .. }) if aws_code == "NoSuchBucket" => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sends a request for one configuration, and notes its action if it was denied.
macro_rules! ask {
    ($request:expr, $ops:expr, $denied:expr, $action:literal, $absent:literal) => {
        match $request
            .set_expected_bucket_owner($ops.bucket_owner())
            .send()
            .await
            .map_err(OpError::from)
        {
            Ok(answer) => Ok(Said::Value(answer)),
            Err(OpError::Aws { aws_code, .. }) if aws_code == $absent => Ok(Said::Nothing),
            Err(error) if error.code() == ErrorCode::AccessDenied => Ok(Said::Denied),
            Err(error) => Err(error),
        }
        .inspect(|said| {
            if matches!(said, Said::Denied) {
                $denied.push($action);
            }
        })
    };
}

/// Who gets in: the block, the policy, the ACL.
async fn access(ops: &Ops, client: &Client, posture: &mut Posture) -> Result<(), OpError> {
    let name = posture.name.clone();
    let mut denied = [const { Vec::new() }; 4];
    let [d1, d2, d3, d4] = &mut denied;
    let (block, policy, acl, ownership) = futures::try_join!(
        async {
            ask!(
                client.get_public_access_block().bucket(&name),
                ops,
                d1,
                "s3:GetBucketPublicAccessBlock",
                "NoSuchPublicAccessBlockConfiguration"
            )
        },
        async {
            ask!(
                client.get_bucket_policy_status().bucket(&name),
                ops,
                d2,
                "s3:GetBucketPolicyStatus",
                "NoSuchBucketPolicy"
            )
        },
        async {
            ask!(
                client.get_bucket_acl().bucket(&name),
                ops,
                d3,
                "s3:GetBucketAcl",
                "AccessControlListNotSupported"
            )
        },
        async {
            ask!(
                client.get_bucket_ownership_controls().bucket(&name),
                ops,
                d4,
                "s3:GetBucketOwnershipControls",
                "OwnershipControlsNotFoundError"
            )
        },
    )?;
    posture.denied.extend(denied.into_iter().flatten());

    let ownership = match ownership {
        Said::Value(answer) => {
            let rule = answer.ownership_controls.and_then(|c| c.rules.into_iter().next());
            Said::Value(rule.map_or_else(|| "ObjectWriter".to_owned(), |r| r.object_ownership.as_str().to_owned()))
        }
        // The rule of buckets from before there were any.
        Said::Nothing => Said::Value("ObjectWriter".to_owned()),
        Said::Denied => Said::Denied,
    };
    let block = match block {
        Said::Value(answer) => Said::Value(Block::of(answer.public_access_block_configuration.as_ref())),
        Said::Nothing => Said::Value(Block::default()),
        Said::Denied => Said::Denied,
    };
    let policy = match policy {
        Said::Value(answer) => Said::Value(answer.policy_status.and_then(|s| s.is_public).unwrap_or_default()),
        Said::Nothing => Said::Value(false),
        Said::Denied => Said::Denied,
    };
    let grants = match acl {
        Said::Value(answer) => Said::Value(public_grants(answer.grants())),
        Said::Nothing => Said::Value(Vec::new()),
        Said::Denied => Said::Denied,
    };
    posture.public_access_block = match &block {
        Said::Value(block) => Some(block.to_string()),
        _ => None,
    };
    let block = block.value();
    let ownership = ownership.value();
    let by_policy = opened_by_policy(policy.value(), block.as_ref(), &mut posture.reasons);
    let by_acl = opened_by_acl(
        grants.value(),
        ownership.as_deref(),
        block.as_ref(),
        &mut posture.reasons,
    );
    posture.object_ownership = ownership;
    posture.public = match (by_policy, by_acl) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => {
            posture
                .reasons
                .push("can't be told: see denied. Don't take it for private".to_owned());
            None
        }
    };
    Ok(())
}

/// How it is kept.
async fn upkeep(ops: &Ops, client: &Client, posture: &mut Posture) -> Result<(), OpError> {
    let name = posture.name.clone();
    let mut denied = [const { Vec::new() }; 4];
    let [d1, d2, d3, d4] = &mut denied;
    let (encryption, versioning, logging, lifecycle) = futures::try_join!(
        async {
            ask!(
                client.get_bucket_encryption().bucket(&name),
                ops,
                d1,
                "s3:GetEncryptionConfiguration",
                "ServerSideEncryptionConfigurationNotFoundError"
            )
        },
        async {
            ask!(
                client.get_bucket_versioning().bucket(&name),
                ops,
                d2,
                "s3:GetBucketVersioning",
                ""
            )
        },
        async {
            ask!(
                client.get_bucket_logging().bucket(&name),
                ops,
                d3,
                "s3:GetBucketLogging",
                ""
            )
        },
        async {
            ask!(
                client.get_bucket_lifecycle_configuration().bucket(&name),
                ops,
                d4,
                "s3:GetLifecycleConfiguration",
                "NoSuchLifecycleConfiguration"
            )
        },
    )?;
    posture.denied.extend(denied.into_iter().flatten());
    posture.encryption = match encryption {
        Said::Value(answer) => {
            let rules = answer.server_side_encryption_configuration.map(|c| c.rules);
            Some(
                rules
                    .unwrap_or_default()
                    .first()
                    .map_or_else(|| "none".to_owned(), encryption_words),
            )
        }
        Said::Nothing => Some("none".to_owned()),
        Said::Denied => None,
    };
    posture.versioning = versioning.value().map(|answer| match answer.status {
        Some(status @ (BucketVersioningStatus::Enabled | BucketVersioningStatus::Suspended)) => {
            status.as_str().to_owned()
        }
        _ => "off".to_owned(),
    });
    posture.logging = logging.value().map(|answer| match answer.logging_enabled {
        Some(to) => format!("s3://{}/{}", to.target_bucket, to.target_prefix),
        None => "off".to_owned(),
    });
    posture.lifecycle_rules = match lifecycle {
        Said::Value(answer) => Some(answer.rules.map_or(0, |r| r.len())),
        Said::Nothing => Some(0),
        Said::Denied => None,
    };
    Ok(())
}
