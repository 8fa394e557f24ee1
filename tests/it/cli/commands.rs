//! The commands that end by themselves, and `stdio`.

use aws_ops_mcp::server::Catalogue;
use serde_json::{Value, json};

use crate::support::{
    body_of,
    process::{Ended, program, sandbox_server},
    text, texts,
};

fn parsed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err))
}

fn called(args: &[&str]) -> Ended {
    program(&[&["call"], args].concat()).run()
}

#[tokio::test]
async fn tools_prints_what_tools_list_gives() {
    let printed = parsed(&program(&["tools", "--json"]).run());
    // With profiles, as a server on somebody's own machine has them; the sandbox has none.
    let (_running, client) = sandbox_server(&["--toolsets", "default"]);
    let mut listed = client.rpc("tools/list", json!({})).await["result"]["tools"].clone();
    let mut with_profiles = printed["tools"].clone();
    for tools in [&mut listed, &mut with_profiles] {
        for tool in tools.as_array_mut().unwrap() {
            tool["inputSchema"]["properties"]
                .as_object_mut()
                .unwrap()
                .remove("profile");
        }
    }
    assert_eq!(with_profiles, listed);

    let mut stdio = program(&["stdio"]).start();
    stdio.write(&lines(&[
        initialize(),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }),
    ]));
    let answer: Value = serde_json::from_str(&stdio.out_line("\"id\":1")).unwrap();
    assert_eq!(answer["result"]["tools"], printed["tools"]);
}

#[test]
fn tools_prints_a_table_and_markdown_with_every_tool() {
    for args in [&["tools", "--toolsets", "all"][..], &["tools", "--markdown"]] {
        let ended = program(args).run();
        assert_eq!(ended.code, Some(0));
        for entry in Catalogue::new(true).unwrap().entries() {
            assert!(ended.out.contains(&*entry.tool.name), "{}", entry.tool.name);
        }
    }
}

#[test]
fn the_exit_code_of_a_call_tells_how_it_ended() {
    let won = called(&[
        "get_secret_value",
        "--sandbox",
        "-a",
        "account=staging",
        "-a",
        "secret_id=payments/db/primary",
    ]);
    assert_eq!(won.code, Some(0), "{}", won.err);
    let body = parsed(&won);
    assert!(text(&body["data"], "secret_string").contains("sandbox-staging-Vq7tLw2e"));
    assert_eq!(body["receipt"]["session_name"], "aws-ops-local");

    let lost = called(&[
        "get_secret_value",
        "--sandbox",
        "-a",
        "account=staging",
        "-a",
        "secret_id=no/such",
    ]);
    assert_eq!(lost.code, Some(1), "{}", lost.err);
    assert_eq!(parsed(&lost)["error"]["code"], "not_found");

    for (args, expected) in [
        (&["get_secret_valu", "--sandbox"][..], "did you mean `get_secret_value`"),
        (&["list_secrets", "--sandbox", "-a", "account"], "expected NAME=VALUE"),
        (
            &["list_secrets", "--sandbox", "--json", "[1]"],
            "expected a JSON object",
        ),
        (
            &["list_secrets", "--sandbox", "--json", "{\"secret_id\": hunter2}"],
            "expected a JSON object",
        ),
    ] {
        let wrong = called(args);
        assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""), "{args:?}");
        assert_eq!(wrong.err.lines().count(), 1, "{}", wrong.err);
        assert!(
            wrong.err.contains(expected) && !wrong.err.contains("hunter2"),
            "{}",
            wrong.err
        );
    }
}

#[test]
fn arguments_that_are_no_texts_are_read_as_json() {
    let ended = called(&[
        "list_secrets",
        "--sandbox",
        "-a",
        "account=staging",
        "-a",
        "max_results=3",
    ]);
    assert_eq!(
        parsed(&ended)["data"]["secrets"].as_array().unwrap().len(),
        3,
        "{}",
        ended.err
    );
    // A text argument stays one, even if it looks like a number.
    let ended = called(&[
        "list_secrets",
        "--sandbox",
        "-a",
        "account=333333333333",
        "-a",
        "max_results=1",
    ]);
    assert_eq!(parsed(&ended)["receipt"]["account"], "staging");
}

