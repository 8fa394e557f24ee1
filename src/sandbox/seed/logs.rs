//! The accounts' log groups. What happened in them is a function of the time, so that there is always a last hour.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use super::{REGION, cloudwatch::INCIDENT};

/// A group, and how often something happens in it.
pub(in crate::sandbox) struct Group {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) retention: Option<i64>,
    pub(in crate::sandbox) stored: i64,
    /// Seconds between two events.
    pub(in crate::sandbox) every: i64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lambda,
    Api,
    Postgres,
    Flow,
}

/// One event.
#[derive(Clone)]
pub(in crate::sandbox) struct Event {
    /// Milliseconds.
    pub(in crate::sandbox) time: i64,
    pub(in crate::sandbox) stream: String,
    pub(in crate::sandbox) message: String,
}

pub(super) fn operate(account: &str) -> Vec<Value> {
    vec![
        json!({
            "Effect": "Allow",
            "Action": ["logs:DescribeLogGroups", "logs:FilterLogEvents", "logs:StartQuery"],
            "Resource": format!("arn:aws:logs:*:{account}:log-group:*"),
        }),
        json!({ "Effect": "Allow", "Action": ["logs:GetQueryResults", "logs:StopQuery"], "Resource": "*" }),
    ]
}

/// An account's groups, by name.
pub(in crate::sandbox) fn groups(account: &str, region: &str) -> Vec<Group> {
    if region != REGION || !matches!(account, "222222222222" | "333333333333" | "444444444444") {
        return Vec::new();
    }
    let group = |name: &str, retention, stored, every, kind| Group {
        name: name.to_owned(),
        retention,
        stored,
        every,
        kind,
    };
    let mut all = vec![
        group("/aws/lambda/checkout", Some(30), 48_318_382, 60, Kind::Lambda),
        group(
            "/aws/rds/instance/orders-db/postgresql",
            None,
            921_483_120,
            120,
            Kind::Postgres,
        ),
        // So much that no query of it ends while anybody waits.
        group("/aws/vpc/flow-logs", None, 4_611_686_018_427, 1, Kind::Flow),
        group("/ecs/api", Some(14), 7_340_032_512, 30, Kind::Api),
    ];
    if account == "333333333333" {
        // More than a page of DescribeLogGroups.
        let tenants = (1..=60).map(|n| format!("/aws/lambda/tenant-{n:03}"));
        all.extend(tenants.map(|name| group(&name, Some(7), 1_048_576, 600, Kind::Lambda)));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

impl Group {
    /// Whether queries of it take longer than anybody waits.
    pub(in crate::sandbox) fn is_huge(&self) -> bool {
        self.kind == Kind::Flow
    }

    /// What happened from the one second until before the other, the oldest first. `began` is when the sandbox was built.
    pub(in crate::sandbox) fn events(&self, account: &str, from: i64, until: i64, began: i64) -> Vec<Event> {
        if self.is_huge() {
            return Vec::new();
        }
        // A day of events is enough to look at.
        let from = from.max(until - 86_400).div_euclid(self.every) + 1;
        (from..=until.div_euclid(self.every))
            .filter(|n| n * self.every < until)
            .flat_map(|n| self.event(account, n, began))
            .collect()
    }

    fn event(&self, account: &str, n: i64, began: i64) -> Vec<Event> {
        let mut hasher = DefaultHasher::new();
        (account, &self.name, n).hash(&mut hasher);
        let hash = hasher.finish();
        let time = n * self.every * 1000 + i64::try_from(hash % 900).unwrap_or_default();
        let failing = account == "222222222222" && n * self.every >= began - INCIDENT - 180;
        let fails = hash.is_multiple_of(if failing { 3 } else { 40 });
        let took = hash % 180 + if fails { 2900 } else { 12 };
        let id = uuid::Uuid::from_u64_pair(hash, hash.rotate_left(17));
        let stream = match self.kind {
            Kind::Lambda => format!("2026/[$LATEST]{:08x}", hash % 2),
            Kind::Api => format!("api/api/{}", if hash.is_multiple_of(2) { "4f1c" } else { "9b27" }),
            _ => "orders-db.0".to_owned(),
        };
        let message = match (self.kind, fails) {
            (Kind::Lambda, true) => format!(
                "{{\"level\":\"ERROR\",\"requestId\":\"{id}\",\"message\":\"payment failed: timeout after 2900 ms waiting for orders-db\",\"duration_ms\":{took}}}"
            ),
            (Kind::Lambda, false) => format!(
                "{{\"level\":\"INFO\",\"requestId\":\"{id}\",\"message\":\"order placed\",\"duration_ms\":{took}}}"
            ),
            (Kind::Api, true) => format!(
                "{{\"level\":\"error\",\"request_id\":\"{id}\",\"method\":\"POST\",\"path\":\"/orders\",\"status\":502,\"latency_ms\":{took},\"error\":\"upstream timeout\"}}"
            ),
            (Kind::Api, false) => format!(
                "{{\"level\":\"info\",\"request_id\":\"{id}\",\"method\":\"GET\",\"path\":\"/orders\",\"status\":200,\"latency_ms\":{took}}}"
            ),
            (_, true) => format!(
                "FATAL:  remaining connection slots are reserved for non-replication superuser connections [{}]",
                hash % 30_000
            ),
            (_, false) => format!(
                "LOG:  duration: {took}.114 ms  statement: SELECT * FROM orders WHERE id = $1 [{}]",
                hash % 30_000
            ),
        };
        vec![Event { time, stream, message }]
    }
}
