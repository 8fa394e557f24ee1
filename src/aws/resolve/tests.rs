use super::*;
use crate::aws::ids::tests::MALFORMED_ROLE_ARNS;

fn resolver() -> Resolver {
    let json = r#"[{"name": "production", "id": "222222222222", "external_id": "shared", "regions": ["eu-west-1", "us-east-1"]},
                   {"name": "laptop", "profile": "laptop-sso"}]"#;
    let config = crate::config::AwsConfig::for_tests(&["--account-registry", json]);
    let accounts = crate::aws::registry::load(&config, &Default::default()).unwrap();
    Resolver::new(Arc::new(accounts), None, true)
}

fn resolve(selector: Selector) -> Result<Target, AccountError> {
    resolver().resolve(&selector, &Caller::new("alice"))
}

fn s(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn profile_wins_over_role_and_role_over_default() {
    let role_arn = s("arn:aws:iam::222222222222:role/aws-ops-target");
    let both = Selector {
        profile: s("p"),
        role_arn: role_arn.clone(),
        ..Selector::default()
    };
    assert!(matches!(resolve(both).unwrap().identity, Identity::Profile(p) if p.as_str() == "p"));
    let role = resolve(Selector {
        role_arn,
        ..Selector::default()
    })
    .unwrap();
    assert!(
        matches!(&role.identity, Identity::Role(r) if r.session_name == "aws-ops-alice" && r.external_id.is_some())
    );
    assert_eq!(role.account.unwrap().name, "production");
    assert!(matches!(
        resolve(Selector::default()).unwrap().identity,
        Identity::Default
    ));
}

#[test]
fn an_account_stands_for_its_role_or_profile() {
    let production = resolve(Selector {
        account: s("production"),
        ..Selector::default()
    })
    .unwrap();
    assert!(matches!(&production.identity, Identity::Role(r) if r.role.name() == "aws-ops-target"));
    assert_eq!(production.region.unwrap().as_str(), "eu-west-1");
    let laptop = resolve(Selector {
        account: s("laptop"),
        ..Selector::default()
    })
    .unwrap();
    assert!(matches!(&laptop.identity, Identity::Profile(p) if p.as_str() == "laptop-sso"));
}

#[test]
fn contradictions_and_bad_regions_are_refused() {
    for selector in [
        Selector {
            account: s("production"),
            profile: s("p"),
            ..Selector::default()
        },
        Selector {
            account: s("production"),
            region: s("ap-south-1"),
            ..Selector::default()
        },
        Selector {
            region: s("us-east-1.evil/#"),
            ..Selector::default()
        },
        Selector {
            account: s("nope"),
            ..Selector::default()
        },
    ] {
        assert!(resolve(selector.clone()).is_err(), "{selector:?}");
    }
    let off = Resolver::new(resolver().accounts(), None, false);
    let default = Selector {
        profile: s("default"),
        ..Selector::default()
    };
    assert!(matches!(
        off.resolve(&default, &Caller::local()),
        Err(AccountError::ProfilesOff)
    ));
}

#[test]
fn malformed_roles_resolve_to_nothing() {
    for arn in MALFORMED_ROLE_ARNS {
        assert!(
            resolve(Selector {
                role_arn: s(arn),
                ..Selector::default()
            })
            .is_err(),
            "{arn:?}"
        );
    }
}
