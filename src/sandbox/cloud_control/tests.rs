use super::*;

fn ask(control: &CloudControl, operation: &str, input: Value) -> Result<Value, String> {
    let mut context = RequestContext::new("cloudcontrolapi", "us-east-1");
    context.account_id = "333333333333".to_owned();
    control.handle(operation, &input, &context).map_err(|e| e.code)
}

fn with_queue() -> CloudControl {
    let control = CloudControl::default();
    for name in ["a", "b", "c"] {
        let model = json!({ "QueueUrl": name, "QueueName": name, "DelaySeconds": 0 });
        control.put("333333333333", "us-east-1", "AWS::SQS::Queue", name, model);
    }
    control
}

#[test]
fn a_client_token_stands_for_one_update() {
    let control = with_queue();
    let update = |delay: u32| {
        let patch = json!([{ "op": "replace", "path": "/DelaySeconds", "value": delay }]).to_string();
        json!({ "TypeName": "AWS::SQS::Queue", "Identifier": "a", "PatchDocument": patch, "ClientToken": "once" })
    };
    let first = ask(&control, "UpdateResource", update(5)).unwrap();
    assert_eq!(first["ProgressEvent"]["OperationStatus"], "IN_PROGRESS");
    let again = ask(&control, "UpdateResource", update(5)).unwrap();
    assert_eq!(
        again["ProgressEvent"]["RequestToken"],
        first["ProgressEvent"]["RequestToken"]
    );
    assert_eq!(
        ask(&control, "UpdateResource", update(6)).unwrap_err(),
        "ClientTokenConflictException"
    );
    let token = json!({ "RequestToken": first["ProgressEvent"]["RequestToken"] });
    let ended = ask(&control, "GetResourceRequestStatus", token).unwrap();
    assert_eq!(ended["ProgressEvent"]["OperationStatus"], "SUCCESS");
    let now = ask(
        &control,
        "GetResource",
        json!({ "TypeName": "AWS::SQS::Queue", "Identifier": "a" }),
    )
    .unwrap();
    let properties = now["ResourceDescription"]["Properties"].as_str().unwrap();
    assert!(properties.contains("\"DelaySeconds\":5"), "{properties}");
}

#[test]
fn lists_page_and_wrong_requests_end_as_at_aws() {
    let control = with_queue();
    let page = ask(
        &control,
        "ListResources",
        json!({ "TypeName": "AWS::SQS::Queue", "MaxResults": 2 }),
    )
    .unwrap();
    assert_eq!(page["ResourceDescriptions"].as_array().unwrap().len(), 2);
    let rest = json!({ "TypeName": "AWS::SQS::Queue", "NextToken": page["NextToken"] });
    let rest = ask(&control, "ListResources", rest).unwrap();
    assert_eq!(rest["ResourceDescriptions"][0]["Identifier"], "c");
    assert!(rest.get("NextToken").is_none());
    for (operation, input, code) in [
        ("ListResources", json!({ "TypeName": "SQS" }), "ValidationException"),
        (
            "ListResources",
            json!({ "TypeName": "AWS::SQS::Topic" }),
            "TypeNotFoundException",
        ),
        (
            "ListResources",
            json!({ "TypeName": types::UNSUPPORTED[0] }),
            "UnsupportedActionException",
        ),
        (
            "ListResources",
            json!({ "TypeName": "AWS::EKS::Nodegroup" }),
            "InvalidRequestException",
        ),
        (
            "GetResource",
            json!({ "TypeName": "AWS::SQS::Queue", "Identifier": "x" }),
            "ResourceNotFoundException",
        ),
        (
            "GetResource",
            json!({ "TypeName": "AWS::SQS::Queue" }),
            "ValidationException",
        ),
        (
            "UpdateResource",
            json!({ "TypeName": "AWS::SQS::Queue", "Identifier": "a", "PatchDocument": "[" }),
            "ValidationException",
        ),
        (
            "GetResourceRequestStatus",
            json!({ "RequestToken": "x" }),
            "RequestTokenNotFoundException",
        ),
        ("DeleteResource", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(
            ask(&control, operation, input.clone()).unwrap_err(),
            code,
            "{operation} {input}"
        );
    }
}
