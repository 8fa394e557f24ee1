use aws_sdk_ec2::types::{Filter, InstanceStateName};

use crate::sandbox::{
    Sandbox,
    testing::{DEVELOPMENT, PRODUCTION, STAGING, failure},
};

const WEB: &str = "i-0a400000000000001";
const BATCH: &str = "i-0a400000000000004";
const RETIRED: &str = "i-0a400000000000006";

fn by(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

#[tokio::test]
async fn instances_are_found_by_filters_and_ids_and_in_pages() {
    let sandbox = Sandbox::new().await.unwrap();
    let ec2 = sandbox.target(DEVELOPMENT).await.ec2;
    let web = ec2
        .describe_instances()
        .filters(by("tag:Name", "web-*"))
        .send()
        .await
        .unwrap();
    let web: Vec<_> = web.reservations().iter().flat_map(|r| r.instances()).collect();
    assert_eq!(web.len(), 2);
    assert_eq!(web[0].state().unwrap().name(), Some(&InstanceStateName::Running));
    assert!(web[0].launch_time().is_some() && web[0].public_ip_address().is_some());
    let first = ec2.describe_instances().max_results(5).send().await.unwrap();
    assert_eq!(first.reservations().len(), 5);
    let rest = ec2
        .describe_instances()
        .max_results(5)
        .next_token(first.next_token().unwrap());
    let rest = rest.send().await.unwrap();
    assert_eq!((rest.reservations().len(), rest.next_token()), (1, None));
    for (request, code) in [
        (ec2.describe_instances().max_results(4), "InvalidParameterValue"),
        (
            ec2.describe_instances().max_results(5).instance_ids(WEB),
            "InvalidParameterCombination",
        ),
        (
            ec2.describe_instances().instance_ids("i-0123456789abcdef0"),
            "InvalidInstanceID.NotFound",
        ),
        (
            ec2.describe_instances().filters(by("colour", "red")),
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(failure(&request.send().await.unwrap_err()).0, code);
    }
    assert_eq!(
        ec2.describe_volumes()
            .filters(by("status", "available"))
            .send()
            .await
            .unwrap()
            .volumes()
            .len(),
        1
    );
    let elsewhere = sandbox.clients_in(sandbox.admin_credentials(DEVELOPMENT), "eu-west-1");
    assert!(
        elsewhere
            .ec2
            .describe_instances()
            .send()
            .await
            .unwrap()
            .reservations()
            .is_empty()
    );
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_change_is_all_or_nothing() {
    let sandbox = Sandbox::new().await.unwrap();
    let ec2 = sandbox.target(DEVELOPMENT).await.ec2;
    let dry = ec2.start_instances().instance_ids(BATCH).dry_run(true).send().await;
    assert_eq!(failure(&dry.unwrap_err()).0, "DryRunOperation");
    let both = ec2
        .start_instances()
        .instance_ids(BATCH)
        .instance_ids(RETIRED)
        .send()
        .await;
    assert_eq!(failure(&both.unwrap_err()).0, "IncorrectInstanceState");
    let started = ec2.start_instances().instance_ids(BATCH).send().await.unwrap();
    let change = &started.starting_instances()[0];
    assert_eq!(
        change.previous_state().unwrap().name(),
        Some(&InstanceStateName::Stopped)
    );
    assert_eq!(
        change.current_state().unwrap().name(),
        Some(&InstanceStateName::Pending)
    );
    let stopped = ec2.stop_instances().instance_ids(BATCH).send().await.unwrap();
    assert_eq!(
        stopped.stopping_instances()[0].previous_state().unwrap().name(),
        Some(&InstanceStateName::Running)
    );
    let reboot = ec2.reboot_instances().instance_ids(BATCH).send().await;
    assert_eq!(failure(&reboot.unwrap_err()).0, "IncorrectInstanceState");
}

#[tokio::test]
async fn who_may_not_is_told_so_even_of_a_dry_run() {
    let sandbox = Sandbox::new().await.unwrap();
    let only_web = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ec2:StopInstances",
        "Resource": format!("arn:aws:ec2:us-east-1:{DEVELOPMENT}:instance/{WEB}"),
    }]});
    let keys = sandbox.assume(DEVELOPMENT, Some(only_web)).await;
    let ec2 = sandbox.clients(keys).ec2;
    let stop = |id: &str| ec2.stop_instances().instance_ids(id).dry_run(true).send();
    assert_eq!(failure(&stop(WEB).await.unwrap_err()).0, "DryRunOperation");
    let (code, message) = failure(&stop(BATCH).await.unwrap_err());
    assert_eq!(code, "UnauthorizedOperation");
    assert!(
        message.starts_with("You are not authorized to perform this operation. User: ")
            && message.contains("ec2:StopInstances on resource: arn:aws:ec2:us-east-1:444444444444:instance/i-0a4"),
        "{message}"
    );
    let (code, _) = failure(&ec2.describe_instances().send().await.unwrap_err());
    assert_eq!(code, "UnauthorizedOperation");
}

#[tokio::test]
async fn groups_volumes_and_consoles_are_on_the_wire_as_the_sdk_reads_them() {
    let sandbox = Sandbox::new().await.unwrap();
    let ec2 = sandbox.target(STAGING).await.ec2;
    let groups = ec2
        .describe_security_groups()
        .filters(by("ip-permission.group-id", "sg-0a300000000000001"));
    let groups = groups.send().await.unwrap();
    let api = &groups.security_groups()[0];
    assert_eq!((groups.security_groups().len(), api.group_name()), (1, Some("api")));
    assert_eq!(api.ip_permissions()[0].from_port(), Some(8080));
    let volumes = ec2.describe_volumes().send().await.unwrap();
    assert_eq!(volumes.volumes().len(), 6);
    assert_eq!(volumes.volumes()[0].attachments()[0].device(), Some("/dev/xvda"));
    let console = ec2
        .get_console_output()
        .instance_id("i-0a300000000000001")
        .send()
        .await
        .unwrap();
    assert!(console.output().unwrap().len() > 16_000);
    let theirs = sandbox.target(PRODUCTION).await.ec2;
    let theirs = theirs
        .get_console_output()
        .instance_id("i-0a300000000000001")
        .send()
        .await;
    assert_eq!(failure(&theirs.unwrap_err()).0, "InvalidInstanceID.NotFound");
}
