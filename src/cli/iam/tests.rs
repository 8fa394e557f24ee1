//! What `iam` prints for one registry.

use clap::{CommandFactory as _, FromArgMatches as _};

use super::*;

const REGISTRY: &str = r#"[
    {"name": "central", "id": "111111111111", "kind": "central"},
    {"name": "production", "id": "222222222222"},
    {"name": "partner", "id": "333333333333", "role_arn": "arn:aws:iam::333333333333:role/team/ops", "external_id": "acme-7"},
    {"name": "laptop", "profile": "dev"}]"#;
const BASE: &str = "arn:aws:iam::111111111111:role/eks/base";

#[derive(Debug, clap::Parser)]
struct Probe {
    #[command(flatten)]
    iam: Iam,
}

fn printed(args: &[&str]) -> Result<String, String> {
    // A registry of the test's own stands in for this one.
    let own = args.contains(&"--account-registry");
    let registry = if own {
        &[][..]
    } else {
        &["--account-registry", REGISTRY]
    };
    let all = ["probe"].iter().chain(registry).chain(args);
    let command = Probe::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
    let matches = command.try_get_matches_from(all).map_err(|e| e.to_string())?;
    let iam = Probe::from_arg_matches(&matches).unwrap().iam;
    let options = CatalogueOptions {
        profiles: true.into(),
        tools: iam.tools.clone(),
    };
    let catalogue = Catalogue::new(options)?;
    let accounts = registry::load(&iam.aws, &AccountVariables::default()).unwrap();
    iam.text(&catalogue, &accounts).map_err(|e| e.to_string())
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&printed(args).unwrap()).unwrap()
}

#[test]
fn a_missing_flag_is_named() {
    for (args, flag) in [
        (
            &["--part", "target-policy"][..],
            "--account is missing: a 12-digit id, or one of production, partner",
        ),
        (
            &["--part", "target-trust", "--account", "partner"],
            "--base-role-arn is missing",
        ),
        (&["--part", "irsa-trust"], "--oidc-provider is missing"),
        (
            &["--part", "irsa-trust", "--oidc-provider", "oidc.example/id/1"],
            "--service-account is missing",
        ),
        (
            &["--part", "base-policy", "--account-registry", "[]"],
            "ACCOUNT_REGISTRY",
        ),
        (&["--part", "target-policy", "--account", "prodcution"], "production"),
        (
            &["--part", "target-policy", "--account", "laptop"],
            "not reached by a role",
        ),
        (&["--format", "terraform", "--part", "all"], "--part stackset"),
        (
            &["--part", "base-policy", "--organizations-account", "central"],
            "--org-id is missing",
        ),
        (&["--kms-key", "alias/x"], "a key's ARN"),
        (&["--org-id", "acme"], "o-a1b2c3d4e5"),
        (&["--service-account", "ops:*"], "NAMESPACE:NAME"),
        (&["--oidc-provider", "x"], "https://oidc.eks"),
    ] {
        let said = printed(args).unwrap_err();
        assert!(said.contains(flag), "{args:?}: {said}");
    }
}

#[test]
fn a_policy_names_its_account_and_only_what_the_enabled_tools_need() {
    let policy = json(&[
        "--part",
        "target-policy",
        "--account",
        "production",
        "--tools",
        "get_secret_value,list_buckets",
    ]);
    let expected = json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "SecretsRevealSecret", "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"],
          "Resource": "arn:aws:secretsmanager:*:222222222222:secret:*" },
        { "Sid": "S3Read", "Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": "*" },
    ]});
    assert_eq!(policy, expected);
    let objects = json(&[
        "--part",
        "target-policy",
        "--account",
        "444444444444",
        "--tools",
        "put_object",
    ]);
    assert_eq!(
        objects["Statement"][0]["Condition"]["StringEquals"]["aws:ResourceAccount"],
        "444444444444"
    );
    let none = json(&[
        "--part",
        "target-policy",
        "--account",
        "production",
        "--toolsets",
        "accounts",
    ]);
    assert_eq!(none, json!([]));
}

#[test]
fn the_trust_is_the_registrys_and_the_base_role_reaches_exactly_the_roles() {
    let trust = json(&[
        "--part",
        "target-trust",
        "--account",
        "partner",
        "--base-role-arn",
        BASE,
    ]);
    let first = &trust["Statement"][0];
    assert_eq!(first["Principal"]["AWS"], BASE);
    assert_eq!(
        first["Condition"]["StringEquals"],
        json!({ "sts:ExternalId": "acme-7" })
    );
    let base = json(&["--part", "base-policy"]);
    assert_eq!(
        base["Statement"][0]["Resource"],
        json!([
            "arn:aws:iam::222222222222:role/aws-ops-target",
            "arn:aws:iam::333333333333:role/team/ops"
        ])
    );
    let pod = json(&["--part", "pod-identity-trust", "--service-account", "ops:mcp"]);
    assert_eq!(pod["Statement"][0]["Principal"]["Service"], "pods.eks.amazonaws.com");
    let irsa = json(&[
        "--part",
        "irsa-trust",
        "--oidc-provider",
        "https://oidc.example/id/1",
        "--service-account",
        "ops:mcp",
    ]);
    assert_eq!(
        irsa["Statement"][0]["Principal"]["Federated"],
        "arn:aws:iam::111111111111:oidc-provider/oidc.example/id/1"
    );
}