#[test]
fn a_call_reads_its_arguments_from_standard_input() {
    let input = json!({ "account": "development", "name": "from/stdin", "secret_string": "a\nb" });
    let ended = program(&["call", "create_secret", "--sandbox", "--json", "-"]).run_with(&input.to_string());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(parsed(&ended)["data"]["name"], "from/stdin");
    let ended = program(&["call", "create_secret", "--sandbox", "--json", "-"]).run_with("{\"name\": hunter2");
    assert_eq!(ended.code, Some(2));
    assert!(!ended.err.contains("hunter2"), "{}", ended.err);
}

#[test]
fn without_credentials_a_call_says_who_must_give_them() {
    let role = "arn:aws:iam::222222222222:role/aws-ops-target";
    for args in [&["list_secrets"][..], &["list_secrets", "-a", "account=production"]] {
        let ended = program(&[&["call"], args].concat())
            .env("ACCOUNT_PRODUCTION_ROLE_ARN", role)
            .run();
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        let error = &parsed(&ended)["error"];
        assert_eq!(error["code"], "credentials", "{error}");
        assert!(text(error, "message").contains("no AWS credentials"), "{error}");
        let hint = text(error, "hint");
        assert!(
            hint.contains("AWS_PROFILE") && hint.contains("aws-ops-mcp check"),
            "{hint}"
        );
    }
}

#[test]
fn an_expired_login_is_told_the_command() {
    let config = "[profile work]\nsso_session = corp\nsso_account_id = 222222222222\nsso_role_name = x\n\
                  [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n";
    // The name is the SHA-1 of the session's, as the AWS CLI writes it.
    let cache = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
    let token = r#"{"accessToken": "x", "expiresAt": "2020-01-01T00:00:00Z", "region": "us-east-1"}"#;
    for logged_in_once in [false, true] {
        let mut call = program(&["call", "list_secrets", "-a", "profile=work"]).file(".aws/config", config);
        if logged_in_once {
            call = call.file(cache, token);
        }
        let error = &parsed(&call.run())["error"];
        assert_eq!(error["code"], "credentials", "{error}");
        assert!(text(error, "hint").contains("aws sso login --profile work"), "{error}");
    }
}

#[test]
fn where_a_web_identity_is_mounted_no_call_takes_a_profile() {
    let call = program(&["call", "list_secrets", "-a", "profile=default"]);
    let ended = call.env("AWS_WEB_IDENTITY_TOKEN_FILE", "token").run();
    let error = &parsed(&ended)["error"];
    assert_eq!(
        (ended.code, &error["code"]),
        (Some(1), &json!("invalid_input")),
        "{error}"
    );
    assert!(text(error, "message").contains("`profile`"), "{error}");
}

#[test]
fn check_reports_every_account() {
    let ended = program(&["check", "--sandbox", "--json"]).run();
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    let report = parsed(&ended);
    assert_eq!(report["ok"], json!(true));
    let checks = report["checks"].as_array().unwrap();
    let expected = [
        "registry",
        "base identity",
        "account central",
        "account production",
        "account staging",
        "account development",
    ];
    assert_eq!(texts(checks, "check"), expected);
    assert!(checks.iter().all(|c| c["ok"] == json!(true)), "{report}");

    let ended = program(&["check", "--json"]).run();
    assert_eq!(ended.code, Some(1));
    let report = parsed(&ended);
    assert!(text(&report["checks"][1], "hint").contains("AWS_PROFILE"), "{report}");
    let ended = program(&["check"]).run();
    assert!(
        ended.out.contains("FAIL  base identity") && ended.out.contains("→"),
        "{}",
        ended.out
    );
}

