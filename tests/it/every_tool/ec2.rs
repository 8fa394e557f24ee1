//! EC2.

use serde_json::json;

use crate::support::{calls::Calls, text};

use super::{Step, Things, here};

const NO_CONSOLE: &str = "ministack has no console output";
const NO_STATES: &str = "ministack starts what is terminated";
const ABSENT: &str = "i-0123456789abcdef0";

pub(crate) async fn prepare(world: &impl Calls, things: &mut Things) {
    for name in ["web-1", "batch-1", "retired-1"] {
        let found = world.ok("describe_instances", here(json!({ "name": name }))).await;
        if let Some(instance) = found["instances"].get(0) {
            things.set(name, text(instance, "instance_id"));
        }
    }
}

pub(crate) fn steps(things: &Things) -> Vec<Step> {
    let ids = |name: &str| json!({ "instance_ids": [things.get(name)] });
    let absent = json!({ "instance_ids": [ABSENT] });
    vec![
        Step::new("describe_instances", json!({}), &["ec2:DescribeInstances"], "ok"),
        Step::new(
            "describe_instances",
            absent.clone(),
            &["ec2:DescribeInstances"],
            "not_found",
        ),
        Step::new(
            "describe_security_groups",
            json!({}),
            &["ec2:DescribeSecurityGroups"],
            "ok",
        ),
        Step::new(
            "describe_security_groups",
            json!({ "group_ids": ["web"] }),
            &[],
            "invalid_input",
        ),
        Step::new("describe_volumes", json!({}), &["ec2:DescribeVolumes"], "ok"),
        Step::new("start_instances", ids("batch-1"), &["ec2:StartInstances"], "ok"),
        Step::new("start_instances", ids("retired-1"), &["ec2:StartInstances"], "conflict").only_here(NO_STATES),
        Step::new("stop_instances", ids("batch-1"), &["ec2:StopInstances"], "ok"),
        Step::new("stop_instances", absent, &["ec2:StopInstances"], "not_found"),
        Step::new("reboot_instances", ids("web-1"), &["ec2:RebootInstances"], "ok"),
        Step::new("reboot_instances", json!({ "instance_ids": [] }), &[], "invalid_input"),
        Step::new(
            "get_console_output",
            json!({ "instance_id": things.get("web-1") }),
            &["ec2:GetConsoleOutput"],
            "ok",
        )
        .only_here(NO_CONSOLE),
    ]
}
