//! The registry while the server runs: read again on demand, joined by the organization's accounts, and never worse than before.

use std::sync::Arc;

use aws_ops_mcp::{
    auth::Caller,
    aws::{Account, Aws, Base, Resolver, organization, refresh::Refresher, registry},
    config::{AccountVariables, AwsConfig},
    sandbox::{Sandbox, SandboxServer},
};
use clap::{CommandFactory as _, FromArgMatches as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{
    client::Client,
    process::{Running, program},
    text, texts,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const CENTRAL: &str = "111111111111";
const LISTING_ROLE: &str = "arn:aws:iam::111111111111:role/aws-ops-organization";

/// The line that says that a registry was taken over.
const READ_AGAIN: &str = "the registry was read again";

/// `serve` with these variables, ready for calls.
fn serve(variables: &[(&str, &str)]) -> (Running, Client) {
    let mut served = program(&["serve", "--port", "0", "--log-format", "json"]).env("MCP_AUTH_TOKEN", TOKEN);
    for (name, value) in variables {
        served = served.env(name, value);
    }
    let mut running = served.start();
    let line: Value = serde_json::from_str(&running.err_line("listening on")).unwrap();
    let client = Client::new(text(&line, "address"), TOKEN);
    (running, client)
}

async fn names(client: &Client) -> Vec<String> {
    let body = client.call("list_accounts", json!({})).await;
    texts(body["data"]["accounts"].as_array().unwrap(), "name")
}

/// A file that can be written anew.
struct File(tempfile::NamedTempFile);

impl File {
    fn new(content: &Value) -> Self {
        let file = Self(tempfile::NamedTempFile::new().unwrap());
        file.write(&content.to_string());
        file
    }

    fn write(&self, content: &str) {
        std::fs::write(self.0.path(), content).unwrap();
    }

    fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_has_the_file_read_again_and_a_broken_one_leaves_the_old_in_force() {
    let file = File::new(&json!([{ "name": "one", "id": "222222222222" }]));
    let variables = [("ACCOUNT_REGISTRY", file.path()), ("REGISTRY_REFRESH", "off")];
    let (mut running, client) = serve(&variables);
    assert_eq!(names(&client).await, ["one"]);
    let two = json!([{ "name": "one", "id": "222222222222" }, { "name": "two", "id": "333333333333" }]).to_string();
    file.write(&two);
    running.signal("-HUP");
    let line: Value = serde_json::from_str(&running.err_line(READ_AGAIN)).unwrap();
    assert_eq!((&line["accounts"], &line["level"]), (&json!(2), &json!("INFO")));
    assert_eq!(names(&client).await, ["one", "two"]);
    // The new account can be named at once, and the answer shows that it is known.
    let body = client
        .call("list_secrets", json!({ "account": "two", "region": "mars" }))
        .await;
    assert_eq!(body["error"]["code"], json!("invalid_input"), "{body}");

    for (broken, reason) in [
        ("[{", "line 1"),
        (r#"[{"name": "three", "id": "12"}]"#, "account 1 (`three`)"),
        (
            r#"[{"name": "x", "id": "222222222222"}, {"name": "x", "id": "333333333333"}]"#,
            "`x` names another account",
        ),
        ("", "expected JSON"),
    ] {
        file.write(broken);
        running.signal("-HUP");
        let line: Value = serde_json::from_str(&running.err_line("the one in force stays")).unwrap();
        assert_eq!(line["level"], json!("ERROR"));
        assert!(text(&line, "error").contains(reason), "{line}");
        assert_eq!(names(&client).await, ["one", "two"], "{broken}");
    }
    file.write(r#"[{"name": "three", "id": "444444444444"}]"#);
    running.signal("-HUP");
    running.err_line(READ_AGAIN);
    assert_eq!(names(&client).await, ["three"]);
    running.terminate();
    assert_eq!(running.end().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_noticed_without_being_told() {
    let file = File::new(&json!([{ "name": "one", "id": "222222222222" }]));
    let variables = [("ACCOUNT_REGISTRY", file.path()), ("REGISTRY_REFRESH", "50ms")];
    let (mut running, client) = serve(&variables);
    file.write(r#"[{"name": "two", "id": "333333333333"}]"#);
    running.err_line(READ_AGAIN);
    assert_eq!(names(&client).await, ["two"]);
}

#[test]
fn a_hangup_ends_no_server_whatever_its_accounts_come_from() {
    let inline = r#"[{"name": "one", "id": "222222222222"}]"#;
    let (mut running, _) = serve(&[("ACCOUNT_REGISTRY", inline)]);
    running.signal("-HUP");
    running.err_line(READ_AGAIN);
    running.terminate();
    assert_eq!(running.end().code, Some(0));
}

#[derive(clap::Parser)]
struct Settings {
    #[command(flatten)]
    aws: AwsConfig,
}

/// The sandbox's organization, and what keeps the accounts current.
struct World {
    sandbox: Sandbox,
    _listening: SandboxServer,
    aws: Arc<Aws>,
    resolver: Resolver,
    now: mpsc::Sender<()>,
}

fn central() -> Value {
    json!({ "name": "central", "id": CENTRAL, "kind": "central", "role_arn": LISTING_ROLE })
}

impl World {
    async fn new(registered: &Value, more: &[&str]) -> Self {
        let sandbox = Sandbox::new().await.unwrap();
        let listening = sandbox.listen().await.unwrap();
        let registered = registered.to_string();
        let flags = [
            "it",
            "--endpoint-url",
            &listening.endpoint,
            "--account-registry",
            &registered,
            "--organizations-account",
            "central",
        ];
        let command = Settings::command().mut_args(|arg| arg.env(clap::builder::Resettable::Reset));
        let matches = command.get_matches_from([&flags[..], more].concat());
        let config = Settings::from_arg_matches(&matches).unwrap().aws;
        let accounts = registry::load(&config, &AccountVariables::default()).unwrap();
        let resolver = Resolver::new(Arc::new(accounts), None, false).with_settings(&config);
        let aws = Arc::new(Aws::new(&config, Base::Fixed(sandbox.base_credentials())).unwrap());
        let refresher = Refresher::new(config, AccountVariables::default(), resolver.clone());
        let (now, asked) = mpsc::channel(1);
        tokio::spawn(refresher.run(aws.clone(), asked));
        Self {
            sandbox,
            _listening: listening,
            aws,
            resolver,
            now,
        }
    }

    /// Has everything read again, and waits until it is.
    async fn refresh(&self) {
        // The channel holds one: when the third has its place, the second was taken, so the first is done.
        for _ in 0..3 {
            self.now.send(()).await.unwrap();
        }
    }

    fn names(&self) -> Vec<String> {
        self.resolver.accounts().all().map(|a| a.name.clone()).collect()
    }

    async fn listed(&self) -> Result<Vec<Account>, String> {
        let listed = organization::list(&self.aws, &self.resolver, "central").await;
        listed.map_err(|e| format!("{e} {}", e.hint().unwrap_or_default()))
    }

    async fn may_list(&self, effect: &str) {
        let policy = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": effect, "Action": "organizations:ListAccounts", "Resource": "*" },
        ]});
        let role = "aws-ops-organization";
        self.sandbox
            .put_role_policy(CENTRAL, role, "list-accounts", &policy)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_organizations_accounts_join_the_registry_and_can_be_worked_in() {
    let world = World::new(&json!([central()]), &[]).await;
    assert_eq!(world.names(), ["central"], "a start asks nothing of AWS");
    world.refresh().await;
    assert_eq!(world.names(), ["central", "production", "staging", "development"]);
    let accounts = world.resolver.accounts();
    let staging = accounts.find("333333333333").unwrap();
    assert_eq!(
        accounts.role_of(&staging).unwrap().to_string(),
        "arn:aws:iam::333333333333:role/aws-ops-target"
    );
    let selector = aws_ops_mcp::aws::Selector {
        account: Some("staging".to_owned()),
        ..Default::default()
    };
    let target = world.resolver.resolve(&selector, &Caller::new("alice")).unwrap();
    assert_eq!(target.account_id().unwrap().as_str(), "333333333333");
    world.aws.session(&target).await.map(drop).unwrap();
}

#[tokio::test]
async fn what_the_registry_says_of_an_account_wins_over_the_organization() {
    let registered = json!([
        central(),
        { "name": "shop", "id": "222222222222", "environment": "production", "role_arn": "arn:aws:iam::222222222222:role/own" },
        { "name": "staging", "id": "999999999999" },
    ]);
    let world = World::new(&registered, &[]).await;
    world.refresh().await;
    let expected = ["central", "shop", "staging", "staging-333333333333", "development"];
    assert_eq!(world.names(), expected);
    let accounts = world.resolver.accounts();
    let shop = accounts.find("production").unwrap();
    assert_eq!(
        (shop.name.as_str(), shop.environment.as_deref()),
        ("shop", Some("production"))
    );
    assert_eq!(accounts.role_of(&shop).unwrap().name(), "own");
    assert_eq!(
        accounts.find("staging").unwrap().id.as_ref().unwrap().as_str(),
        "999999999999"
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_had_leaves_the_last_one_in_force() {
    let world = World::new(&json!([central()]), &[]).await;
    world.refresh().await;
    let before = world.names();
    assert_eq!(before.len(), 4);
    world.may_list("Deny").await;
    let said = world.listed().await.unwrap_err();
    assert!(said.contains("organizations:ListAccounts"), "{said}");
    world.refresh().await;
    assert_eq!(world.names(), before);
    world.may_list("Allow").await;
    assert_eq!(world.listed().await.unwrap().len(), 4);
}

#[tokio::test]
async fn listing_goes_on_where_callers_may_not_use_the_servers_own_identity() {
    let world = World::new(&json!([central()]), &["--base-credentials", "off"]).await;
    world.refresh().await;
    assert_eq!(world.names().len(), 4);
    let refused = world.resolver.resolve(&Default::default(), &Caller::new("alice"));
    assert!(refused.is_err());
}

#[tokio::test]
async fn all_listings_share_one_session() {
    let world = World::new(&json!([central()]), &[]).await;
    world.refresh().await;
    world.refresh().await;
    assert!(world.sandbox.calls("organizations", "ListAccounts") >= 2);
    assert_eq!(world.sandbox.calls("sts", "AssumeRole"), 1);
}

#[test]
fn an_organizations_account_that_is_not_registered_stops_the_start() {
    let registered = json!([{ "name": "hub", "id": CENTRAL }]).to_string();
    let ended = program(&["accounts"])
        .env("ACCOUNT_REGISTRY", &registered)
        .env("ORGANIZATIONS_ACCOUNT", "hib")
        .run();
    assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{}", ended.err);
    assert!(
        ended.err.contains("ORGANIZATIONS_ACCOUNT: wrong value `hib`"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_adds_the_organizations_accounts_after_its_start_and_says_so() {
    let sandbox = Sandbox::new().await.unwrap();
    let listening = sandbox.listen().await.unwrap();
    let keys = sandbox.base_credentials();
    let registered = json!([central()]).to_string();
    let (mut running, client) = serve(&[
        ("ACCOUNT_REGISTRY", &registered),
        ("ORGANIZATIONS_ACCOUNT", "central"),
        ("AWS_ENDPOINT_URL", &listening.endpoint),
        ("AWS_ACCESS_KEY_ID", keys.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key()),
        ("AWS_SESSION_TOKEN", keys.session_token().unwrap_or_default()),
    ]);
    let line: Value = serde_json::from_str(&running.err_line_of_all(READ_AGAIN)).unwrap();
    assert_eq!(
        (text(&line, "source"), &line["accounts"]),
        ("AWS Organizations", &json!(4))
    );
    assert_eq!(names(&client).await, ["production", "staging", "development"]);
    let body = client.call("list_secrets", json!({ "accounts": ["all"] })).await;
    assert_eq!(body["summary"], json!({ "targets": 3, "ok": 3, "failed": 0 }), "{body}");
}
