use awsim_core::RequestContext;
use serde_json::{Value, json};

use crate::sandbox::{
    CENTRAL, Sandbox,
    testing::{PRODUCTION, STAGING, failure},
};

async fn call(sandbox: &Sandbox, operation: &str, input: Value) -> Value {
    let context = RequestContext::internal("organizations", "us-east-1", CENTRAL);
    sandbox
        .inner
        .organizations
        .handle(operation, input, &context)
        .await
        .unwrap()
}

#[tokio::test]
async fn accounts_page() {
    let sandbox = Sandbox::new().await.unwrap();
    let all = call(&sandbox, "ListAccounts", json!({})).await;
    assert_eq!(all["Accounts"].as_array().unwrap().len(), 5);
    assert!(all.get("NextToken").is_none());
    let first = call(&sandbox, "ListAccounts", json!({ "MaxResults": 3 })).await;
    assert_eq!(first["Accounts"][1]["Name"], "production");
    let rest = call(
        &sandbox,
        "ListAccounts",
        json!({ "MaxResults": 3, "NextToken": first["NextToken"] }),
    )
    .await;
    assert_eq!(rest["Accounts"].as_array().unwrap().len(), 2);

    let member = RequestContext::internal("organizations", "us-east-1", PRODUCTION);
    let refused = sandbox
        .inner
        .organizations
        .handle("ListAccounts", json!({}), &member)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
}

#[tokio::test]
async fn a_service_control_policy_binds_the_accounts_under_it() {
    let sandbox = Sandbox::new().await.unwrap();
    let content = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*" },
    ]});
    let policy = json!({ "Name": "no-secrets", "Content": content.to_string(), "Type": "SERVICE_CONTROL_POLICY" });
    let policy = call(&sandbox, "CreatePolicy", policy).await;
    let id = policy["Policy"]["PolicySummary"]["Id"].clone();
    call(&sandbox, "AttachPolicy", json!({ "PolicyId": id, "TargetId": STAGING })).await;

    let refused = sandbox
        .target(STAGING)
        .await
        .secrets
        .list_secrets()
        .send()
        .await
        .unwrap_err();
    let (code, text) = failure(&refused);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        text.ends_with("with an explicit deny in a service control policy"),
        "{text}"
    );
    sandbox.target(STAGING).await.s3.list_buckets().send().await.unwrap();
    sandbox
        .target(PRODUCTION)
        .await
        .secrets
        .list_secrets()
        .send()
        .await
        .unwrap();

    call(&sandbox, "DetachPolicy", json!({ "PolicyId": id, "TargetId": STAGING })).await;
    call(
        &sandbox,
        "AttachPolicy",
        json!({ "PolicyId": id, "TargetId": "r-acme" }),
    )
    .await;
    let refused = sandbox
        .target(PRODUCTION)
        .await
        .secrets
        .list_secrets()
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&refused).0, "AccessDeniedException");
}
