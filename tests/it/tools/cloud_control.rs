//! Cloud Control, through the server: over accounts, and within what its sessions may do.

use serde_json::{Value, json};

use crate::support::{recorder::Assumed, text, texts, world::World};

const RDS: &str = "AWS::RDS::DBInstance";

#[tokio::test]
async fn one_call_counts_databases_in_every_account() {
    let world = World::new().await;
    let arguments = json!({ "accounts": ["all"], "type_name": RDS, "count_only": true });
    let body = world.call("list_resources", arguments).await;
    let counts: Vec<(&str, &Value)> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (text(r, "account"), &r["data"]["count"]))
        .collect();
    let expected = [
        ("production", json!(4)),
        ("staging", json!(3)),
        ("development", json!(2)),
    ];
    assert_eq!(counts, expected.each_ref().map(|(name, count)| (*name, count)));

    let clusters = json!({ "account": "222222222222", "type_name": "AWS::EKS::Cluster" });
    let clusters = world.ok("list_resources", clusters).await;
    let clusters = clusters["resources"].as_array().unwrap();
    assert_eq!(texts(clusters, "identifier"), ["acme-production"]);
    let arguments =
        json!({ "account": "production", "type_name": "AWS::EKS::Cluster", "identifier": "acme-production" });
    let cluster = world.ok("get_resource", arguments).await;
    assert_eq!(cluster["properties"]["Version"], "1.32");
}

#[tokio::test]
async fn reads_come_with_read_only_access_and_an_update_with_its_service_alone() {
    let Some((world, recorder)) = World::recorded(&[]).await else {
        return;
    };
    let listed = json!({ "account": "staging", "type_name": RDS });
    world.ok("list_resources", listed).await;
    let patch = json!([{ "op": "replace", "path": "/MemorySize", "value": 768 }]);
    let update = json!({ "account": "staging", "type_name": "AWS::Lambda::Function", "identifier": "ledger-export", "patch": patch });
    let updated = world.ok("update_resource", update).await;
    assert_eq!(updated["changes"], json!(["/MemorySize: 512 → 768"]));
    let sessions = recorder.assumed();
    let [read, write] = sessions.as_slice() else {
        panic!("{} sessions", sessions.len())
    };
    let managed = |of: &Assumed| of.get("PolicyArns.member.1.arn").to_owned();
    assert_eq!(managed(read), "arn:aws:iam::aws:policy/ReadOnlyAccess");
    assert_eq!(managed(write), "");
    assert_eq!(
        write.statements()[1],
        json!({ "Effect": "Allow", "Action": "lambda:*", "Resource": "*" })
    );
    assert_eq!(write.statements().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_the_service_denies_is_denied() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let deny = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "rds:*", "Resource": "*" }] });
    let put = world
        .accounts()
        .put_role_policy("333333333333", "aws-ops-target", "no-rds", &deny)
        .await;
    put.unwrap();
    let listed = json!({ "account": "staging", "type_name": RDS });
    let error = world.fails("access_denied", "list_resources", listed).await;
    assert!(text(&error, "hint").contains("rds:DescribeDBInstances"), "{error}");
    let progress = json!({ "account": "staging", "request_token": "none" });
    world.fails("not_found", "get_resource_request_status", progress).await;
}
