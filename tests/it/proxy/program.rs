//! The program itself: flags, environment, standard streams, signals.

use serde_json::{Value, json};

use crate::support::{
    process::{Ended, Program, Running, program},
    upstream::{Caller, Options, Upstream},
};

const PROFILES: &str = "[profile alpha]\nregion = eu-west-1\n[profile beta]\nregion = us-west-2\n[profile empty]\n";

fn keys(profile: &str, account: &str) -> String {
    let caller = Caller::of(account);
    format!(
        "[{profile}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        caller.access_key, caller.secret
    )
}

pub(super) async fn upstream() -> Upstream {
    let callers = vec![Caller::of("111111111111"), Caller::of("222222222222")];
    let options = Options {
        callers,
        ..Options::default()
    };
    Upstream::start(options).await.unwrap()
}

/// `proxy URL` with these arguments besides, with two profiles and a region.
pub(super) fn proxy(upstream: &Upstream, args: &[&str]) -> Program {
    let url = upstream.url();
    let all = [&["proxy", &url, "--service", "aws-mcp"], args].concat();
    with_profiles(program(&all)).env("AWS_REGION", "us-east-1")
}

pub(super) fn with_profiles(program: Program) -> Program {
    let credentials = keys("alpha", "111111111111") + &keys("beta", "222222222222");
    program
        .file(".aws/config", PROFILES)
        .file(".aws/credentials", &credentials)
}

pub(super) fn request(id: usize, method: &str, params: Value) -> String {
    format!(
        "{}\n",
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    )
}

