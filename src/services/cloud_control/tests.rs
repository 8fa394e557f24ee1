use serde_json::{Value, json};

use crate::{
    ops::ErrorCode,
    testing::{data, input, ops, ops_in},
};

const RDS: &str = "AWS::RDS::DBInstance";

#[tokio::test]
async fn a_list_counts_before_it_lists() {
    let ops = ops("production").await;
    let listed = data(ops.list_resources(input(json!({ "type_name": RDS }))).await).unwrap();
    assert_eq!(listed["count"], 4);
    assert_eq!(listed["counts"]["Engine"], json!({ "mysql": 1, "postgres": 3 }));
    assert_eq!(listed["counts"]["DBInstanceStatus"]["available"], 3);
    let keys: Vec<&String> = listed.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type_name", "count", "counts", "resources"]);
    assert_eq!(listed["resources"][0]["identifier"], "payments-primary");
    assert_eq!(listed["resources"][0]["properties"]["EngineVersion"], "16.4");

    let counted = json!({ "type_name": RDS, "count_only": true });
    let counted = data(ops.list_resources(input(counted)).await).unwrap();
    assert_eq!((&counted["count"], counted.get("resources")), (&json!(4), None));
    // AWS lists no more of a cluster than its name.
    let clusters = data(
        ops.list_resources(input(json!({ "type_name": "AWS::EKS::Cluster" })))
            .await,
    )
    .unwrap();
    assert_eq!(clusters["resources"], json!([{ "identifier": "acme-production" }]));
}

#[tokio::test]
async fn a_type_that_needs_its_parent_says_so() {
    let ops = ops("staging").await;
    let groups = |more: Value| {
        let mut arguments = json!({ "type_name": "AWS::EKS::Nodegroup" });
        arguments["resource_model"] = more;
        ops.list_resources(input(arguments))
    };
    let found = data(groups(json!({ "ClusterName": "acme-staging" })).await).unwrap();
    assert_eq!(found["count"], 2);
    let error = data(groups(Value::Null).await).unwrap_err().to_string();
    assert!(error.contains("ClusterName"), "{error}");
}

#[tokio::test]
async fn a_wrong_type_is_told_with_the_right_one() {
    let ops = ops("staging").await;
    for (type_name, code, said) in [
        ("RDS instances", ErrorCode::InvalidInput, "Vendor::Service::Type"),
        (
            "AWS:RDS:DBInstance",
            ErrorCode::InvalidInput,
            "did you mean AWS::RDS::DBInstance?",
        ),
        (
            "AWS::RDS::DbInstance",
            ErrorCode::NotFound,
            "did you mean AWS::RDS::DBInstance?",
        ),
        ("AWS::Nowhere::Thing", ErrorCode::NotFound, "cannot be found"),
        ("AWS::ElastiCache::CacheCluster", ErrorCode::Aws, "tool of the service"),
    ] {
        let error = data(ops.list_resources(input(json!({ "type_name": type_name }))).await).unwrap_err();
        assert_eq!(error.code(), code, "{type_name}: {error}");
        assert!(error.to_string().contains(said), "{type_name}: {error}");
    }
    let absent = json!({ "type_name": RDS, "identifier": "no-such-database" });
    let error = data(ops.get_resource(input(absent)).await).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
}

#[tokio::test]
async fn a_resource_has_all_its_properties_in_its_own_region() {
    let replica = json!({ "type_name": RDS, "identifier": "payments-replica" });
    let europe = ops_in("production", Some("eu-west-1")).await;
    let found = data(europe.get_resource(input(replica.clone())).await).unwrap();
    assert_eq!(found["properties"]["Endpoint"]["Port"], "5432");
    assert!(data(ops("production").await.get_resource(input(replica)).await).is_err());
}

#[tokio::test]
async fn variables_are_named_and_their_values_hidden() {
    let ops = ops("production").await;
    let functions = json!({ "type_name": "AWS::Lambda::Function" });
    let listed = data(ops.list_resources(input(functions)).await).unwrap();
    let identifier = &listed["resources"][0]["identifier"];
    let one = json!({ "type_name": "AWS::Lambda::Function", "identifier": identifier });
    let one = data(ops.get_resource(input(one)).await).unwrap();
    let variables = &one["properties"]["Environment"]["Variables"];
    assert_eq!(*variables, json!({ "STAGE": "(hidden)", "LOG_LEVEL": "(hidden)" }));
    assert!(one["note"].as_str().unwrap().contains("environment variables"), "{one}");
    assert!(!listed.to_string().contains("\"LOG_LEVEL\":\"info\""), "{listed}");
}

