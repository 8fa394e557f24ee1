//! What a scrape shows, and that nothing a client sends makes it grow.

use std::time::Duration;

use super::{BUCKETS, Cause, MOST_ENVIRONMENTS, MOST_FORWARDED, Metrics, ToolCall, Transport, service};

fn call<'a>(tool: &'a str, environment: &'a str, forwarded: bool) -> ToolCall<'a> {
    ToolCall {
        tool,
        forwarded,
        access: "read",
        environment,
        outcome: "ok",
        took: Duration::from_millis(300),
    }
}

fn lines(metrics: &Metrics, beginning: &str) -> Vec<String> {
    let text = metrics.text().unwrap();
    text.lines()
        .filter(|l| l.starts_with(beginning))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_scrape_shows_what_was_counted() {
    let metrics = Metrics::new().unwrap();
    metrics.tool_call(call("list_secrets", "production", false));
    metrics.aws_call("s3", "ok");
    metrics.aws_call("sts", "throttled");
    metrics.assume_role("credentials");
    metrics.credentials(true);
    metrics.rejected(Cause::Token);
    metrics.target("staging", "timeout");
    let session = metrics.session(Transport::Sse);
    let in_flight = metrics.in_flight();
    let text = metrics.text().unwrap();
    for sample in [
        r#"aws_ops_tool_calls_total{access="read",environment="production",outcome="ok",tool="list_secrets"} 1"#,
        r#"aws_ops_tool_call_duration_seconds_bucket{access="read",tool="list_secrets",le="0.25"} 0"#,
        r#"aws_ops_tool_call_duration_seconds_bucket{access="read",tool="list_secrets",le="0.5"} 1"#,
        r#"aws_ops_tool_call_duration_seconds_count{access="read",tool="list_secrets"} 1"#,
        r#"aws_ops_targets_total{environment="staging",outcome="timeout"} 1"#,
        r#"aws_ops_aws_calls_total{outcome="ok",service="s3"} 1"#,
        r#"aws_ops_aws_calls_total{outcome="throttled",service="sts"} 1"#,
        r#"aws_ops_aws_throttles_total{service="sts"} 1"#,
        r#"aws_ops_aws_throttles_total{service="s3"} 0"#,
        r#"aws_ops_assume_role_total{outcome="credentials"} 1"#,
        r#"aws_ops_assume_role_total{outcome="ok"} 0"#,
        r#"aws_ops_credential_cache_total{result="hit"} 1"#,
        r#"aws_ops_credential_cache_total{result="miss"} 0"#,
        r#"aws_ops_requests_rejected_total{cause="token"} 1"#,
        r#"aws_ops_requests_rejected_total{cause="host"} 0"#,
        r#"aws_ops_sessions{transport="sse"} 1"#,
        r#"aws_ops_sessions{transport="streamable_http"} 0"#,
        "aws_ops_requests_in_flight 1",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} in:\n{text}");
    }
    drop((session, in_flight));
    assert_eq!(
        lines(&metrics, "aws_ops_requests_in_flight"),
        ["aws_ops_requests_in_flight 0"]
    );
    assert_eq!(
        lines(&metrics, r#"aws_ops_sessions{transport="sse"}"#),
        [r#"aws_ops_sessions{transport="sse"} 0"#]
    );
    for chart in [10.0, 20.0, 60.0] {
        assert!(BUCKETS.contains(&chart), "the chart asks about {chart}");
    }
}

#[test]
fn any_number_of_names_makes_a_bounded_number_of_samples() {
    let metrics = Metrics::new().unwrap();
    for n in 0..1000 {
        metrics.tool_call(call("list_secrets", &format!("environment-{n}"), false));
        metrics.tool_call(call(&format!("aws___{n}"), "environment-0", true));
    }
    for n in 0..1000 {
        metrics.target(&format!("target-{n}"), "ok");
    }
    metrics.tool_call(call(&format!("aws___{}", "x".repeat(500)), "environment-0", true));
    let of = |labels: &str| {
        let all = lines(&metrics, "aws_ops_tool_calls_total");
        all.into_iter().filter(|l| l.contains(labels)).collect::<Vec<_>>()
    };
    assert_eq!(of(r#"tool="list_secrets""#).len(), MOST_ENVIRONMENTS + 1);
    assert_eq!(of(r#"tool="aws___"#).len(), MOST_FORWARDED);
    let rest = of(r#"tool="other""#);
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert!(rest[0].ends_with(&format!(" {}", 1001 - MOST_FORWARDED)), "{rest:?}");
    assert_eq!(
        lines(&metrics, "aws_ops_targets_total").len(),
        1,
        "the environments are full"
    );
    assert!(metrics.text().unwrap().len() < 200_000);
}

#[test]
fn the_service_is_the_signatures_or_one_word_for_all_others() {
    let scope = |scope: &str| {
        let header = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0a");
        service(Some(&header))
    };
    assert_eq!(
        scope("AKIA/20260101/eu-west-1/secretsmanager/aws4_request"),
        "secretsmanager"
    );
    assert_eq!(scope("AKIA/20260101/s3/aws4_request"), "s3", "SigV4a has no region");
    assert_eq!(scope("AKIA/20260101/eu-west-1/my-secret/aws4_request"), "other");
    assert_eq!(service(None), "unsigned");
    for odd in ["", "Bearer x", "Credential=", "Credential=////", "Credential=s3"] {
        assert_eq!(service(Some(odd)), "other", "{odd}");
    }
}
