//! What there is, and what of it is not as it should be.

use serde_json::json;

use super::{Session, of};
use crate::support::{text, texts, world::MANAGEMENT_ROLE};

#[tokio::test]
async fn which_buckets_are_public_in_any_account() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let asked = json!({ "accounts": ["all"], "only_public": true });
    let body = session.ask("get_bucket_posture", asked).await;
    let public = |account: &str| texts(of(&body, account)["buckets"].as_array().unwrap(), "name");
    assert_eq!(public("production"), ["acme-prod-website-222222222222"]);
    assert_eq!(public("staging"), ["acme-staging-assets-333333333333"]);
    assert!(public("development").is_empty());
    let why = &of(&body, "production")["buckets"][0]["reasons"];
    assert_eq!(*why, json!(["the bucket policy lets anybody in"]));
}

#[tokio::test]
async fn which_access_keys_are_older_than_90_days() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let asked = json!({ "accounts": ["all"], "older_than_days": 90 });
    let body = session.ask("list_access_keys", asked).await;
    for account in ["production", "staging", "development"] {
        let users = of(&body, account)["users"].as_array().unwrap();
        assert_eq!(
            texts(users, "user_name"),
            ["ci-deployer", "jane.doe", "reporting"],
            "{account}"
        );
        let keys = users.iter().flat_map(|u| u["access_keys"].as_array().unwrap());
        for key in keys {
            let created = text(key, "created");
            let (_, age) = created.split_once(" (").unwrap();
            let days: u32 = age.trim_end_matches(" d ago)").parse().unwrap();
            assert!(days >= 90, "{key}");
        }
    }
}

#[tokio::test]
async fn how_many_rds_instances_run_in_each_account() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let asked = json!({ "accounts": ["all"], "type_name": "AWS::RDS::DBInstance", "count_only": true });
    let body = session.ask("list_resources", asked).await;
    let states = |account: &str| of(&body, account)["counts"]["DBInstanceStatus"].clone();
    assert_eq!(
        states("production"),
        json!({ "available": 3, "storage-optimization": 1 })
    );
    assert_eq!(states("staging"), json!({ "available": 2, "stopped": 1 }));
    assert_eq!(states("development"), json!({ "available": 2 }));
}

#[tokio::test]
async fn describe_the_eks_clusters_in_222222222222() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let listed = session
        .ask(
            "list_resources",
            json!({ "account": "222222222222", "type_name": "AWS::EKS::Cluster" }),
        )
        .await;
    let name = &listed["data"]["resources"][0]["identifier"];
    let asked = json!({ "account": "222222222222", "type_name": "AWS::EKS::Cluster", "identifier": name });
    let cluster = session.ask("get_resource", asked).await;
    assert_eq!(cluster["receipt"]["account"], json!("production"));
    assert_eq!(
        cluster["data"]["properties"]["Name"],
        json!("acme-production"),
        "{cluster}"
    );
    assert!(cluster["data"]["properties"]["Version"].is_string(), "{cluster}");
}

#[tokio::test]
async fn which_roles_has_nobody_used_for_90_days() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let body = session
        .ask("list_roles", json!({ "accounts": ["all"], "unused_for_days": 90 }))
        .await;
    let roles = texts(of(&body, "production")["roles"].as_array().unwrap(), "name");
    assert!(
        roles.contains(&"batch-runner".to_owned()) && roles.contains(&"legacy-import".to_owned()),
        "{roles:?}"
    );
    assert!(
        !roles.contains(&"aws-ops-target".to_owned()),
        "we have just used it: {roles:?}"
    );
}

#[tokio::test]
async fn which_accounts_of_the_organization_does_nobody_watch() {
    let Some(mut session) = Session::open().await else {
        return;
    };
    let asked = json!({ "role_arn": MANAGEMENT_ROLE });
    let body = session.ask("list_organization_accounts", asked).await;
    let accounts = body["data"]["accounts"].as_array().unwrap();
    let unwatched: Vec<_> = accounts.iter().filter(|a| a["registered"] == json!(false)).collect();
    assert_eq!(unwatched.len(), 1, "{body}");
    assert_eq!(text(unwatched[0], "name"), "old-sandbox");
}
