//! Every tool, over real HTTP with real signatures: called so that it works, and with what must fail.
//!
//! Each toolset has a file with its calls: the actions that each needs and how it ends. `iam.rs` takes the actions away one by one;
//! here each list is read page by page, and each tool meets a service that throttles, arguments that don't exist and a role that
//! may do nothing. A tool that has no call in the table, or none that succeeds where the tests run, fails the build.

pub(crate) mod accounts;
pub(crate) mod organizations;
pub(crate) mod cloud_control;
pub(crate) mod cloudtrail;
pub(crate) mod cloudwatch;
pub(crate) mod logs;
#[cfg(feature = "ec2")]
pub(crate) mod ec2;
pub(crate) mod iam;
pub(crate) mod route53;
pub(crate) mod s3;
pub(crate) mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use aws_ops_mcp::server::Catalogue;
use serde_json::{Value, json};

use crate::support::{
    calls::Calls,
    iam::Proof,
    world::{MANAGEMENT_ROLE, World, skipped},
};

/// A call, the actions that it can't do without, and how it ends with them.
pub(crate) struct Step {
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    pub(crate) needs: &'static [&'static str],
    /// `ok`, or the code of the error.
    pub(crate) ends: &'static str,
    /// What it can do without: the answer then says what was denied.
    pub(crate) tells: &'static [&'static str],
    /// What the call itself does not do, but what it gives is for.
    pub(crate) hands_out: &'static [&'static str],
    /// What the other emulator does not ask for, although AWS does.
    pub(crate) unasked: &'static [&'static str],
    /// What it also needs, where these calls can't bring that about: a test of the tool proves it.
    pub(crate) besides: &'static [&'static str],
    /// Why the other emulator can't do it.
    pub(crate) only_here: Option<&'static str>,
    /// Why its pages say nothing there.
    pub(crate) unpaged: Option<&'static str>,
}

impl Step {
    /// A call in development.
    pub(crate) fn new(
        tool: &'static str,
        arguments: Value,
        needs: &'static [&'static str],
        ends: &'static str,
    ) -> Self {
        Self {
            tool,
            arguments: here(arguments),
            needs,
            ends,
            tells: &[],
            hands_out: &[],
            unasked: &[],
            besides: &[],
            only_here: None,
            unpaged: None,
        }
    }

    /// One that works in no account.
    pub(crate) fn local(tool: &'static str, arguments: Value) -> Self {
        let mut step = Self::new(tool, arguments, &[], "ok");
        step.arguments.as_object_mut().unwrap().remove("account");
        step
    }

    /// A call in the management account.
    pub(crate) fn in_management(
        tool: &'static str,
        arguments: Value,
        needs: &'static [&'static str],
        ends: &'static str,
    ) -> Self {
        let mut step = Self::local(tool, arguments);
        step.arguments["role_arn"] = json!(MANAGEMENT_ROLE);
        Self { needs, ends, ..step }
    }

    pub(crate) fn tells(mut self, actions: &'static [&'static str]) -> Self {
        self.tells = actions;
        self
    }

    pub(crate) fn hands_out(mut self, actions: &'static [&'static str]) -> Self {
        self.hands_out = actions;
        self
    }

    /// Every action that it is in the table for.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &'static str> {
        [self.needs, self.tells, self.hands_out, self.besides]
            .into_iter()
            .flatten()
            .copied()
    }

    pub(crate) fn unasked(mut self, actions: &'static [&'static str]) -> Self {
        self.unasked = actions;
        self
    }

    pub(crate) fn besides(mut self, actions: &'static [&'static str]) -> Self {
        self.besides = actions;
        self
    }

    pub(crate) fn only_here(mut self, why: &'static str) -> Self {
        self.only_here = Some(why);
        self
    }

    pub(crate) fn unpaged(mut self, why: &'static str) -> Self {
        self.unpaged = Some(why);
        self
    }

    /// Whether it can run where the tests run.
    pub(crate) fn runs(&self, elsewhere: bool) -> bool {
        !elsewhere || self.only_here.is_none()
    }
}

