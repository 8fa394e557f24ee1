use aws_sdk_secretsmanager::{
    primitives::Blob,
    types::{Filter, FilterNameStringType, SortOrderType},
};

use crate::sandbox::{
    Sandbox,
    testing::{DEVELOPMENT, PRODUCTION, STAGING, failure},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

async fn filtered(sandbox: &Sandbox, key: &str, values: &[&str]) -> Vec<String> {
    let filter = Filter::builder()
        .key(FilterNameStringType::from(key))
        .set_values(Some(values.iter().map(|v| (*v).to_owned()).collect()))
        .build();
    let listed = sandbox
        .target(DEVELOPMENT)
        .await
        .secrets
        .list_secrets()
        .filters(filter)
        .send()
        .await
        .unwrap();
    listed
        .secret_list()
        .iter()
        .map(|s| s.name().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn accounts_and_regions_are_apart() {
    let sandbox = Sandbox::new().await.unwrap();
    let mut values = Vec::new();
    for account in [PRODUCTION, STAGING, DEVELOPMENT] {
        let secrets = sandbox.target(account).await.secrets;
        let value = secrets
            .get_secret_value()
            .secret_id("payments/db/primary")
            .send()
            .await
            .unwrap();
        let arn = value.arn().unwrap();
        let start = format!("arn:aws:secretsmanager:us-east-1:{account}:secret:payments/db/primary-");
        assert_eq!(arn.strip_prefix(&start).map(str::len), Some(6), "{arn}");
        values.push(value.secret_string().unwrap().to_owned());
        // By ARN, and by an ARN without its random end.
        secrets.get_secret_value().secret_id(arn).send().await.unwrap();
        secrets
            .get_secret_value()
            .secret_id(start.trim_end_matches('-'))
            .send()
            .await
            .unwrap();
    }
    values.dedup();
    assert_eq!(values.len(), 3);

    let europe = sandbox
        .clients_in(sandbox.assume(PRODUCTION, None).await, "eu-west-1")
        .secrets;
    assert_eq!(europe.list_secrets().send().await.unwrap().secret_list().len(), 2);
    let elsewhere = europe
        .get_secret_value()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap_err();
    let missing = (
        "ResourceNotFoundException".to_owned(),
        "Secrets Manager can't find the specified secret.".to_owned(),
    );
    assert_eq!(failure(&elsewhere), missing);

    let binary = sandbox
        .target(STAGING)
        .await
        .secrets
        .get_secret_value()
        .secret_id("web/tls/keystore")
        .send()
        .await;
    assert_eq!(binary.unwrap().secret_binary().unwrap().as_ref()[..2], [0x00, 0x9f]);
}

#[tokio::test]
async fn another_account_s_secret_is_refused() {
    let sandbox = Sandbox::new().await.unwrap();
    let production = sandbox.target(PRODUCTION).await.secrets;
    let arn = production
        .describe_secret()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap()
        .arn
        .unwrap();
    let staging = sandbox.target(STAGING).await.secrets;
    assert_eq!(
        failure(&staging.get_secret_value().secret_id(&arn).send().await.unwrap_err()).0,
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn a_secret_s_policy_opens_it_to_another_account() {
    let sandbox = Sandbox::new().await.unwrap();
    let owner = sandbox.admin(PRODUCTION).secrets;
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::333333333333:role/aws-ops-target" },
        "Action": "secretsmanager:GetSecretValue", "Resource": "*",
    }]});
    let put = owner
        .put_resource_policy()
        .secret_id("payments/db/primary")
        .resource_policy(policy.to_string());
    let arn = put.send().await.unwrap().arn.unwrap();
    let read = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": arn },
    ]});
    let staging = sandbox.target(STAGING).await.secrets;
    let get = || staging.get_secret_value().secret_id(&arn).send();
    // Both sides must agree: the owner has, the reader's own account has not yet.
    assert_eq!(failure(&get().await.unwrap_err()).0, "AccessDeniedException");
    sandbox
        .put_role_policy(STAGING, "aws-ops-target", "shared", &read)
        .await
        .unwrap();
    assert!(
        get()
            .await
            .unwrap()
            .secret_string()
            .unwrap()
            .contains("sandbox-production")
    );
}

