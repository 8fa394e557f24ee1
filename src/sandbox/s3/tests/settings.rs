//! Buckets' settings, versions and policies.

use super::*;

#[tokio::test]
async fn configurations_that_are_not_there_have_their_own_errors() {
    let sandbox = Sandbox::new().await.unwrap();
    let owner = sandbox.admin(DEVELOPMENT).s3;
    macro_rules! gone {
        ($delete:ident, $get:ident) => {{
            owner.$delete().bucket(CONFIG).send().await.unwrap();
            failure(&owner.$get().bucket(CONFIG).send().await.unwrap_err())
        }};
    }
    for ((code, message), expected) in [
        (
            gone!(delete_public_access_block, get_public_access_block),
            "NoSuchPublicAccessBlockConfiguration",
        ),
        (gone!(delete_bucket_policy, get_bucket_policy), "NoSuchBucketPolicy"),
        (
            gone!(delete_bucket_policy, get_bucket_policy_status),
            "NoSuchBucketPolicy",
        ),
        (
            gone!(delete_bucket_encryption, get_bucket_encryption),
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        (
            gone!(delete_bucket_lifecycle, get_bucket_lifecycle_configuration),
            "NoSuchLifecycleConfiguration",
        ),
        (
            gone!(delete_bucket_ownership_controls, get_bucket_ownership_controls),
            "OwnershipControlsNotFoundError",
        ),
    ] {
        assert_eq!(code, expected);
        assert!(!message.contains(CONFIG) && !message.is_empty(), "{message}");
    }
    let acl = owner.get_bucket_acl().bucket(CONFIG).send().await.unwrap();
    assert_eq!(acl.grants().len(), 1);
}

#[tokio::test]
async fn a_policy_is_public_if_it_lets_in_anybody_without_a_condition() {
    let sandbox = Sandbox::new().await.unwrap();
    let owner = sandbox.admin(DEVELOPMENT).s3;
    for (principal, condition, public) in [
        (serde_json::json!("*"), None, true),
        (serde_json::json!({ "AWS": ["*"] }), None, true),
        (
            serde_json::json!("*"),
            Some(serde_json::json!({ "StringEquals": { "aws:PrincipalOrgID": "o-acme0sandbox" } })),
            false,
        ),
        (
            serde_json::json!({ "AWS": "arn:aws:iam::333333333333:root" }),
            None,
            false,
        ),
    ] {
        let mut statement = serde_json::json!({
            "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{CONFIG}/*"),
        });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
        owner
            .put_bucket_policy()
            .bucket(CONFIG)
            .policy(policy.to_string())
            .send()
            .await
            .unwrap();
        let said = owner.get_bucket_policy_status().bucket(CONFIG).send().await.unwrap();
        assert_eq!(said.policy_status().unwrap().is_public(), Some(public), "{policy}");
    }
}

#[tokio::test]
async fn the_pages_of_the_versions_are_all_versions() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.s3;
    let bucket = "acme-dev-uploads-444444444444";
    let whole = dev.list_object_versions().bucket(bucket).send().await.unwrap();
    assert_eq!((whole.versions().len(), whole.delete_markers().len()), (5, 1));
    for size in 1..=6 {
        let (mut seen, mut key, mut version) = (0, None, None);
        loop {
            let page = dev.list_object_versions().bucket(bucket).max_keys(size);
            let page = page.set_key_marker(key.take()).set_version_id_marker(version.take());
            let page = page.send().await.unwrap();
            seen += page.versions().len() + page.delete_markers().len();
            if page.is_truncated() != Some(true) {
                break;
            }
            key = page.next_key_marker().map(str::to_owned);
            version = page.next_version_id_marker().map(str::to_owned);
        }
        assert_eq!(seen, 6, "{size} at a time");
    }
}

#[tokio::test]
async fn a_copy_asks_for_its_source() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.s3;
    let copy = |source: &str| dev.copy_object().bucket(CONFIG).key("copy").copy_source(source).send();
    copy(&format!("{CONFIG}/gr%C3%BC%C3%9Fe/ausnahmen.txt")).await.unwrap();
    let missing = copy(&format!("{CONFIG}/nothing")).await.unwrap_err();
    assert_eq!(failure(&missing).0, "NoSuchKey");
    assert_eq!(failure(&copy("acme-nowhere/x").await.unwrap_err()).0, "NoSuchBucket");
    let foreign = copy("acme-prod-config-222222222222/flags.json").await.unwrap_err();
    assert_eq!(failure(&foreign).0, "AccessDenied");
    let state = sandbox.inner.s3.store().get(DEVELOPMENT, "global");
    if let Some(bucket) = state.buckets.get(CONFIG) {
        let mut flags = bucket.objects.get_mut("flags.json").unwrap();
        flags.versions[0].content_length = (5 << 30) + 1;
    }
    let (code, message) = failure(&copy(&format!("{CONFIG}/flags.json")).await.unwrap_err());
    assert_eq!(code, "InvalidRequest");
    assert!(message.contains("copy source is larger"), "{message}");
}

#[tokio::test]
async fn a_bucket_policy_opens_a_bucket_to_another_account() {
    let sandbox = Sandbox::new().await.unwrap();
    let policy = |principal: &str| {
        serde_json::json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{CONFIG}/*"),
        }]})
        .to_string()
    };
    let owner = sandbox.admin(DEVELOPMENT).s3;
    owner
        .put_bucket_policy()
        .bucket(CONFIG)
        .policy(policy("arn:aws:iam::333333333333:root"))
        .send()
        .await
        .unwrap();
    let open = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" },
    ]});
    let staging = sandbox.target(STAGING).await;
    let get = || staging.s3.get_object().bucket(CONFIG).key("flags.json").send();
    assert_eq!(failure(&get().await.unwrap_err()).0, "AccessDenied");
    sandbox
        .put_role_policy(STAGING, "aws-ops-target", "others", &open)
        .await
        .unwrap();
    get().await.unwrap();
    owner
        .put_bucket_policy()
        .bucket(CONFIG)
        .policy(policy("arn:aws:iam::222222222222:root"))
        .send()
        .await
        .unwrap();
    assert_eq!(failure(&get().await.unwrap_err()).0, "AccessDenied");
}