#[test]
fn accounts_shows_the_registry_as_the_server_reads_it_and_no_external_id() {
    let registry = json!([
        { "name": "production", "id": "222222222222", "environment": "prod", "external_id": "hunter2", "aliases": ["live"] },
        { "name": "central", "id": "111111111111", "kind": "central" },
    ]);
    let run = |args: &[&str]| {
        let run = program(args).env("ACCOUNT_REGISTRY", &registry.to_string());
        run.env("ACCOUNT_DATA_LAKE_PROFILE", "lake").run()
    };
    let ended = run(&["accounts", "--json"]);
    assert!(!ended.out.contains("hunter2"), "{}", ended.out);
    let accounts = parsed(&ended);
    assert_eq!(
        texts(accounts.as_array().unwrap(), "name"),
        ["production", "central", "data-lake"]
    );
    assert_eq!(accounts[0]["role_arn"], "arn:aws:iam::222222222222:role/aws-ops-target");
    assert_eq!(accounts[0]["has_external_id"], json!(true));
    assert_eq!(accounts[2]["profile"], "lake");
    let table = run(&["accounts"]);
    assert!(
        table.out.contains("profile lake") && !table.out.contains("hunter2"),
        "{}",
        table.out
    );
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = program(&["completions", shell]).run();
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.out.contains("aws-ops-mcp") && ended.out.contains("stdio"),
            "{shell}"
        );
    }
}

fn initialize() -> Value {
    let client = json!({ "name": "it", "version": "0" });
    let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

fn lines(messages: &[Value]) -> String {
    messages.iter().map(|m| format!("{m}\n")).collect()
}

#[test]
fn stdio_keeps_the_clients_messages_from_a_credential_process() {
    let keys = json!({ "Version": 1, "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "not-a-real-one" });
    let args = ["stdio", "--endpoint-url", "http://127.0.0.1:9", "--max-attempts", "1"];
    // It reads its input to the end, which would never come if it were the client's.
    let program = program(&args)
        .file(
            ".aws/config",
            "[default]\nregion = eu-west-1\ncredential_process = sh keys.sh\n",
        )
        .file("keys.sh", &format!("cat >/dev/null\ncat <<'END'\n{keys}\nEND\n"));
    let mut stdio = program.start();
    let params = json!({ "name": "get_caller_identity", "arguments": {} });
    stdio.write(&lines(&[
        initialize(),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }),
    ]));
    let answer: Value = serde_json::from_str(&stdio.out_line("\"id\":1")).unwrap();
    assert_eq!(body_of(&answer)["error"]["code"], "unreachable", "{answer}");
}

#[test]
fn stdio_holds_a_whole_conversation_and_ends_with_its_input() {
    let mut stdio = program(&["stdio", "--sandbox"]).start();
    let answer = |line: String| -> Value { serde_json::from_str(&line).unwrap() };
    stdio.write(&lines(&[initialize()]));
    let begun = answer(stdio.out_line("\"id\":0"));
    assert_eq!(begun["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(begun["result"]["serverInfo"]["name"], "aws-ops-mcp");
    assert!(text(&begun["result"], "instructions").contains("list_accounts"));
    stdio.write(&lines(&[
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
    ]));

    let call = |id: u8, tool: &str, arguments: Value| {
        let params = json!({ "name": tool, "arguments": arguments });
        lines(&[json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })])
    };
    let secret = json!({ "account": "development", "secret_id": "it/stdio" });
    let made = json!({ "account": "development", "name": "it/stdio", "secret_string": "x" });
    stdio.write(&call(1, "create_secret", made));
    assert_eq!(body_of(&answer(stdio.out_line("\"id\":1")))["success"], json!(true));
    stdio.write(&call(2, "get_secret_value", secret.clone()));
    let read = body_of(&answer(stdio.out_line("\"id\":2")));
    assert_eq!(read["data"]["secret_string"], "x");
    assert_eq!(read["receipt"]["session_name"], "aws-ops-local");
    stdio.write(&call(3, "delete_secret", secret.clone()));
    assert_eq!(body_of(&answer(stdio.out_line("\"id\":3")))["success"], json!(true));
    stdio.write(&call(4, "get_secret_value", secret));
    let gone = body_of(&answer(stdio.out_line("\"id\":4")));
    assert!(
        text(&gone["error"], "message").contains("marked for deletion"),
        "{gone}"
    );

    stdio.close_input();
    let ended = stdio.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // Standard output belongs to the protocol alone.
    assert!(
        ended
            .out
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{}",
        ended.out
    );
}