#[test]
fn an_organization_is_reached_as_a_whole_and_listed_by_who_lists_it() {
    let organization = ["--org-id", "o-a1b2c3d4e5", "--organizations-account"];
    let base = |through| json(&[&["--part", "base-policy"][..], &organization, &[through]].concat());
    let policy = base("central");
    let sids: Vec<&Value> = policy["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["Sid"])
        .collect();
    assert_eq!(
        sids,
        [
            "AssumeTargetRoles",
            "AssumeTargetRolesOfTheOrganization",
            "ListTheOrganization"
        ]
    );
    let every = &policy["Statement"][1];
    assert_eq!(every["Resource"], "arn:aws:iam::*:role/aws-ops-target");
    assert_eq!(every["Condition"]["StringEquals"]["aws:ResourceOrgID"], "o-a1b2c3d4e5");
    assert!(!base("partner").to_string().contains("organizations:"));
    for (account, lists) in [("partner", true), ("production", false)] {
        let args = [
            "--part",
            "target-policy",
            "--account",
            account,
            "--organizations-account",
            "partner",
        ];
        assert_eq!(json(&args).to_string().contains("organizations:ListAccounts"), lists);
    }
}

#[test]
fn keys_are_used_through_their_service_and_only_by_tools_that_are_switched_on() {
    let key = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd";
    let keys = |tools| {
        let policy = json(&[
            "--part",
            "target-policy",
            "--account",
            "production",
            "--kms-key",
            key,
            "--tools",
            tools,
        ]);
        let all = policy["Statement"].as_array().unwrap().clone();
        let of_keys = all.into_iter().filter(|s| s["Resource"] == json!([key]));
        of_keys.collect::<Vec<_>>()
    };
    let expected = json!([{
        "Sid": "KeysOfSecretsmanager", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [key],
        "Condition": { "StringLike": { "kms:ViaService": "secretsmanager.*" } },
    }]);
    assert_eq!(Value::Array(keys("get_secret_value,list_buckets")), expected);
    assert_eq!(keys("list_secrets").len(), 0);
    assert_eq!(keys("get_secret_value,put_object").len(), 2);
}

#[test]
fn what_the_services_themselves_must_allow_is_said() {
    let all = |args: &[&str]| printed(&[&["--base-role-arn", BASE], args].concat()).unwrap();
    let said = "ReadOnlyAccess";
    let everything: Value = serde_json::from_str(&all(&[])).unwrap();
    let note = everything["note"].as_str().unwrap();
    assert!(
        note.contains(said) && note.contains("list_resources") && note.contains("update_resource needs"),
        "{note}"
    );
    let template: Value = serde_json::from_str(&all(&["--format", "cloudformation"])).unwrap();
    assert_eq!(template["Metadata"]["Note"], note);
    assert!(all(&["--format", "terraform"]).starts_with(&format!("# {note}\n")));
    for format in ["json", "cloudformation", "terraform"] {
        assert!(
            !all(&["--format", format, "--toolsets", "s3"]).contains(said),
            "{format}"
        );
    }
    let looking = all(&["--read-only"]);
    assert!(
        looking.contains(said) && !looking.contains("update_resource"),
        "{looking}"
    );
}

#[test]
fn everything_is_every_account_and_the_base_role() {
    let all = json(&["--base-role-arn", BASE]);
    let names: Vec<&String> = all["targets"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["production", "partner"]);
    assert!(all["base"]["policies"][0].is_object() && all["base"].get("irsa_trust").is_none());
}

#[test]
fn a_stack_set_template_names_no_account() {
    let template = printed(&["--format", "cloudformation", "--base-role-arn", BASE]).unwrap();
    assert!(
        template.contains("${AWS::AccountId}") && !template.contains("222222222222"),
        "{template}"
    );
    let template: Value = serde_json::from_str(&template).unwrap();
    assert_eq!(template["Parameters"]["BaseRoleArn"]["Default"], BASE);
    let role = &template["Resources"]["TargetRole"]["Properties"];
    assert_eq!(
        role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"],
        json!({ "Ref": "BaseRoleArn" })
    );
    let partner = printed(&["--format", "cloudformation", "--account", "partner"]).unwrap();
    let partner: Value = serde_json::from_str(&partner).unwrap();
    assert_eq!(partner["Parameters"]["ExternalId"]["Default"], "acme-7");
    assert_eq!(partner["Resources"]["TargetRole"]["Properties"]["Path"], "/team/");
}

#[test]
fn terraform_names_accounts_by_variables_and_quotes_what_comes_from_the_registry() {
    let registry = r#"[{"name": "a", "id": "222222222222", "external_id": "x${file(1)}"}]"#;
    let text = printed(&[
        "--format",
        "terraform",
        "--account",
        "a",
        "--account-registry",
        registry,
    ])
    .unwrap();
    assert!(
        text.contains("arn:aws:secretsmanager:*:${var.account_id}:secret:*"),
        "{text}"
    );
    assert!(text.contains(r#"default     = "x$${file(1)}""#), "{text}");
    assert!(text.contains("\"Condition\" = local.assume_conditions"), "{text}");
}
