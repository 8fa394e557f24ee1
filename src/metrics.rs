//! What is counted, for Prometheus: the process's own numbers, as the log is the process's own.
//!
//! Names and labels are a contract with the Helm chart's alerts and dashboard. No label value is what a client sent: each is one of a
//! fixed list, or the name of a tool or an environment, of which only so many are told apart.

mod labels;

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use labels::Names;
pub use labels::{Cause, Transport, service};

/// Upper ends of the durations' buckets in seconds. The chart asks about 10, 20 and 60.
const BUCKETS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
/// Environments that are told apart; what comes beyond is `other`.
const MOST_ENVIRONMENTS: usize = 32;
/// Forwarded tools that are told apart; what comes beyond is `other`.
const MOST_FORWARDED: usize = 64;

static OF_THE_PROCESS: OnceLock<Metrics> = OnceLock::new();

/// Every metric of a process.
pub struct Metrics {
    registry: Registry,
    tool_calls: IntCounterVec,
    durations: HistogramVec,
    targets: IntCounterVec,
    aws_calls: IntCounterVec,
    aws_throttles: IntCounterVec,
    assume_role: IntCounterVec,
    credential_cache: IntCounterVec,
    sessions: IntGaugeVec,
    in_flight: IntGauge,
    rejected: IntCounterVec,
    environments: Names,
    forwarded: Names,
}

/// A tool call that has ended.
#[derive(Clone, Copy, Debug)]
pub struct ToolCall<'a> {
    /// The tool's name.
    pub tool: &'a str,
    /// Whether it is another server's, so that there may be any number of names.
    pub forwarded: bool,
    /// What it may do, as its declaration says.
    pub access: &'static str,
    /// The environment of the account it worked in, as the registry names it.
    pub environment: &'a str,
    /// `ok` or the error's code.
    pub outcome: &'a str,
    /// How long it took.
    pub took: Duration,
}

/// Something that is counted as long as it is there.
#[derive(Debug)]
pub struct Held(Option<IntGauge>);

/// Counts from now on.
///
/// # Errors
/// A metric that can't be registered, which is a bug here.
pub fn start() -> Result<(), prometheus::Error> {
    let metrics = Metrics::new()?;
    // Whoever started it first has the same ones.
    let _ = OF_THE_PROCESS.set(metrics);
    Ok(())
}

/// The process's metrics; `None` if nobody asked for any, and then counting costs nothing.
pub fn current() -> Option<&'static Metrics> {
    OF_THE_PROCESS.get()
}

/// Counts, if anybody wants to know.
pub fn record(what: impl FnOnce(&Metrics)) {
    if let Some(metrics) = current() {
        what(metrics);
    }
}

/// Counts what is there for as long as the value lives, if anybody wants to know.
pub fn hold(what: impl FnOnce(&Metrics) -> Held) -> Held {
    current().map_or(Held(None), what)
}

