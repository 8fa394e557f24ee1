use std::sync::Arc;

use rmcp::model::{JsonObject, MetaObject, Tool};
use serde_json::json;

use super::*;
use crate::{
    auth::Caller,
    aws::{Identity, Resolver, RoleSession, Selector, policy::POLICY_LIMIT, registry},
    ops::{Declare, declare},
    server::{Catalogue, catalogue::Origin},
};

fn object(value: Value) -> JsonObject {
    value.as_object().cloned().unwrap()
}

fn target(region: &str) -> Target {
    let accounts = registry::parse(r#"[{"name": "production", "id": "222222222222"}]"#).unwrap();
    let selector = Selector {
        account: Some("production".to_owned()),
        region: Some(region.to_owned()),
        ..Selector::default()
    };
    Resolver::new(Arc::new(accounts), None, false)
        .resolve(&selector, &Caller::new("alice"))
        .unwrap()
}

fn session(tool: &str, arguments: Value) -> Result<RoleSession, String> {
    let catalogue = Catalogue::new(true).unwrap();
    let entry = catalogue.get(tool).unwrap();
    let target = catalogue
        .policies()
        .apply(entry, target("eu-west-1"), &object(arguments));
    match target.map_err(|e| e.to_string())?.identity {
        Identity::Role(session) => Ok(RoleSession::clone(&session)),
        other => panic!("{other:?}"),
    }
}

/// Which actions a tool's session may do on what.
fn allowed(tool: &str, arguments: Value) -> Result<Vec<(Value, Value)>, String> {
    let session = session(tool, arguments)?;
    let policy: Value = serde_json::from_str(session.policy.as_str()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    Ok(statements
        .iter()
        .map(|s| (s["Action"].clone(), s["Resource"].clone()))
        .collect())
}

#[test]
fn a_toolset_s_reads_share_a_policy_and_its_reveals_another() {
    let keys = (json!("kms:Decrypt"), json!("*"));
    let reads = allowed("list_secrets", json!({})).unwrap();
    assert_eq!(reads, allowed("describe_secret", json!({"secret_id": "x"})).unwrap());
    let [(actions, resource)] = reads.as_slice() else {
        panic!("{reads:?}")
    };
    let actions: Vec<&str> = actions.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(actions.contains(&"secretsmanager:ListSecrets") && !actions.contains(&"secretsmanager:GetSecretValue"));
    assert_eq!(*resource, json!("*"));
    assert_eq!(
        allowed("get_secret_value", json!({"secret_id": "x"})).unwrap(),
        [(json!("secretsmanager:GetSecretValue"), json!("*")), keys]
    );
    for tool in ["list_hosted_zones", "get_change"] {
        assert_eq!(
            session(tool, json!({})).unwrap(),
            session("list_resource_record_sets", json!({})).unwrap()
        );
    }
    let read = session("list_secrets", json!({})).unwrap();
    assert_eq!((read.once, read.seconds), (false, 3600));
    assert_eq!(read.tags, [("caller", "alice".to_owned())]);
}

#[test]
fn every_change_is_narrowed_to_what_its_arguments_name() {
    let arn = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:web/key";
    let secret = || json!([arn, format!("{arn}-??????")]);
    let object = json!({"bucket": "b", "key": "a/*.txt"});
    let in_bucket = json!("arn:aws:s3:::b/a/${*}.txt");
    for (tool, arguments, first, resource) in [
        (
            "create_secret",
            json!({"name": "web/key"}),
            json!(["secretsmanager:CreateSecret", "secretsmanager:TagResource"]),
            secret(),
        ),
        (
            "update_secret",
            json!({"secret_id": "web/key"}),
            json!("secretsmanager:UpdateSecret"),
            secret(),
        ),
        (
            "delete_secret",
            json!({"secret_id": "web/key"}),
            json!("secretsmanager:DeleteSecret"),
            secret(),
        ),
        (
            "change_resource_record_sets",
            json!({"hosted_zone_id": "/hostedzone/Z1"}),
            json!(["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"]),
            json!("arn:aws:route53:::hostedzone/Z1"),
        ),
        ("put_object", object.clone(), json!("s3:PutObject"), in_bucket.clone()),
        (
            "delete_object",
            object,
            json!(["s3:DeleteObject", "s3:DeleteObjectVersion"]),
            in_bucket,
        ),
    ] {
        let statements = allowed(tool, arguments.clone()).unwrap();
        assert_eq!(statements[0], (first, resource), "{tool}");
        // What is left on every resource is keys, and those only by way of the service.
        assert!(
            statements[1..]
                .iter()
                .all(|(actions, _)| !actions.to_string().contains("\"secretsmanager:")),
            "{tool}"
        );
        let session = session(tool, arguments).unwrap();
        assert_eq!((session.once, session.seconds), (true, 900), "{tool}");
        assert_eq!(
            session.tags,
            [("caller", "alice".to_owned()), ("tool", tool.to_owned())],
            "{tool}"
        );
    }
}

#[test]
fn a_copy_may_not_write_its_source_and_a_rotation_invokes_the_one_function_that_is_named() {
    let copy = json!({"source_bucket": "from", "source_key": "a", "bucket": "to", "key": "b"});
    let statements = allowed("copy_object", copy).unwrap();
    let writes = json!(["s3:PutObject", "s3:PutObjectTagging"]);
    assert_eq!(statements[0], (writes, json!("arn:aws:s3:::to/b")));
    let (reads, source) = &statements[1];
    assert!(
        reads.to_string().contains("s3:GetObject") && !reads.to_string().contains("Put"),
        "{reads}"
    );
    assert_eq!(*source, json!(["arn:aws:s3:::from", "arn:aws:s3:::from/a"]));

    let lambda = "arn:aws:lambda:eu-west-1:222222222222:function:";
    let rotates = |function: Value| {
        allowed(
            "rotate_secret",
            json!({"secret_id": "s", "rotation_lambda_arn": function}),
        )
    };
    for (function, resource) in [
        (json!(format!("{lambda}rotate")), format!("{lambda}rotate")),
        (json!(format!("{lambda}*")), format!("{lambda}${{*}}")),
        (Value::Null, format!("{lambda}*")),
    ] {
        let statements = rotates(function).unwrap();
        assert_eq!(statements[0].0, json!("secretsmanager:RotateSecret"));
        assert_eq!(statements[1], (json!("lambda:InvokeFunction"), json!(resource)));
    }
    let foreign = "arn:aws:lambda:eu-west-1:333333333333:function:rotate";
    assert!(rotates(json!(foreign)).unwrap_err().contains("account 222222222222"));
}

#[test]
fn no_change_is_left_out_and_every_policy_fits() {
    let catalogue = Catalogue::new(true).unwrap();
    for entry in catalogue.entries().filter(|e| e.declaration.targeted) {
        let names = [
            "secret_id",
            "name",
            "hosted_zone_id",
            "bucket",
            "key",
            "source_bucket",
            "source_key",
        ];
        let mut arguments: JsonObject = names.iter().map(|n| ((*n).to_owned(), json!("x".repeat(64)))).collect();
        arguments.insert("type_name".to_owned(), json!("AWS::RDS::DBInstance"));
        let ids: Value = (0..20).map(|n| format!("i-{n:017}")).collect();
        arguments.insert("instance_ids".to_owned(), ids);
        let target = catalogue
            .policies()
            .apply(entry, target("eu-west-1"), &arguments)
            .unwrap();
        let Identity::Role(session) = &target.identity else {
            panic!("no role")
        };
        let (policy, writes) = (session.policy.as_str(), entry.declaration.access > Access::Reveal);
        assert!(policy.len() <= POLICY_LIMIT, "{}: {}", entry.tool.name, policy.len());
        assert_eq!((target.writes, session.once), (writes, writes), "{}", entry.tool.name);
        for action in &entry.declaration.actions {
            assert!(policy.contains(action), "{}: {policy}", entry.tool.name);
        }
    }
}

#[test]
fn what_can_t_be_said_safely_is_refused_before_sts_hears_of_it() {
    let foreign = "arn:aws:secretsmanager:eu-west-1:333333333333:secret:x-AbCdEf";
    for (tool, arguments, said) in [
        ("delete_secret", json!({"secret_id": foreign}), "account 222222222222"),
        ("delete_secret", json!({}), "`secret_id` is missing"),
        (
            "delete_secret",
            json!({"secret_id": ["x"]}),
            "`secret_id` is missing, or is no text",
        ),
        ("delete_secret", json!({"secret_id": ""}), "`secret_id` is empty"),
        ("put_object", json!({"bucket": "b/c", "key": "k"}), "can't hold `/`"),
        (
            "put_object",
            json!({"bucket": "b", "key": "k".repeat(2000)}),
            "too long",
        ),
        ("put_object", json!({"bucket": "b", "key": "*".repeat(600)}), "too long"),
    ] {
        let error = allowed(tool, arguments).unwrap_err();
        assert!(error.contains(said), "{tool}: {error}");
    }
}

fn entry(name: &'static str, meta: MetaObject) -> Entry {
    let schema = object(json!({"type": "object", "properties": {"name": {"type": "string"}}}));
    let tool = Tool::new(name, "", schema).with_meta(meta);
    Entry {
        data: JsonObject::new(),
        declaration: Declaration::of(&tool),
        tool,
        toolset: "things",
        origin: Origin::Here,
    }
}

#[test]
fn a_change_of_nothing_in_particular_is_no_start() {
    let write = || declare(Access::Write, &["x:Do", "x:See"]);
    for (meta, said) in [
        (write(), "does not declare on which resource"),
        (write().on(&["arn:{partition}:x:::{nmae}"]), "`nmae`"),
        (write().on(&["arn:{partition}:x:::{name|upper}"]), "unknown form"),
        (write().anywhere(&["x:Se"]), "`x:Se` is anywhere"),
        (write().anywhere(&["x:See"]), "does not declare on which resource"),
        (write().on(&[&"x".repeat(POLICY_LIMIT)]), "characters"),
        (write().on(&["x"]).apart(&["x:Look"], &["y"]), "`x:Look` is apart"),
        (write().on(&["x"]).apart(&["x:See"], &[]), "actions and resources, both"),
        (write().on(&["x"]).apart(&["x:See"], &["{nmae}"]), "`nmae`"),
    ] {
        let error = ReadPolicies::new([entry("do_it", meta)].iter()).err().unwrap();
        assert!(error.starts_with("do_it: ") && error.contains(said), "{error}");
    }
    for fine in [
        write().on(&["arn:{partition}:x:::{name}"]),
        write().anywhere(&["x:Do", "x:See"]),
        write().on(&["arn:{partition}:x:::{name}"]).anywhere(&["x:See"]),
    ] {
        assert!(ReadPolicies::new([entry("do_it", fine)].iter()).is_ok());
    }
}

#[test]
fn what_looks_at_everything_does_so_with_aws_s_own_policy_and_only_reads() {
    let all = session("list_resources", json!({"type_name": "AWS::RDS::DBInstance"})).unwrap();
    assert_eq!(all.policy.managed(), Some("ReadOnlyAccess"));
    let changed = |type_name: &str| allowed("update_resource", json!({"type_name": type_name}));
    for (type_name, actions) in [
        ("AWS::RDS::DBInstance", Some("rds:*")),
        ("AWS::IAM::User", Some("iam:*User*")),
        // A type that there isn't must not make a pattern that fits everything.
        ("AWS::IAM::e", None),
        ("Datadog::Monitors::Monitor", None),
    ] {
        let more: Vec<_> = changed(type_name).unwrap().split_off(1);
        let expected: Vec<_> = actions.iter().map(|a| (json!(a), json!("*"))).collect();
        assert_eq!(more, expected, "{type_name}");
        let session = session("update_resource", json!({"type_name": type_name})).unwrap();
        assert_eq!(session.policy.managed(), None, "{type_name}");
    }
    for (type_name, said) in [("RDS", "Vendor::Service::Type"), ("AWS::*::X", "Vendor::Service::Type")] {
        assert!(changed(type_name).unwrap_err().contains(said), "{type_name}");
    }
    for (meta, said) in [
        (declare(Access::Reveal, &["x:Do"]).broadly(), "only what reads"),
        (declare(Access::Write, &["x:Do"]).broadly(), "only what reads"),
        (
            declare(Access::Write, &["x:Do"])
                .anywhere(&["x:Do"])
                .with_service_of("type"),
            "`type`",
        ),
    ] {
        let error = ReadPolicies::new([entry("do_it", meta)].iter()).err().unwrap();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_change_of_several_things_names_each_of_them() {
    let meta = declare(Access::Write, &["ec2:StartInstances"])
        .on(&["arn:{partition}:ec2:{region}:{account}:instance/{instance_ids|each}"]);
    let declaration = Declaration::of(&Tool::new("do_it", "", JsonObject::new()).with_meta(meta));
    let place = Place {
        partition: "aws",
        region: "eu-west-1",
        account: "222222222222",
    };
    let policy = |ids: Value| writer(&declaration, place, |name| (name == "instance_ids").then_some(&ids));
    let written: Value = serde_json::from_str(policy(json!(["i-1", "i-2", "i-1", "i-*"])).unwrap().as_str()).unwrap();
    let arn = |id: &str| format!("arn:aws:ec2:eu-west-1:222222222222:instance/{id}");
    assert_eq!(
        written["Statement"][0]["Resource"],
        json!([arn("i-${*}"), arn("i-1"), arn("i-2")])
    );
    for (ids, said) in [
        (json!([]), "no list with something in it"),
        (json!("i-1"), "no list with something in it"),
        (json!([7]), "no text"),
        (json!(["i-1/x"]), "can't hold `/`"),
        (json!([""]), "empty"),
        (json!(vec!["i-0123456789abcdef0"; 1]), ""),
        ((0..40).map(|n| format!("i-{n:017}")).collect(), "too long"),
    ] {
        match policy(ids.clone()) {
            Ok(_) => assert!(said.is_empty(), "{ids}"),
            Err(error) => assert!(!said.is_empty() && error.contains(said), "{ids}: {error}"),
        }
    }
    // As many as the tool takes have room where the ARNs are longest.
    let longest = Place {
        partition: "aws-us-gov",
        region: "ap-southeast-1",
        account: "123456789012",
    };
    let most: Value = (0..20).map(|n| format!("i-{n:017}")).collect();
    writer(&declaration, longest, |_| Some(&most)).unwrap();
}

#[test]
fn reads_that_are_too_many_for_one_policy_are_no_start() {
    let actions: Vec<String> = (0..80).map(|n| format!("service:DescribeSomething{n:010}")).collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let error = ReadPolicies::new([entry("see", declare(Access::Read, &actions))].iter())
        .err()
        .unwrap();
    assert!(
        error.contains("the read tools of things") && error.contains("2048"),
        "{error}"
    );
}
