use crate::sandbox::{
    Sandbox,
    testing::{DEVELOPMENT, PRODUCTION, failure},
};

#[tokio::test]
async fn documents_are_percent_encoded_as_at_aws() {
    let sandbox = Sandbox::new().await.unwrap();
    let iam = sandbox.admin(PRODUCTION).iam;
    let begins = |document: Option<&str>| assert!(document.unwrap().starts_with("%7B%22"), "{document:?}");
    let role = iam.get_role().role_name("deploy").send().await.unwrap();
    begins(role.role().unwrap().assume_role_policy_document());
    let inline = iam.get_role_policy().role_name("deploy").policy_name("artifacts");
    begins(Some(inline.send().await.unwrap().policy_document()));
    let arn = format!("arn:aws:iam::{PRODUCTION}:policy/ci/acme-deploy");
    let version = iam
        .get_policy_version()
        .policy_arn(arn)
        .version_id("v1")
        .send()
        .await
        .unwrap();
    begins(version.policy_version().unwrap().document());
}

#[tokio::test]
async fn pages_hold_what_was_asked_for() {
    let sandbox = Sandbox::new().await.unwrap();
    let iam = sandbox.admin(DEVELOPMENT).iam;
    let first = iam.list_users().max_items(2).send().await.unwrap();
    assert_eq!((first.users().len(), first.is_truncated()), (2, true));
    let rest = iam.list_users().marker(first.marker().unwrap()).send().await.unwrap();
    assert_eq!(
        (rest.users().len(), rest.is_truncated(), rest.marker()),
        (3, false, None)
    );
    let roles = iam
        .get_account_authorization_details()
        .filter("Role".into())
        .max_items(1)
        .send();
    let roles = roles.await.unwrap();
    assert_eq!((roles.role_detail_list().len(), roles.is_truncated()), (1, true));
}

#[tokio::test]
async fn a_role_knows_when_it_was_used_and_a_policy_whose_it_is() {
    let sandbox = Sandbox::new().await.unwrap();
    let iam = sandbox.admin(PRODUCTION).iam;
    let role = iam.get_role().role_name("deploy").send().await.unwrap().role.unwrap();
    assert_eq!(role.role_last_used().unwrap().region(), Some("us-east-1"));
    assert_eq!((role.tags().len(), role.path()), (1, "/ci/"));
    let unused = iam
        .get_role()
        .role_name("legacy-import")
        .send()
        .await
        .unwrap()
        .role
        .unwrap();
    assert!(unused.role_last_used().unwrap().last_used_date().is_none());
    let local = iam.list_policies().scope("Local".into()).send().await.unwrap();
    assert_eq!(local.policies().len(), 2);
    let aws = iam.list_policies().scope("AWS".into()).send().await.unwrap();
    assert_eq!(aws.policies()[0].policy_name(), Some("ReadOnlyAccess"));
}

#[tokio::test]
async fn who_is_not_there_is_no_such_entity() {
    let sandbox = Sandbox::new().await.unwrap();
    let iam = sandbox.target(DEVELOPMENT).await.iam;
    let error = iam.get_role().role_name("nobody").send().await.unwrap_err();
    assert_eq!(failure(&error).0, "NoSuchEntity");
    let error = iam.delete_role().role_name("deploy").send().await.unwrap_err();
    let (code, message) = failure(&error);
    assert_eq!(code, "AccessDenied");
    assert!(
        message.contains("on resource: arn:aws:iam::444444444444:role/ci/deploy"),
        "{message}"
    );
}
