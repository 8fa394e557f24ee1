//! What the program says: its log, wrong settings, help, the smoke test.

use serde_json::json;

use super::program::{ended, initialize, proxy, request, upstream, with_profiles};
use crate::support::{
    process::program,
    upstream::{Fault, RUNTIME_ARN},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_quiet_unless_asked_and_never_shows_headers() {
    let upstream = upstream().await;
    let quiet = ended(proxy(&upstream, &["--profile", "alpha"]), initialize()).await;
    assert_eq!(quiet.err, "");
    let args = [
        "--profile",
        "alpha",
        "--log-level",
        "DEBUG",
        "--header",
        "x-token=not-for-the-log",
    ];
    let loud = ended(
        proxy(&upstream, &args),
        initialize() + &request(2, "tools/list", json!({})),
    )
    .await;
    assert!(
        !loud.err.contains("not-for-the-log") && !loud.err.contains("made-up-secret"),
        "{}",
        loud.err
    );
    for level in ["INFO", "WARNING", "ERROR", "CRITICAL", "warning"] {
        let ended = ended(
            proxy(&upstream, &["--profile", "alpha", "--log-level", level]),
            initialize(),
        )
        .await;
        assert_eq!(ended.code, Some(0), "{level}");
    }
}

#[test]
fn wrong_settings_stop_the_start_with_one_line() {
    let url = "https://mcp.example.com/mcp";
    for (args, says) in [
        (
            &[url][..],
            "Could not determine AWS region from endpoint 'https://mcp.example.com/mcp'",
        ),
        (
            &["http://mcp.example.com/mcp"],
            "HTTP is not allowed for remote endpoints",
        ),
        (&["mcp.example.com"], "missing URL scheme"),
        (
            &[url, "--header", "Authorization=secret-word"],
            "--header Authorization is not allowed",
        ),
        (
            &[url, "--metadata", "nokey"],
            "--metadata: wrong value `nokey`: must be in key=value format, got: nokey",
        ),
        (&[url, "--retries", "11"], "--retries: wrong value `11`"),
        (
            &[url, "--connect-timeout", "-1"],
            "--connect-timeout: wrong value `-1`: '-1' must be >= 0",
        ),
        (&[url, "--tool-timeout", "x"], "'x' is not a valid number of seconds"),
        (&["--profile", "a"], "name an ENDPOINT"),
        (&[], "ENDPOINT"),
    ] {
        let mut all = vec!["proxy"];
        all.extend(args);
        if args.len() > 1 {
            all.extend(["--region", "us-east-1"]);
        }
        let ended = program(&all).run();
        assert_eq!(ended.code, Some(2), "{args:?}");
        assert!(
            ended.err.contains(says) && ended.err.lines().count() == 1,
            "{args:?}: {}",
            ended.err
        );
        assert!(
            !ended.err.contains("secret-word") && ended.out.is_empty(),
            "{args:?}: {}",
            ended.err
        );
    }
    let help = program(&["proxy", "--help"]).run().out;
    for shown in [
        "[default: 180]",
        "[default: 120]",
        "[default: 300]",
        "[default: 60]",
        "AWS_MCP_PROXY_PROFILES",
        "smoke",
    ] {
        assert!(help.contains(shown), "{shown}: {help}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_may_be_abbreviated_and_the_endpoint_swallowed() {
    let upstream = upstream().await;
    let url = upstream.url();
    let args = [
        "proxy",
        "--serv",
        "aws-mcp",
        "--reg",
        "us-east-1",
        "--read-o",
        "--prof",
        "alpha",
        "beta",
        &url,
    ];
    let ended = ended(
        with_profiles(program(&args)),
        initialize() + &request(2, "tools/list", json!({})),
    )
    .await;
    assert!(
        ended.out.contains("\"enum\":[\"alpha\",\"beta\"]"),
        "{} {}",
        ended.out,
        ended.err
    );
    assert!(!ended.out.contains("aws___run_script\""), "read-only: {}", ended.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smoke_calls_what_only_reads_and_needs_nothing() {
    let upstream = upstream().await;
    let url = upstream.url();
    let smoke = |args: &[&str]| {
        let all = [
            &["proxy", "smoke", &url, "--service", "aws-mcp", "--profile", "alpha"],
            args,
        ]
        .concat();
        with_profiles(program(&all)).env("AWS_REGION", "us-east-1")
    };
    let failing = ended(smoke(&[]), String::new()).await;
    assert_eq!(failing.code, Some(1), "{}{}", failing.out, failing.err);
    let line = |name: &str| {
        let found = failing.out.lines().find(|line| line.starts_with(name));
        found
            .unwrap_or_else(|| panic!("{name}: {}", failing.out))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(line("aws___list_regions").starts_with("aws___list_regions yes ok "));
    assert_eq!(
        line("aws___run_script"),
        "aws___run_script no skipped: does not say that it only reads"
    );
    assert_eq!(line("aws___get_tasks"), "aws___get_tasks yes skipped: needs task_id");
    assert!(line("failing").starts_with("failing yes failed: It failed, as it always does."));
    assert_eq!(line("revision"), "revision 2025-11-25");
    assert_eq!(line("server"), "server upstream 1.0.0");
    assert_eq!(line("signing region"), "signing region us-east-1");
    assert_eq!(line("profile"), "profile alpha");
    upstream.remove_tool("failing");
    // It asks back, which the report's client can't answer.
    upstream.remove_tool("asking");
    let well = ended(smoke(&[]), String::new()).await;
    assert_eq!(well.code, Some(0), "{}{}", well.out, well.err);
    assert_eq!(upstream.session_count(), 0);
    upstream.fail_on("initialize", Fault::Denied, 1);
    let refused = ended(smoke(&[]), String::new()).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.out.contains("no: HTTP 403 from 127.0.0.1"), "{}", refused.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn smoke_reaches_an_agentcore_runtime_too() {
    let upstream = upstream().await;
    // Without a session nobody can be asked, and the call waits for an answer that never comes.
    upstream.remove_tool("asking");
    let args = [
        "proxy",
        "smoke",
        "--agent-arn",
        RUNTIME_ARN,
        "--session-mode",
        "session",
    ];
    let program = with_profiles(program(&args))
        .env("AWS_PROFILE", "alpha")
        .env("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", upstream.base());
    let told = ended(program, String::new()).await;
    assert!(
        told.out.contains("aws___list_regions") && told.out.contains("upstream 1.0.0"),
        "{}{}",
        told.out,
        told.err
    );
    assert!(told.out.contains(RUNTIME_ARN), "{}", told.out);
    let regions = told
        .out
        .lines()
        .find(|line| line.starts_with("aws___list_regions"))
        .unwrap();
    assert_eq!(regions.split_whitespace().nth(2), Some("ok"), "{regions}");
}