fn queue(patch: Value) -> Value {
    let url = "https://sqs.us-east-1.amazonaws.com/333333333333/emails";
    json!({ "type_name": "AWS::SQS::Queue", "identifier": url, "patch": patch })
}

#[tokio::test(start_paused = true)]
async fn a_change_is_shown_then_made_and_then_there() {
    let ops = ops("staging").await;
    let patch = json!([
        { "op": "test", "path": "/DelaySeconds", "value": 0 },
        { "op": "replace", "path": "/VisibilityTimeout", "value": 60 },
        { "op": "add", "path": "/Tags/-", "value": { "Key": "owner", "Value": "sre" } },
    ]);
    let changes = json!([
        "/VisibilityTimeout: 30 → 60",
        "/Tags: added {\"Key\":\"owner\",\"Value\":\"sre\"}",
    ]);
    let mut dry = queue(patch.clone());
    dry["dry_run"] = json!(true);
    let dry = data(ops.update_resource(input(dry)).await).unwrap();
    assert_eq!(
        (&dry["status"], &dry["changes"]),
        (&json!("DRY_RUN"), &changes),
        "{dry}"
    );

    let mut twice = queue(patch);
    twice["client_token"] = json!("once");
    let made = data(ops.update_resource(input(twice)).await).unwrap();
    assert_eq!(
        (&made["status"], &made["changes"]),
        (&json!("SUCCESS"), &changes),
        "{made}"
    );
    let token = json!({ "request_token": made["request_token"] });
    let told = data(ops.get_resource_request_status(input(token)).await).unwrap();
    assert_eq!(
        (&told["status"], &told["operation"]),
        (&json!("SUCCESS"), &json!("UPDATE"))
    );

    let same = queue(json!([{ "op": "replace", "path": "/VisibilityTimeout", "value": 60 }]));
    let same = data(ops.update_resource(input(same)).await).unwrap();
    assert_eq!(same["status"], "UNCHANGED");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_never_sent_and_what_aws_refuses_is_told() {
    let ops = ops("staging").await;
    for (patch, said) in [
        (json!([]), "`patch` is empty"),
        (
            json!([{ "op": "set", "path": "/DelaySeconds" }]),
            "operation 1 of `patch`",
        ),
        (
            json!([{ "op": "replace", "path": "/DelaySecond", "value": 1 }]),
            "operation 1 of `patch`, replace /DelaySecond, does not fit",
        ),
        (
            json!([{ "op": "test", "path": "/DelaySeconds", "value": 7 }]),
            "operation 1 of `patch`, test /DelaySeconds",
        ),
    ] {
        let error = data(ops.update_resource(input(queue(patch))).await).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    let renamed = queue(json!([{ "op": "replace", "path": "/QueueName", "value": "x" }]));
    let error = data(ops.update_resource(input(renamed)).await).unwrap_err();
    assert!(error.to_string().contains("createOnlyProperties"), "{error}");

    let patch = json!([{ "op": "replace", "path": "/AllocatedStorage", "value": "20" }]);
    let smaller = json!({ "type_name": RDS, "identifier": "reporting", "patch": patch });
    let failed = data(ops.update_resource(input(smaller)).await).unwrap();
    assert_eq!(
        (&failed["status"], &failed["error_code"]),
        (&json!("FAILED"), &json!("InvalidRequest"))
    );
    assert!(
        failed["status_message"].as_str().unwrap().contains("storage size"),
        "{failed}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_the_call_is_in_progress_and_has_a_token() {
    let ops = ops("staging").await.until(Some(
        tokio::time::Instant::now() + std::time::Duration::from_millis(300),
    ));
    let patch = json!([{ "op": "replace", "path": "/DBInstanceClass", "value": "db.t4g.large" }]);
    let larger = json!({ "type_name": RDS, "identifier": "reporting", "patch": patch });
    let begun = data(ops.update_resource(input(larger)).await).unwrap();
    assert_eq!(begun["status"], "IN_PROGRESS", "{begun}");
    assert!(begun["note"].as_str().unwrap().contains("get_resource_request_status"));
    let token = json!({ "request_token": begun["request_token"] });
    let mut last = Value::Null;
    for _ in 0..3 {
        last = data(ops.get_resource_request_status(input(token.clone())).await).unwrap();
    }
    assert_eq!(last["status"], "SUCCESS");
}
