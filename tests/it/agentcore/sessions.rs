//! Whose session a request goes to, and with whose keys.

use aws_ops_mcp::{
    auth::Caller as Person,
    aws::{Allow, Aws, Base, Identity, Policy, RoleSession},
    config::SessionMode,
    sandbox::Sandbox,
};
use sha2::{Digest as _, Sha256};

use super::{Client, Setup, aws_config, error, sessions, upstream};
use crate::support::{
    recorder::{Instead, Recorder},
    upstream::{Options, RUNTIME_ARN, Upstream, signers_of},
};

const ROLE: &str = "arn:aws:iam::222222222222:role/aws-ops-target";

/// The sandbox's STS, and a runtime that takes what it gives out.
async fn world() -> (Sandbox, Recorder, Upstream) {
    let sandbox = Sandbox::new().await.unwrap();
    let recorder = Recorder::before(&sandbox).await;
    let lookup = Some(signers_of(&sandbox));
    let upstream = Upstream::start(Options {
        lookup,
        ..Options::default()
    })
    .await
    .unwrap();
    (sandbox, recorder, upstream)
}

fn setup(sandbox: &Sandbox, recorder: &Recorder, identity: Identity) -> Setup {
    Setup {
        mode: SessionMode::Identity,
        keys: vec![sandbox.base_credentials()],
        identity,
        sts: recorder.endpoint.clone(),
        ..Setup::default()
    }
}

fn role() -> Identity {
    let allow = Allow::on(["bedrock-agentcore:InvokeAgentRuntime"], [RUNTIME_ARN]);
    let session = RoleSession {
        role: ROLE.parse().unwrap(),
        caller: Person::local(),
        session_name: "mcpAgentCoreProxy".to_owned(),
        external_id: None,
        source_identity: None,
        tags: Vec::new(),
        policy: Policy::new(&[allow]).unwrap(),
        seconds: 3600,
        once: false,
    };
    Identity::Role(session.into())
}

/// What agentcore-mcp-proxy makes of who STS says we are.
async fn expected(sandbox: &Sandbox, recorder: &Recorder) -> String {
    let aws = Aws::new(&aws_config(&recorder.endpoint), Base::Fixed(sandbox.base_credentials())).unwrap();
    let who = aws.whoami(&Identity::Default).await.unwrap();
    assert_eq!(who.arn, "arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox");
    let text = format!(r#"["{}","{}","{}"]"#, who.account, who.user_id, who.arn);
    let hex: String = Sha256::digest(text)
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("identity-{}", parts.join("-"))
}

#[tokio::test]
async fn an_identity_has_one_session_which_every_proxy_of_it_shares() {
    let (sandbox, recorder, upstream) = world().await;
    let expected = expected(&sandbox, &recorder).await;
    let before = sandbox.calls("sts", "GetCallerIdentity");
    for _ in 0..2 {
        let mut client = Client::of(&upstream, setup(&sandbox, &recorder, Identity::Default));
        client.script().await["result"].as_object().unwrap();
        client.script().await["result"].as_object().unwrap();
    }
    assert_eq!(sessions(&upstream), vec![expected; 4]);
    assert_eq!(sandbox.calls("sts", "GetCallerIdentity") - before, 2);
}

#[tokio::test]
async fn an_assumed_role_signs_and_the_session_stays_the_base_identitys() {
    let (sandbox, recorder, upstream) = world().await;
    let mut client = Client::of(&upstream, setup(&sandbox, &recorder, role()));
    let answer = client.script().await;
    assert!(answer["result"].is_object(), "{answer}");
    assert_eq!(sessions(&upstream), [expected(&sandbox, &recorder).await]);
    assert_eq!(upstream.requests()[0].account.as_deref(), Some("222222222222"));
    // Keys of a role that have ended are asked for anew.
    let first = recorder.assumed()[0].keys.clone().unwrap();
    upstream.expire(first.access_key_id());
    assert!(client.script().await["result"].is_object());
    assert_eq!((recorder.assumed().len(), upstream.requests().len()), (2, 3));
}

#[tokio::test]
async fn a_sign_in_that_fails_is_told_and_tried_again_with_the_next_request() {
    let (sandbox, recorder, upstream) = world().await;
    recorder.instead(Instead::Fail("AccessDenied", "User: arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox is not authorized to perform: sts:AssumeRole on resource: x"));
    let mut client = Client::of(&upstream, setup(&sandbox, &recorder, role()));
    let answer = client.script().await;
    let (number, message) = error(&answer);
    assert_eq!(number, -32000);
    assert!(
        message.starts_with("Credential refresh failed: STS refused to assume arn:aws:iam::222222222222"),
        "{message}"
    );
    let hint = answer["error"]["data"]["hint"].as_str().unwrap();
    assert!(
        hint.contains("trust policy") && hint.contains("role/aws-ops-base"),
        "{hint}"
    );
    assert!(upstream.requests().is_empty());
    recorder.instead(Instead::Nothing);
    assert!(client.script().await["result"].is_object());
}

#[tokio::test]
async fn keys_that_sts_does_not_take_are_looked_for_anew() {
    let (sandbox, recorder, upstream) = world().await;
    for mode in [SessionMode::Identity, SessionMode::Session] {
        let old = aws_credential_types::Credentials::new("ASIAOLD", "old", Some("old".to_owned()), None, "it");
        let setup = Setup {
            mode,
            keys: vec![old, sandbox.base_credentials()],
            ..setup(&sandbox, &recorder, role())
        };
        let mut client = Client::of(&upstream, setup);
        let answer = client.script().await;
        assert!(answer["result"].is_object(), "{answer}");
    }
}

#[tokio::test]
async fn without_sts_there_is_no_identity_and_no_request() {
    let upstream = upstream().await;
    let setup = Setup {
        mode: SessionMode::Identity,
        ..Setup::default()
    };
    let mut client = Client::of(&upstream, setup);
    let answer = client.script().await;
    let (number, message) = error(&answer);
    assert!(
        number == -32000 && message.starts_with("Credential refresh failed: "),
        "{message}"
    );
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn one_session_for_each_start_or_for_each_request() {
    for (mode, prefix, count) in [
        (SessionMode::Session, "session-", 1),
        (SessionMode::Request, "request-", 3),
    ] {
        let upstream = upstream().await;
        let mut client = Client::of(
            &upstream,
            Setup {
                mode,
                ..Setup::default()
            },
        );
        for _ in 0..3 {
            client.script().await["result"].as_object().unwrap();
        }
        let mut seen = sessions(&upstream);
        for session in &seen {
            let id = session.strip_prefix(prefix).unwrap();
            assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
