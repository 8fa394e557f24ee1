use aws_sdk_sts::{operation::assume_role::builders::AssumeRoleFluentBuilder, types::Tag};
use serde_json::json;

use crate::sandbox::{
    Sandbox,
    testing::{PRODUCTION, STAGING, credentials, failure},
};

fn role(sandbox: &Sandbox, account: &str, name: &str) -> AssumeRoleFluentBuilder {
    sandbox
        .base()
        .sts
        .assume_role()
        .role_arn(format!("arn:aws:iam::{account}:role/{name}"))
        .role_session_name("alice")
}

#[tokio::test]
async fn identities_look_like_awss() {
    let sandbox = Sandbox::new().await.unwrap();
    let base = sandbox.base().sts.get_caller_identity().send().await.unwrap();
    assert_eq!(base.account(), Some("111111111111"));
    assert_eq!(
        base.arn(),
        Some("arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox")
    );
    assert!(base.user_id().unwrap().starts_with("AROA") && base.user_id().unwrap().ends_with(":sandbox"));

    let assumed = role(&sandbox, STAGING, "aws-ops-target")
        .source_identity("alice@acme.example")
        .send()
        .await
        .unwrap();
    assert_eq!(assumed.source_identity(), Some("alice@acme.example"));
    let user = assumed.assumed_role_user().unwrap();
    let me = sandbox
        .clients(credentials(&assumed))
        .sts
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(me.arn(), Some(user.arn()));
    assert_eq!(me.user_id(), Some(user.assumed_role_id()));
    assert_eq!(me.account(), Some(STAGING));
}

#[tokio::test]
async fn the_target_s_trust_policy_decides() {
    let sandbox = Sandbox::new().await.unwrap();
    for (account, name) in [
        (PRODUCTION, "legacy-admin"),
        (PRODUCTION, "no-such-role"),
        ("999999999999", "aws-ops-target"),
    ] {
        let (code, text) = failure(&role(&sandbox, account, name).send().await.unwrap_err());
        assert_eq!(code, "AccessDenied", "{name}");
        assert_eq!(
            text,
            format!(
                "User: arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox is not authorized to perform: \
                 sts:AssumeRole on resource: arn:aws:iam::{account}:role/{name}"
            )
        );
    }
    let partner = |id: Option<&str>| {
        role(&sandbox, STAGING, "partner-audit")
            .set_external_id(id.map(str::to_owned))
            .send()
    };
    assert_eq!(failure(&partner(None).await.unwrap_err()).0, "AccessDenied");
    assert_eq!(
        failure(&partner(Some("acme-partner-x")).await.unwrap_err()).0,
        "AccessDenied"
    );
    partner(Some("acme-partner")).await.unwrap();
    assert_eq!(sandbox.calls("sts", "AssumeRole"), 6);
}

#[tokio::test]
async fn a_target_role_assumes_nothing() {
    let sandbox = Sandbox::new().await.unwrap();
    let target = sandbox.target(STAGING).await;
    let on = target
        .sts
        .assume_role()
        .role_arn("arn:aws:iam::222222222222:role/aws-ops-target");
    assert_eq!(
        failure(&on.role_session_name("alice").send().await.unwrap_err()).0,
        "AccessDenied"
    );
    let root = sandbox
        .admin(STAGING)
        .sts
        .assume_role()
        .role_arn("arn:aws:iam::333333333333:role/aws-ops-target");
    assert_eq!(
        failure(&root.role_session_name("alice").send().await.unwrap_err()).0,
        "AccessDenied"
    );
}

#[tokio::test]
async fn wrong_parameters_are_validation_errors() {
    let sandbox = Sandbox::new().await.unwrap();
    let good = || role(&sandbox, STAGING, "aws-ops-target");
    let code = async |call: AssumeRoleFluentBuilder| failure(&call.send().await.unwrap_err()).0;
    assert_eq!(code(good().role_session_name("a b")).await, "ValidationError");
    assert_eq!(code(good().duration_seconds(60)).await, "ValidationError");
    // The base identity is a role session itself, as under IRSA, so its sessions last an hour at most.
    assert_eq!(code(good().duration_seconds(3601)).await, "ValidationError");
    assert_eq!(
        code(good().role_arn("arn:aws:iam::333333333333:user/x")).await,
        "ValidationError"
    );
    assert_eq!(code(good().policy("{")).await, "ValidationError");
    assert_eq!(
        code(good().policy(r#"{"Statement":"nope"}"#)).await,
        "MalformedPolicyDocument"
    );
}

#[tokio::test]
async fn tags_need_the_trust_policy_s_leave() {
    let sandbox = Sandbox::new().await.unwrap();
    let tag = Tag::builder().key("team").value("sre").build().unwrap();
    let tagged = || role(&sandbox, STAGING, "aws-ops-target").tags(tag.clone());
    let assumed = tagged().send().await.unwrap();

    let by_tag = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "secretsmanager:ListSecrets", "Resource": "*",
        "Condition": { "StringEquals": { "aws:PrincipalTag/team": "sre" } },
    }]});
    sandbox
        .put_role_policy(STAGING, "aws-ops-target", "by-tag", &by_tag)
        .await
        .unwrap();
    let refused = sandbox
        .clients(credentials(&assumed))
        .secrets
        .list_secrets()
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&refused).0, "AccessDeniedException");
    sandbox
        .target(STAGING)
        .await
        .secrets
        .list_secrets()
        .send()
        .await
        .unwrap();

    let only_assume = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
    }]});
    sandbox
        .put_role_policy("111111111111", "aws-ops-base", "assume-roles", &only_assume)
        .await
        .unwrap();
    let (code, text) = failure(&tagged().send().await.unwrap_err());
    assert_eq!(code, "AccessDenied");
    assert!(text.contains("sts:TagSession"), "{text}");
    role(&sandbox, STAGING, "aws-ops-target").send().await.unwrap();
}