pub(super) fn initialize() -> String {
    let client = json!({ "name": "Program Test", "version": "2" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    request(1, "initialize", params)
}

fn call(id: usize, arguments: Value) -> String {
    request(
        id,
        "tools/call",
        json!({ "name": "aws___run_script", "arguments": arguments }),
    )
}

/// What the upstream saw of a call, by the answer to it.
fn seen(running: &mut Running, id: usize, arguments: Value) -> Value {
    running.write(&call(id, arguments));
    let answer: Value = serde_json::from_str(&running.out_line(&format!("\"id\":{id},"))).unwrap();
    let text = answer["result"]["content"][0]["text"].as_str();
    serde_json::from_str(text.unwrap_or_else(|| panic!("{answer}"))).unwrap_or_else(|_| panic!("{answer}"))
}

/// Runs the blocking half of a test, while the upstream is served.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

pub(super) async fn ended(program: Program, input: String) -> Ended {
    blocking(move || program.run_with(&input)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flag_reaches_the_endpoint() {
    let upstream = upstream().await;
    let program = proxy(
        &upstream,
        &[
            "--profile",
            "alpha",
            "beta",
            "--region",
            "us-east-1",
            "--metadata",
            "TEAM=sre",
            "AWS_REGION=ap-south-1",
            "--header",
            "x-tenant=acme",
            "--header",
            "x-other=2",
            "--timeout",
            "10",
            "--connect-timeout",
            "5",
            "--read-timeout",
            "30",
            "--write-timeout",
            "5",
            "--tool-timeout",
            "30.5",
            "--retries",
            "1",
            "--log-level",
            "CRITICAL",
        ],
    );
    let told = blocking(move || {
        let mut running = program.start();
        running.write(&initialize());
        running.out_line("\"id\":1,");
        let first = seen(&mut running, 2, json!({}));
        let second = seen(&mut running, 3, json!({ "aws_profile": "beta" }));
        running.close_input();
        let ended = running.end();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        for line in ended.out.lines() {
            let message: Value = serde_json::from_str(line).expect("standard output carries JSON-RPC alone");
            assert_eq!(message["jsonrpc"], "2.0");
        }
        [first, second]
    })
    .await;
    assert_eq!(told[0]["account"], "111111111111");
    assert_eq!(told[1]["account"], "222222222222");
    assert_eq!(told[0]["_meta"], json!({ "AWS_REGION": "ap-south-1", "TEAM": "sre" }));
    let requests = upstream.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.header("x-tenant") == Some("acme") && r.header("x-other") == Some("2"))
    );
    assert!(
        requests
            .iter()
            .all(|r| r.header("user-agent").unwrap().ends_with(" program-test/2"))
    );
    assert_eq!(upstream.session_count(), 0, "both sessions were ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_region_for_the_backend_is_the_profiles_or_the_environments() {
    let upstream = upstream().await;
    for (args, name, value, region) in [
        (&["--profile", "beta"][..], "LOG_FORMAT", "json", "us-west-2"),
        (
            &["--profile", "alpha", "--disable-telemetry"],
            "AWS_DEFAULT_REGION",
            "ca-central-1",
            "ca-central-1",
        ),
        (&[], "AWS_PROFILE", "alpha", "eu-west-1"),
        (
            &["--profile", "alpha"],
            "AWS_MCP_PROXY_PROFILES",
            "beta alpha",
            "us-west-2",
        ),
    ] {
        let program = proxy(&upstream, args).env(name, value);
        let told = blocking(move || {
            let mut running = program.start();
            running.write(&initialize());
            running.out_line("\"id\":1,");
            seen(&mut running, 2, json!({}))
        })
        .await;
        assert_eq!(told["_meta"]["AWS_REGION"], region, "{args:?} {name}={value}");
        let named = told["user_agent"].as_str().unwrap().contains("program-test");
        assert_eq!(named, !args.contains(&"--disable-telemetry"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_switch_in_the_files_takes_effect_at_once() {
    let upstream = upstream().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    std::fs::write(&file, keys("default", "111111111111")).unwrap();
    let program = proxy(&upstream, &[]).env("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    blocking(move || {
        let mut running = program.start();
        running.write(&initialize());
        running.out_line("\"id\":1,");
        assert_eq!(seen(&mut running, 2, json!({}))["account"], "111111111111");
        std::fs::write(&file, format!("# switched\n{}", keys("default", "222222222222"))).unwrap();
        assert_eq!(seen(&mut running, 3, json!({}))["account"], "222222222222");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_process_does_not_read_the_clients_messages() {
    let upstream = upstream().await;
    let caller = Caller::of("111111111111");
    let answer = json!({ "Version": 1, "AccessKeyId": caller.access_key, "SecretAccessKey": caller.secret });
    // It reads its input to the end, which would never come if it were the client's.
    let config = "[default]\nregion = eu-west-1\ncredential_process = sh keys.sh\n";
    let program = proxy(&upstream, &[])
        .file(".aws/config", config)
        .file(".aws/credentials", "")
        .file("keys.sh", &format!("cat >/dev/null\ncat <<'END'\n{answer}\nEND\n"));
    blocking(move || {
        let mut running = program.start();
        running.write(&(initialize() + &call(2, json!({}))));
        running.out_line("\"id\":1,");
        running.out_line("111111111111");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_credentials_requests_are_unsigned_only_if_asked_for() {
    let options = Options {
        unsigned: true,
        ..Options::default()
    };
    let upstream = Upstream::start(options).await.unwrap();
    let bare = |args: &[&str]| {
        let url = upstream.url();
        let all = [&["proxy", &url, "--service", "aws-mcp"], args].concat();
        program(&all).env("AWS_REGION", "us-east-1")
    };
    let refused = ended(bare(&[]), initialize()).await;
    assert!(
        refused
            .out
            .contains("No AWS credentials available. Configure credentials or use --skip-auth"),
        "{}",
        refused.out
    );
    assert_eq!((refused.code, upstream.requests().len()), (Some(0), 0));
    let unsigned = ended(
        bare(&["--skip-auth"]),
        initialize() + &request(2, "tools/list", json!({})),
    )
    .await;
    assert!(unsigned.out.contains("aws___list_regions"), "{}", unsigned.out);
    assert!(upstream.requests().iter().all(|r| r.header("authorization").is_none()));
    upstream.clear();
    let url = upstream.url();
    let with_keys = with_profiles(program(&[
        "proxy",
        &url,
        "--service",
        "aws-mcp",
        "--skip-auth",
        "--profile",
        "alpha",
    ]));
    ended(with_keys.env("AWS_REGION", "us-east-1"), initialize()).await;
    assert!(
        upstream.requests().iter().all(|r| r.header("authorization").is_some()),
        "with credentials it signs"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_is_not_there_is_named_in_initialize() {
    let upstream = upstream().await;
    let missing = ended(proxy(&upstream, &["--profile", "gamma"]), initialize()).await;
    let expected = "Failed to create AWS session with profile 'gamma': The config profile (gamma) could not be found";
    assert!(
        missing.out.contains(expected) && missing.out.contains("alpha, beta"),
        "{}",
        missing.out
    );
    let empty = ended(proxy(&upstream, &["--profile", "empty"]), initialize()).await;
    assert!(empty.out.contains("No AWS credentials available"), "{}", empty.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_it_and_the_session() {
    let upstream = upstream().await;
    for signal in ["-TERM", "-INT"] {
        let program = proxy(&upstream, &["--profile", "alpha"]);
        let ended = blocking(move || {
            let mut running = program.start();
            running.write(&initialize());
            running.out_line("\"id\":1,");
            running.signal(signal);
            running.end()
        })
        .await;
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.err);
        assert_eq!(upstream.session_count(), 0, "{signal}");
    }
}