impl Metrics {
    /// All of them at zero.
    ///
    /// # Errors
    /// One that can't be registered, which is a bug here.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "aws_ops_tool_call_duration_seconds",
                "How long tool calls took, all their AWS calls together",
            )
            .buckets(BUCKETS.to_vec()),
            &["tool", "access"],
        )?;
        registry.register(Box::new(durations.clone()))?;
        let sessions = IntGaugeVec::new(
            Opts::new("aws_ops_sessions", "MCP sessions that are open"),
            &["transport"],
        )?;
        registry.register(Box::new(sessions.clone()))?;
        let in_flight = IntGauge::new("aws_ops_requests_in_flight", "Tool calls that are being worked on")?;
        registry.register(Box::new(in_flight.clone()))?;
        let made = Self {
            tool_calls: counter(
                "aws_ops_tool_calls_total",
                "Tool calls that ended, by how they ended: ok or the error's code",
                &["tool", "access", "environment", "outcome"],
            )?,
            durations,
            targets: counter(
                "aws_ops_targets_total",
                "Targets of calls over several accounts or regions, by how each ended",
                &["environment", "outcome"],
            )?,
            aws_calls: counter(
                "aws_ops_aws_calls_total",
                "Requests to AWS, each attempt by itself, by how AWS answered",
                &["service", "outcome"],
            )?,
            aws_throttles: counter(
                "aws_ops_aws_throttles_total",
                "Requests to AWS that AWS throttled, those included that the SDK repeated with success",
                &["service"],
            )?,
            assume_role: counter(
                "aws_ops_assume_role_total",
                "Role sessions that were asked for, by how that ended",
                &["outcome"],
            )?,
            credential_cache: counter(
                "aws_ops_credential_cache_total",
                "Credentials that were wanted, by whether the cache had them",
                &["result"],
            )?,
            sessions,
            in_flight,
            rejected: counter(
                "aws_ops_requests_rejected_total",
                "Requests that were turned away before any tool ran",
                &["cause"],
            )?,
            environments: Names::new(MOST_ENVIRONMENTS),
            forwarded: Names::new(MOST_FORWARDED),
            registry: registry.clone(),
        };
        made.begin()?;
        Ok(made)
    }

    /// What never changes, and zeros where their absence would hide the first increase.
    fn begin(&self) -> Result<(), prometheus::Error> {
        let build =
            Opts::new("aws_ops_build_info", "The program's version").const_label("version", env!("CARGO_PKG_VERSION"));
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        self.registry.register(Box::new(build))?;
        let start = Gauge::new(
            "process_start_time_seconds",
            "When the process began to count, in seconds since 1970",
        )?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        start.set(now.unwrap_or_default().as_secs_f64());
        self.registry.register(Box::new(start))?;
        for outcome in ["ok", "credentials", "throttled", "unreachable"] {
            self.assume_role.get_metric_with_label_values(&[outcome])?;
        }
        for result in ["hit", "miss"] {
            self.credential_cache.get_metric_with_label_values(&[result])?;
        }
        for transport in Transport::ALL {
            self.sessions.get_metric_with_label_values(&[transport.as_str()])?;
        }
        for cause in Cause::ALL {
            self.rejected.get_metric_with_label_values(&[cause.as_str()])?;
        }
        Ok(())
    }

    /// All of them as Prometheus reads them, in its text format 0.0.4.
    ///
    /// # Errors
    /// A metric that can't be written, which is a bug here.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// A tool call ended.
    pub fn tool_call(&self, call: ToolCall<'_>) {
        let tool = if call.forwarded {
            self.forwarded.of(call.tool)
        } else {
            call.tool.to_owned()
        };
        let environment = self.environments.of(call.environment);
        add(&self.tool_calls, &[&tool, call.access, &environment, call.outcome]);
        if let Ok(durations) = self.durations.get_metric_with_label_values(&[&tool, call.access]) {
            durations.observe(call.took.as_secs_f64());
        }
    }

    /// One target of a call over several ended.
    pub fn target(&self, environment: &str, outcome: &str) {
        add(&self.targets, &[&self.environments.of(environment), outcome]);
    }

    /// AWS answered a request, or did not. `service` is one of [`service`]'s.
    pub fn aws_call(&self, service: &'static str, outcome: &'static str) {
        add(&self.aws_calls, &[service, outcome]);
        if outcome == "throttled" {
            add(&self.aws_throttles, &[service]);
        } else if let Ok(throttles) = self.aws_throttles.get_metric_with_label_values(&[service]) {
            // There from the first call on, so that the first throttled one is an increase.
            throttles.inc_by(0);
        }
    }

    /// A role session was asked for.
    pub fn assume_role(&self, outcome: &'static str) {
        add(&self.assume_role, &[outcome]);
    }

    /// Credentials were wanted.
    pub fn credentials(&self, in_cache: bool) {
        add(&self.credential_cache, &[if in_cache { "hit" } else { "miss" }]);
    }

    /// A request was turned away.
    pub fn rejected(&self, cause: Cause) {
        add(&self.rejected, &[cause.as_str()]);
    }

    /// A session, as long as the value lives.
    pub fn session(&self, transport: Transport) -> Held {
        Held::of(self.sessions.get_metric_with_label_values(&[transport.as_str()]).ok())
    }

    /// A tool call that is being worked on, as long as the value lives.
    pub fn in_flight(&self) -> Held {
        Held::of(Some(self.in_flight.clone()))
    }
}

impl Held {
    fn of(gauge: Option<IntGauge>) -> Self {
        if let Some(gauge) = &gauge {
            gauge.inc();
        }
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }
}

/// One more. The labels' number is right, or the tests would have said so; a count is no reason to fail a request.
fn add(counter: &IntCounterVec, labels: &[&str]) {
    if let Ok(counter) = counter.get_metric_with_label_values(labels) {
        counter.inc();
    }
}

#[cfg(test)]
mod tests;
