//! EC2.

use serde_json::{Value, json};

use crate::support::{iam::Proof, text, texts, world::World};

const BATCH: &str = "i-0a400000000000004";
const WEB: &str = "i-0a400000000000001";

fn state(instances: &Value, id: &str) -> String {
    let list = instances["instances"].as_array().unwrap();
    text(list.iter().find(|i| i["instance_id"] == json!(id)).unwrap(), "state").to_owned()
}

#[tokio::test]
async fn a_change_that_is_denied_for_one_instance_changes_none() {
    if Proof::is_elsewhere() {
        return;
    }
    let proof = Proof::new().await;
    let only = |resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*" },
            { "Effect": "Allow", "Action": ["ec2:StartInstances", "ec2:StopInstances"],
              "Resource": format!("arn:aws:ec2:us-east-1:444444444444:instance/{resource}") },
        ]})
    };
    proof.allow(&only(WEB)).await;
    let both = json!({ "account": "development", "instance_ids": [WEB, BATCH] });
    let error = proof.world.fails("access_denied", "stop_instances", both.clone()).await;
    assert_eq!(error["aws_code"], json!("UnauthorizedOperation"));
    assert!(text(&error, "hint").contains("ec2:StopInstances"), "{error}");
    let after = proof
        .world
        .ok("describe_instances", json!({ "account": "development" }))
        .await;
    assert_eq!(
        (state(&after, WEB).as_str(), state(&after, BATCH).as_str()),
        ("running", "stopped")
    );
    let sandbox = proof.world.accounts();
    assert_eq!(sandbox.calls("ec2", "StopInstances"), 1, "the dry run alone");

    proof.allow(&only("*")).await;
    let stopped = proof.world.ok("stop_instances", both.clone()).await;
    assert_eq!(
        stopped["instances"],
        json!([
            { "instance_id": WEB, "previous_state": "running", "current_state": "stopping" },
            { "instance_id": BATCH, "previous_state": "stopped", "current_state": "stopped" },
        ])
    );
    let started = proof.world.ok("start_instances", both).await;
    assert_eq!(
        texts(started["instances"].as_array().unwrap(), "current_state"),
        ["pending", "pending"]
    );
}

#[tokio::test]
async fn what_is_open_to_the_world_is_found_in_every_account() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({ "accounts": ["production", "staging", "development"], "open_to_world": true });
    let body = world.call("describe_security_groups", arguments).await;
    let ssh: Vec<&Value> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| {
            r["data"]["security_groups"]
                .to_string()
                .contains("tcp 22 from 0.0.0.0/0")
        })
        .map(|r| &r["account"])
        .collect();
    assert_eq!(ssh, [&json!("staging")], "{body}");
}

#[tokio::test]
async fn lists_are_the_same_whole_and_by_pages_that_are_smaller_than_ec2_s() {
    let world = World::new().await;
    for (tool, items, id) in [
        ("describe_instances", "instances", "instance_id"),
        ("describe_security_groups", "security_groups", "group_id"),
        ("describe_volumes", "volumes", "volume_id"),
    ] {
        let arguments = json!({ "account": "production" });
        let whole = world.ok(tool, arguments.clone()).await;
        let whole = texts(whole[items].as_array().unwrap(), id);
        for size in [1, 4] {
            let pages = world.pages(tool, arguments.clone(), size, items).await.concat();
            assert_eq!(texts(&pages, id), whole, "{tool} by {size}");
        }
    }
}

#[tokio::test]
async fn reboots_consoles_and_disks() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let reboot = json!({ "account": "staging", "instance_ids": ["i-0a300000000000001"] });
    let rebooted = world.ok("reboot_instances", reboot).await;
    assert_eq!(rebooted["instances"][0]["reboot_requested"], json!(true));
    let console = json!({ "account": "staging", "instance_id": "i-0a300000000000001", "last_kib": 1 });
    let console = world.ok("get_console_output", console).await;
    assert!(text(&console, "output").ends_with("web-1 login: "), "{console}");
    let unused = json!({ "account": "production", "unattached": true });
    let unused = world.ok("describe_volumes", unused).await;
    assert_eq!(texts(unused["volumes"].as_array().unwrap(), "name"), ["old-import"]);
}
