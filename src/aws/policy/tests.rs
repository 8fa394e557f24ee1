use super::*;

const SECRET: &str = "arn:{partition}:secretsmanager:{region}:{account}:secret:{secret_id|arn}-??????";
const OBJECT: &str = "arn:{partition}:s3:::{bucket|segment}/{key}";
const ZONE: &str = "arn:{partition}:route53:::hostedzone/{hosted_zone_id|last}";
const HERE: Place<'static> = Place {
    partition: "aws",
    region: "eu-west-1",
    account: "222222222222",
};

fn named(template: &str, arguments: &[(&str, &str)]) -> Result<Vec<String>, String> {
    resources(template, HERE, |name| {
        arguments.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    })
}

#[test]
fn a_name_and_every_form_of_its_arn_mean_one_secret() {
    let arn = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:payments/db";
    assert_eq!(
        named(SECRET, &[("secret_id", "payments/db")]).unwrap(),
        [format!("{arn}-??????")]
    );
    let whole = format!("{arn}-AbCdEf");
    for given in [arn, whole.as_str()] {
        assert_eq!(
            named(SECRET, &[("secret_id", given)]).unwrap(),
            [format!("{given}-??????"), given.to_owned()]
        );
    }
}

#[test]
fn an_arn_of_elsewhere_is_refused() {
    for arn in [
        "arn:aws:secretsmanager:eu-west-1:333333333333:secret:x-AbCdEf",
        "arn:aws:secretsmanager:us-east-1:222222222222:secret:x-AbCdEf",
        "arn:aws-cn:secretsmanager:eu-west-1:222222222222:secret:x-AbCdEf",
        "arn:aws:secretsmanager:*:*:secret:x",
        "arn:aws:ssm:eu-west-1:222222222222:parameter/x",
        "arn:aws:secretsmanager:eu-west-1:222222222222:secret:",
        "arn:",
    ] {
        assert!(named(SECRET, &[("secret_id", arn)]).is_err(), "{arn}");
    }
    let said = named(
        SECRET,
        &[("secret_id", "arn:aws:secretsmanager:eu-west-1:333333333333:secret:x")],
    )
    .unwrap_err();
    assert!(said.contains("222222222222") && said.contains("eu-west-1"), "{said}");
}

#[test]
fn no_argument_widens_a_policy() {
    for (given, written) in [
        ("*", "${*}"),
        ("a?c", "a${?}c"),
        ("${aws:username}", "${$}{aws:username}"),
        ("${*}", "${$}{${*}}"),
        ("a\"],\"Resource\":[\"*", "a\"],\"Resource\":[\"${*}"),
    ] {
        let made = named(OBJECT, &[("bucket", "b"), ("key", given)]).unwrap();
        assert_eq!(made, [format!("arn:aws:s3:::b/{written}")]);
        let policy = Policy::new(&[Allow::on(["s3:PutObject"], made.clone())]).unwrap();
        let read: Value = serde_json::from_str(policy.as_str()).unwrap();
        assert_eq!(
            read["Statement"],
            json!([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": made[0]}])
        );
    }
    for (bucket, key) in [
        ("b", ""),
        ("", "k"),
        ("b", "a\nb"),
        ("b", "a\u{7f}"),
        ("b/c", "k"),
        ("arn:aws:s3:::b", "k"),
    ] {
        assert!(
            named(OBJECT, &[("bucket", bucket), ("key", key)]).is_err(),
            "{bucket:?} {key:?}"
        );
    }
    assert!(
        named(OBJECT, &[("bucket", "b")])
            .unwrap_err()
            .contains("`key` is missing")
    );
}

#[test]
fn a_zone_is_named_with_or_without_its_path() {
    for id in ["Z123", "/hostedzone/Z123"] {
        assert_eq!(
            named(ZONE, &[("hosted_zone_id", id)]).unwrap(),
            ["arn:aws:route53:::hostedzone/Z123"]
        );
    }
    for id in ["/hostedzone/", "", "*"] {
        let made = named(ZONE, &[("hosted_zone_id", id)]);
        assert!(
            made.is_err() || made == Ok(vec!["arn:aws:route53:::hostedzone/${*}".to_owned()]),
            "{id}"
        );
    }
}

#[test]
fn templates_tell_their_arguments_and_their_mistakes() {
    assert_eq!(arguments(OBJECT).unwrap(), ["bucket", "key"]);
    assert_eq!(arguments(SECRET).unwrap(), ["secret_id"]);
    for wrong in ["arn:{partition", "arn:{x|y}"] {
        assert!(arguments(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_policy_fits_or_is_none() {
    let exactly = |n: usize| Policy::new(&[Allow::on(["s3:PutObject"], ["x".repeat(n)])]);
    let frame = exactly(0).unwrap().as_str().len();
    assert_eq!(exactly(POLICY_LIMIT - frame).unwrap().as_str().len(), POLICY_LIMIT);
    assert!(exactly(POLICY_LIMIT - frame + 1).unwrap_err().contains("2049"));
}

#[test]
fn what_is_not_latin_is_written_in_ascii_and_read_back() {
    let policy = Policy::new(&[Allow::on(["s3:PutObject"], ["arn:aws:s3:::b/größe-日-🎉"])]).unwrap();
    assert!(policy.as_str().is_ascii(), "{}", policy.as_str());
    let read: Value = serde_json::from_str(policy.as_str()).unwrap();
    assert_eq!(read["Statement"][0]["Resource"], "arn:aws:s3:::b/größe-日-🎉");
}

#[test]
fn without_a_purpose_a_session_may_do_nothing() {
    let policy = Policy::new(&[]).unwrap();
    assert_eq!(policy, Policy::nothing());
    let read: Value = serde_json::from_str(policy.as_str()).unwrap();
    let only = json!([{"Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*"}]);
    assert_eq!(read, json!({"Version": "2012-10-17", "Statement": only}));
}

#[test]
fn keys_are_for_the_service_that_uses_them() {
    let policy = Policy::new(&[Allow::keys_of("s3", ["kms:Decrypt"])]).unwrap();
    let read: Value = serde_json::from_str(policy.as_str()).unwrap();
    assert_eq!(
        read["Statement"][0]["Condition"],
        json!({"StringLike": {"kms:ViaService": "s3.*"}})
    );
}