#[tokio::test]
async fn lists_page_sort_and_filter_as_aws_does() {
    let sandbox = Sandbox::new().await.unwrap();
    let staging = sandbox.target(STAGING).await.secrets;
    let first = staging.list_secrets().send().await.unwrap();
    assert_eq!(first.secret_list().len(), 100);
    let rest = staging
        .list_secrets()
        .next_token(first.next_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!((rest.secret_list().len(), rest.next_token()), (26, None));
    let newest = staging
        .list_secrets()
        .sort_order(SortOrderType::Desc)
        .max_results(1)
        .send()
        .await
        .unwrap();
    assert_eq!(newest.secret_list()[0].name(), Some("tenants/t-120/api-token"));
    assert_eq!(newest.secret_list()[0].secret_versions_to_stages().unwrap().len(), 1);
    let bad = staging.list_secrets().next_token("nonsense").send().await.unwrap_err();
    assert_eq!(failure(&bad).0, "InvalidNextTokenException");
    assert_eq!(
        failure(&staging.list_secrets().max_results(101).send().await.unwrap_err()).0,
        "ValidationException"
    );

    assert_eq!(
        filtered(&sandbox, "name", &["payments/"]).await,
        ["payments/db/primary", "payments/stripe/api-key"]
    );
    assert!(filtered(&sandbox, "name", &["db/primary"]).await.is_empty());
    assert_eq!(filtered(&sandbox, "name", &["!payments/"]).await.len(), 4);
    assert_eq!(
        filtered(&sandbox, "description", &["the payments"]).await,
        ["payments/db/primary"]
    );
    assert_eq!(filtered(&sandbox, "tag-key", &["team"]).await.len(), 6);
    assert_eq!(filtered(&sandbox, "tag-value", &["web", "payments"]).await.len(), 4);
    assert_eq!(filtered(&sandbox, "primary-region", &["us-"]).await.len(), 6);
    assert_eq!(
        filtered(&sandbox, "all", &["DATADOG"]).await,
        ["platform/datadog/api-key"]
    );
}

#[tokio::test]
async fn a_repeated_attempt_is_the_same_attempt() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.secrets;
    let create = |value: &str| {
        dev.create_secret()
            .name("web/new")
            .secret_string(value)
            .client_request_token(TOKEN)
            .send()
    };
    let first = create("one").await.unwrap();
    assert_eq!(create("one").await.unwrap().version_id(), first.version_id());
    let (code, text) = failure(&create("two").await.unwrap_err());
    assert_eq!(code, "ResourceExistsException");
    assert_eq!(text, "The operation failed because the secret web/new already exists.");

    let other = TOKEN.replace('0', "f");
    let update = |value: &str| {
        dev.update_secret()
            .secret_id("web/new")
            .secret_string(value)
            .client_request_token(&other)
            .send()
    };
    assert_eq!(update("two").await.unwrap().version_id(), Some(other.as_str()));
    update("two").await.unwrap();
    assert_eq!(
        failure(&update("three").await.unwrap_err()).0,
        "ResourceExistsException"
    );
    let described = dev.describe_secret().secret_id("web/new").send().await.unwrap();
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);

    // Only one version is the previous one.
    dev.put_secret_value()
        .secret_id("web/new")
        .secret_string("three")
        .send()
        .await
        .unwrap();
    let stages = dev.describe_secret().secret_id("web/new").send().await.unwrap();
    let previous: Vec<_> = stages
        .version_ids_to_stages()
        .unwrap()
        .iter()
        .filter(|(_, stages)| stages.contains(&"AWSPREVIOUS".to_owned()))
        .map(|(id, _)| id.as_str())
        .collect();
    assert_eq!(previous, [other.as_str()]);

    let described = dev
        .update_secret()
        .secret_id("web/new")
        .description("text only")
        .send()
        .await
        .unwrap();
    assert_eq!(described.version_id(), None);
    dev.create_secret()
        .name("web/blob")
        .secret_binary(Blob::new([0, 255]))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn deleting_waits_unless_forced() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.secrets;
    let id = "payments/stripe/api-key";
    dev.delete_secret()
        .secret_id(id)
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    let (code, text) = failure(&dev.get_secret_value().secret_id(id).send().await.unwrap_err());
    assert_eq!(code, "InvalidRequestException");
    assert_eq!(
        text,
        "You can't perform this operation on the secret because it was marked for deletion."
    );
    let again = dev
        .create_secret()
        .name(id)
        .secret_string("x")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&again).0, "InvalidRequestException");
    let listed = |planned| dev.list_secrets().include_planned_deletion(planned).send();
    assert_eq!(listed(false).await.unwrap().secret_list().len(), 5);
    assert_eq!(listed(true).await.unwrap().secret_list().len(), 6);
    assert!(
        dev.describe_secret()
            .secret_id(id)
            .send()
            .await
            .unwrap()
            .deleted_date()
            .is_some()
    );

    dev.restore_secret().secret_id(id).send().await.unwrap();
    assert_eq!(
        dev.restore_secret().secret_id(id).send().await.unwrap().name(),
        Some(id)
    );
    dev.get_secret_value().secret_id(id).send().await.unwrap();
    let both = dev
        .delete_secret()
        .secret_id(id)
        .recovery_window_in_days(7)
        .force_delete_without_recovery(true);
    assert_eq!(failure(&both.send().await.unwrap_err()).0, "InvalidParameterException");
    let short = dev
        .delete_secret()
        .secret_id(id)
        .recovery_window_in_days(6)
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&short).0, "InvalidParameterException");

    dev.delete_secret().secret_id(id).send().await.unwrap();
    dev.delete_secret()
        .secret_id(id)
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    let gone = dev.describe_secret().secret_id(id).send().await.unwrap_err();
    assert_eq!(failure(&gone).0, "ResourceNotFoundException");
}

#[tokio::test]
async fn an_impossible_name_is_a_validation_error() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.secrets;
    let named = dev
        .create_secret()
        .name("a b")
        .secret_string("x")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&named).0, "ValidationException");
}

#[tokio::test]
async fn passwords_heed_what_is_excluded() {
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await.secrets;
    let made = dev
        .get_random_password()
        .password_length(200)
        .exclude_characters("aeiou/\"")
        .exclude_numbers(true);
    let password = made.send().await.unwrap().random_password.unwrap();
    assert_eq!(password.len(), 200);
    assert!(
        !password.contains(|c: char| "aeiou/\"".contains(c) || c.is_ascii_digit()),
        "{password}"
    );
    assert!(
        password.contains(|c: char| c.is_ascii_uppercase()) && password.contains(|c: char| c.is_ascii_punctuation())
    );
    assert_eq!(
        dev.get_random_password()
            .send()
            .await
            .unwrap()
            .random_password()
            .map(str::len),
        Some(32)
    );
}
