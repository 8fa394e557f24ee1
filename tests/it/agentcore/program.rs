//! `proxy` as a client starts it.

use serde_json::{Value, json};

use super::{script, sessions, upstream, user};
use crate::support::{
    process::{Program, program},
    upstream::{Options, RUNTIME_ARN, Upstream, signers_of},
};
use aws_ops_mcp::sandbox::Sandbox;

fn proxy(upstream: &Upstream, args: &[&str]) -> Program {
    let all = [&["proxy"], args].concat();
    program(&all)
        .env("AWS_ACCESS_KEY_ID", &user().access_key)
        .env("AWS_SECRET_ACCESS_KEY", &user().secret)
        .env("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", upstream.base())
}

fn request(id: i64) -> String {
    format!(
        "{}\n",
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": script() })
    )
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn it_relays_what_it_is_told_answers_on_stdout_alone_and_ends_with_its_input() {
    for (name, args, mode, prefix) in [
        ("AGENTCORE_AGENT_ARN", &[][..], "session", "session-"),
        ("AGENT_ARN", &[][..], "REQUEST", "request-"),
        (
            "UNUSED",
            &["--agent-arn", RUNTIME_ARN, "--session-mode", "session"][..],
            "",
            "session-",
        ),
    ] {
        let upstream = upstream().await;
        let program = proxy(&upstream, args)
            .env(name, RUNTIME_ARN)
            .env("RUNTIME_SESSION_MODE", mode);
        let input = format!("{}\nnonsense\n\n{}", request(1).trim(), request(2).trim());
        let ended = blocking(move || program.run_with(&input)).await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let mut heard = lines(&ended.out);
        heard.sort_by_key(|message| message["id"].as_i64());
        let ids: Vec<_> = heard
            .iter()
            .map(|m| (m["id"].clone(), m["error"]["code"].clone()))
            .collect();
        assert_eq!(
            ids,
            [
                (Value::Null, json!(-32700)),
                (json!(1), Value::Null),
                (json!(2), Value::Null)
            ],
            "{}",
            ended.out
        );
        assert!(ended.err.contains("relaying to an AgentCore runtime"), "{}", ended.err);
        let sessions = sessions(&upstream);
        assert!(
            sessions.len() == 2 && sessions.iter().all(|s| s.starts_with(prefix)),
            "{sessions:?}"
        );
        assert!(!(ended.err + &ended.out).contains(&user().secret));
    }
}

#[tokio::test]
async fn the_base_identitys_session_is_the_default_and_an_assumed_role_has_what_the_runtime_needs_and_no_more() {
    use crate::support::recorder::Recorder;

    let sandbox = Sandbox::new().await.unwrap();
    let sts = Recorder::before(&sandbox).await;
    let lookup = Some(signers_of(&sandbox));
    let upstream = Upstream::start(Options {
        lookup,
        ..Options::default()
    })
    .await
    .unwrap();
    let keys = sandbox.base_credentials();
    for role in [None, Some("arn:aws:iam::222222222222:role/aws-ops-target")] {
        let mut program = proxy(&upstream, &[])
            .env("AGENTCORE_AGENT_ARN", &format!("{RUNTIME_ARN}/runtime-endpoint/prod"))
            .env("AWS_ENDPOINT_URL", &sts.endpoint)
            .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
            .env("AWS_SESSION_TOKEN", keys.session_token().unwrap());
        if let Some(role) = role {
            program = program.env("AGENTCORE_ASSUME_ROLE_ARN", role);
        }
        let ended = blocking(move || program.run_with(&request(1))).await;
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(lines(&ended.out)[0]["result"].is_object(), "{}", ended.out);
    }
    let sessions = sessions(&upstream);
    assert!(
        sessions[0].starts_with("identity-") && sessions[0] == sessions[1],
        "{sessions:?}"
    );
    let requests = upstream.requests();
    let accounts: Vec<_> = requests.iter().map(|r| r.account.as_deref().unwrap()).collect();
    assert_eq!(accounts, ["111111111111", "222222222222"]);
    assert!(requests.iter().all(|r| r.uri.query() == Some("qualifier=prod")));
    let assumed = sts.assumed();
    assert_eq!(assumed[0].form["RoleSessionName"], "mcpAgentCoreProxy");
    let policy: Value = serde_json::from_str(&assumed[0].form["Policy"]).unwrap();
    let statement = json!({
        "Effect": "Allow",
        "Action": ["bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:InvokeAgentRuntimeForUser"],
        "Resource": [RUNTIME_ARN, format!("{RUNTIME_ARN}/*")],
    });
    assert_eq!(policy["Statement"], json!([statement]));
}

#[tokio::test]
async fn mcp_session_ids_are_a_switch() {
    let upstream = upstream().await;
    let program = proxy(&upstream, &["--agent-arn", RUNTIME_ARN])
        .env("RUNTIME_SESSION_MODE", "session")
        .env("AGENTCORE_MCP_SESSION_ID", "on");
    let ended = blocking(move || program.run_with(&request(1))).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let requests = upstream.requests();
    assert_eq!(requests[0].session_id(), Some(&sessions(&upstream)[0][..]));
}

#[test]
fn a_missing_arn_or_a_wrong_setting_is_one_line_on_stderr_and_exit_code_2() {
    let ended = program(&["proxy"]).run();
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
    assert!(ended.err.contains("AGENTCORE_AGENT_ARN"), "{}", ended.err);
    for (name, value, right) in [
        ("AGENTCORE_AGENT_ARN", "my-agent", "such as arn:aws:bedrock-agentcore:"),
        ("AGENTCORE_QUALIFIER", "a/b", "such as DEFAULT"),
        ("AGENTCORE_ASSUME_ROLE_ARN", "role", "expected a role ARN"),
        ("AGENTCORE_ASSUME_ROLE_SESSION_NAME", "a b", "2 to 64"),
        ("RUNTIME_SESSION_MODE", "user", "identity, session, request"),
        ("AGENTCORE_MCP_SESSION_ID", "maybe", "`on` or `off`"),
        ("AGENTCORE_READ_TIMEOUT", "soon", "seconds such as 300"),
        ("AGENTCORE_CONNECT_TIMEOUT", "0", "seconds such as 300"),
        ("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "http://example.com", "HTTPS"),
        (
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
            "https://example.com/?x",
            "without `?`",
        ),
        ("AWS_ENDPOINT_URL", "http://example.com", "HTTPS"),
        ("AWS_REGION", "us-esat-1", "did you mean `us-east-1`?"),
    ] {
        let ended = program(&["proxy"])
            .env("AGENTCORE_AGENT_ARN", RUNTIME_ARN)
            .env(name, value)
            .run();
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(2), ""),
            "{name}={value}: {}",
            ended.err
        );
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
        assert!(ended.err.contains(name) && ended.err.contains(right), "{}", ended.err);
    }
    let endpoint = format!("{RUNTIME_ARN}/runtime-endpoint/prod");
    let ended = program(&["proxy", "--agent-arn", &endpoint, "--qualifier", "dev"]).run();
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("AGENTCORE_QUALIFIER") && ended.err.contains("`prod`"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let upstream = upstream().await;
    let program = proxy(&upstream, &["--agent-arn", RUNTIME_ARN, "--session-mode", "session"]);
    let ended = blocking(move || {
        let mut running = program.start();
        running.write(&request(1));
        running.out_line("result");
        running.terminate();
        running.end()
    })
    .await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn keys_that_are_missing_are_told_to_whoever_asks() {
    let program = program(&["proxy", "--agent-arn", RUNTIME_ARN]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let ended = program.run_with(&request(1));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let told = &lines(&ended.out)[0];
    assert_eq!((&told["id"], &told["error"]["code"]), (&json!(1), &json!(-32000)));
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Credential refresh failed: no AWS credentials"),
        "{message}"
    );
    assert!(
        told["error"]["data"]["hint"]
            .as_str()
            .unwrap()
            .contains("aws sso login")
    );
}
