use serde_json::{Value, json};

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops, ops_that_lose},
};

const BATCH: &str = "i-0a300000000000004";
const RETIRED: &str = "i-0a300000000000006";

#[tokio::test]
async fn instances_are_counted_and_then_shown() {
    let ops = ops("staging").await;
    let all = data(ops.describe_instances(input(json!({}))).await).unwrap();
    assert_eq!(
        all["summary"]["by_state"],
        json!({ "running": 4, "stopped": 1, "terminated": 1 })
    );
    let batch = json!({ "name": "batch-*", "tags": { "environment": "staging" } });
    let batch = data(ops.describe_instances(input(batch)).await).unwrap();
    let batch = &batch["instances"][0];
    assert!(batch["since"].as_str().unwrap().ends_with("(12 d ago)"), "{batch}");
    assert_eq!(
        (&batch["name"], &batch["state"], &batch["state_reason"]),
        (&json!("batch-1"), &json!("stopped"), &json!("User initiated"))
    );
    let wrong = ops
        .describe_instances(input(json!({ "instance_ids": ["web-1"] })))
        .await;
    assert_eq!(data(wrong).unwrap_err().code(), ErrorCode::InvalidInput);
}

#[tokio::test]
async fn changes_are_all_or_none_and_say_from_where_to_where() {
    let ops = ops("staging").await;
    let ids = |ids: &[&str]| input(json!({ "instance_ids": ids }));
    let error = data(ops.start_instances(ids(&[BATCH, RETIRED])).await).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Conflict, "{error}");
    let started = data(ops.start_instances(ids(&[BATCH, BATCH])).await).unwrap();
    let change: &Value = &started["instances"];
    assert_eq!(
        *change,
        json!([{ "instance_id": BATCH, "previous_state": "stopped", "current_state": "pending" }])
    );
    let rebooted = data(ops.reboot_instances(ids(&[BATCH])).await).unwrap();
    assert_eq!(rebooted["instances"][0]["reboot_requested"], json!(true));
    let stopped = data(ops.stop_instances(ids(&[BATCH])).await).unwrap();
    assert_eq!(stopped["instances"][0]["current_state"], json!("stopping"));
    let absent = data(ops.stop_instances(ids(&["i-0123456789abcdef0"])).await).unwrap_err();
    assert_eq!(absent.code(), ErrorCode::NotFound);
    let many: Vec<String> = (0..21).map(|n| format!("i-{n:017}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for wrong in [&[][..], &["web-1"], &many] {
        let error = data(ops.reboot_instances(ids(wrong)).await).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput, "{error}");
    }
}

#[tokio::test]
async fn a_reboot_whose_answer_got_lost_is_not_sent_again() {
    let loses = |request: &str| request.contains("Action=RebootInstances") && !request.contains("DryRun=true");
    let (ops, lost) = ops_that_lose("staging", loses).await;
    let error = data(ops.reboot_instances(input(json!({ "instance_ids": [BATCH] }))).await).unwrap_err();
    assert!(error.leaves_unknown(), "{error}");
    assert_eq!(lost.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn rules_are_sentences_and_the_world_stands_out() {
    let ops = ops("staging").await;
    let open = data(
        ops.describe_security_groups(input(json!({ "open_to_world": true })))
            .await,
    )
    .unwrap();
    let groups = open["security_groups"].as_array().unwrap();
    assert_eq!(open["summary"], json!({ "security_groups": 2, "open_to_world": 2 }));
    assert_eq!(
        groups[0]["inbound"],
        json!(["tcp 443 from 0.0.0.0/0: HTTPS", "tcp 443 from ::/0"])
    );
    assert_eq!(groups[1]["open_to_world"], json!(["tcp 22"]));
    assert_eq!(
        groups[1]["inbound"],
        json!(["tcp 22 from 0.0.0.0/0: temporary, for the supplier"])
    );
    // Those that were left out still refer to it.
    assert_eq!(groups[0]["referenced_by"], json!(["api (sg-0a300000000000002)"]));
    let database = json!({ "group_ids": ["sg-0a300000000000003"] });
    let database = data(ops.describe_security_groups(input(database)).await).unwrap();
    assert_eq!(
        database["security_groups"][0]["outbound"],
        json!(["all traffic to 0.0.0.0/0"])
    );
    let api = json!({ "group_ids": ["sg-0a300000000000002"] });
    let api = data(ops.describe_security_groups(input(api)).await).unwrap();
    assert_eq!(
        api["security_groups"][0]["referenced_by"],
        json!(["db (sg-0a300000000000003)"])
    );
}

#[tokio::test]
async fn disks_that_nobody_uses_are_summed_up() {
    let ops = ops("staging").await;
    let unused = data(ops.describe_volumes(input(json!({ "unattached": true }))).await).unwrap();
    assert_eq!(
        unused["summary"],
        json!({
            "volumes": 1, "total_size": "500.0 GiB (536870912000 bytes)", "unattached": 1,
            "unattached_size": "500.0 GiB (536870912000 bytes)", "unencrypted": 1
        })
    );
    assert_eq!(unused["volumes"][0]["name"], json!("old-import"));
    let of_one = json!({ "instance_id": BATCH, "encrypted": true });
    let of_one = data(ops.describe_volumes(input(of_one)).await).unwrap();
    assert_eq!(
        of_one["volumes"][0]["attached_to"],
        json!([format!("{BATCH} as /dev/xvda")])
    );
    let both = data(
        ops.describe_volumes(input(json!({ "instance_id": BATCH, "unattached": true })))
            .await,
    );
    assert_eq!(both.unwrap_err().code(), ErrorCode::InvalidInput);
}

#[tokio::test]
async fn a_console_s_end_is_text_and_says_what_is_missing() {
    let ops = ops("staging").await;
    let end = data(
        ops.get_console_output(input(json!({ "instance_id": BATCH, "last_kib": 1 })))
            .await,
    )
    .unwrap();
    let output = end["output"].as_str().unwrap();
    assert!(
        output.len() <= 1024 && output.starts_with('[') && output.ends_with("batch-1 login: "),
        "{output}"
    );
    assert!(end["cut"].as_str().unwrap().contains("before this"), "{end}");
    let whole = data(
        ops.get_console_output(input(json!({ "instance_id": BATCH, "last_kib": 64 })))
            .await,
    )
    .unwrap();
    assert!(whole.get("cut").is_none() && whole["output"].as_str().unwrap().starts_with("[    0.0"));
    let wrong = data(
        ops.get_console_output(input(json!({ "instance_id": BATCH, "last_kib": 65 })))
            .await,
    );
    assert_eq!(wrong.unwrap_err().code(), ErrorCode::InvalidInput);
}