/// What the calls of one round work on, by name: made through the tools themselves, while the role may do everything.
#[derive(Default)]
pub(crate) struct Things(BTreeMap<&'static str, String>);

impl Things {
    pub(crate) async fn new(world: &impl Calls) -> Self {
        Self::of(world, |_| true).await
    }

    /// Only what the calls of these toolsets work on.
    pub(crate) async fn of(world: &impl Calls, wanted: impl Fn(&str) -> bool) -> Self {
        let mut things = Self::default();
        if wanted("secrets") {
            secrets::prepare(world, &mut things).await;
        }
        if wanted("s3") {
            s3::prepare(world, &mut things).await;
        }
        if wanted("route53") {
            route53::prepare(world, &mut things).await;
        }
        if wanted("cloud_control") {
            cloud_control::prepare(world, &mut things).await;
        }
        if wanted("organizations") {
            organizations::prepare(world, &mut things).await;
        }
        #[cfg(feature = "ec2")]
        if wanted("ec2") {
            ec2::prepare(world, &mut things).await;
        }
        things
    }

    /// Takes away what was made.
    pub(crate) async fn forget(&self, world: &impl Calls) {
        secrets::forget(world, self).await;
        route53::forget(world, self).await;
        s3::forget(world).await;
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }

    /// Empty for a look at the table only.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// Every tool, called in each way that needs other actions or ends in another way.
pub(crate) fn steps(things: &Things) -> Vec<Step> {
    [
        accounts::steps(),
        cloudwatch::steps(),
        logs::steps(),
        secrets::steps(things),
        route53::steps(things),
        s3::steps(things),
        iam::steps(),
        organizations::steps(things),
        cloud_control::steps(things),
        cloudtrail::steps(),
        #[cfg(feature = "ec2")]
        ec2::steps(things),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn here(mut arguments: Value) -> Value {
    arguments["account"] = json!("development");
    arguments
}

/// The first call of each tool that succeeds.
fn first_successes(things: &Things, elsewhere: bool) -> BTreeMap<&'static str, Step> {
    let mut found = BTreeMap::new();
    for step in steps(things) {
        if step.ends == "ok" && step.runs(elsewhere) {
            found.entry(step.tool).or_insert(step);
        }
    }
    found
}

/// Their arguments.
pub(crate) fn successes(things: &Things, elsewhere: bool) -> BTreeMap<&'static str, Value> {
    let steps = first_successes(things, elsewhere).into_iter();
    steps.map(|(tool, step)| (tool, step.arguments)).collect()
}

#[tokio::test]
async fn every_tool_succeeds_somewhere_and_the_table_says_where() {
    let mut table = String::new();
    let mut nowhere = Vec::new();
    let things = Things::default();
    for tool in Catalogue::new(true).unwrap().tools() {
        let steps = || steps(&things).into_iter().filter(|s| s.tool == tool.name);
        let runs = |elsewhere: bool| steps().any(|s| s.ends == "ok" && s.runs(elsewhere));
        let errors: BTreeSet<&str> = steps().map(|s| s.ends).filter(|e| *e != "ok").collect();
        let mark = |yes: bool| if yes { "x" } else { "-" };
        table += &format!(
            "{:<34} {:<8} {:<10} {errors:?}\n",
            tool.name,
            mark(runs(false)),
            mark(runs(true))
        );
        if !runs(false) && !runs(true) {
            nowhere.push(tool.name.to_string());
        }
    }
    println!(
        "{:<34} sandbox  ministack  errors besides the common ones\n{table}",
        "tool"
    );
    assert!(nowhere.is_empty(), "these ran nowhere: {nowhere:?}");
}

#[tokio::test]
async fn every_list_comes_page_by_page_as_it_comes_whole() {
    let world = World::new().await;
    let things = Things::new(&world).await;
    let elsewhere = Proof::is_elsewhere();
    for tool in Catalogue::new(true).unwrap().tools() {
        let pages = tool.input_schema["properties"].get("next_token").is_some();
        let Some(step) = first_successes(&things, elsewhere).remove(tool.name.as_ref()) else {
            continue;
        };
        if !pages || (elsewhere && step.unpaged.is_some()) {
            continue;
        }
        let arguments = step.arguments;
        let whole = world.ok(&tool.name, arguments.clone()).await;
        let (name, items) = whole
            .as_object()
            .unwrap()
            .iter()
            .find_map(|(name, value)| Some((name.clone(), value.as_array()?.clone())))
            .unwrap_or_else(|| panic!("{}: no list in {whole}", tool.name));
        assert!(!items.is_empty(), "{}: nothing to page through in {whole}", tool.name);
        let pages = world.pages(&tool.name, arguments, 1, &name).await;
        let count: usize = pages.iter().map(Vec::len).sum();
        assert!(
            count >= items.len(),
            "{}: {count} of {} by pages",
            tool.name,
            items.len()
        );
        assert!(pages.iter().all(|p| p.len() <= 1), "{}: more than asked", tool.name);
    }
    things.forget(&world).await;
}

#[tokio::test]
async fn every_tool_names_an_argument_that_it_does_not_have() {
    let world = World::new().await;
    let things = Things::default();
    for (tool, mut arguments) in successes(&things, false) {
        arguments["no_such_argument"] = json!(1);
        let error = world.fails("invalid_input", tool, arguments).await;
        assert!(
            error["message"].as_str().unwrap().contains("no_such_argument"),
            "{tool}: {error}"
        );
    }
}

#[tokio::test]
async fn every_tool_says_that_the_role_may_not() {
    let proof = Proof::new().await;
    let anything =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    proof.allow(&anything).await;
    let things = Things::new(&proof.world).await;
    let nothing =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*", "Resource": "*" }] });
    proof.allow(&nothing).await;
    for step in steps(&things)
        .into_iter()
        .filter(|s| s.ends == "ok" && s.runs(proof.elsewhere()))
    {
        if step.needs.is_empty() || step.needs.iter().all(|n| proof.elsewhere() && step.unasked.contains(n)) {
            continue;
        }
        let arguments = proof.arguments(&step);
        let error = proof.world.fails("access_denied", step.tool, arguments).await;
        assert!(error["hint"].is_string(), "{}: {error}", step.tool);
    }
}

#[tokio::test]
async fn every_tool_says_that_aws_throttled_it() {
    let Some(world) = World::sandbox(&[]).await else {
        return skipped("only the sandbox throttles when it is told to");
    };
    let things = Things::new(&world).await;
    world.accounts().throttle(true);
    let calls = successes(&things, false)
        .into_iter()
        .filter(|(_, a)| ["account", "role_arn"].iter().any(|key| a.get(key).is_some()));
    let calls = calls.filter(|(tool, _)| *tool != "get_caller_identity");
    let answers = calls.map(async |(tool, arguments)| (tool, world.call(tool, arguments).await));
    for (tool, body) in futures::future::join_all(answers).await {
        assert_eq!(body["error"]["code"], json!("throttled"), "{tool}: {body}");
        assert_eq!(body["error"]["retryable"], json!(true), "{tool}: {body}");
    }
}
