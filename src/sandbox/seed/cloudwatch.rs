//! The accounts' alarms and metrics. What they show is a function of the time, so that there is always a last hour.

use serde_json::{Value, json};

use super::{REGION, set};

/// Since when production's API fails, before the sandbox was built.
pub(in crate::sandbox) const INCIDENT: i64 = 20 * 60;
const DAY: i64 = 86_400;

/// A metric and how its values come about.
pub(in crate::sandbox) struct Series {
    pub(in crate::sandbox) namespace: &'static str,
    pub(in crate::sandbox) name: &'static str,
    pub(in crate::sandbox) dimensions: Vec<(&'static str, String)>,
    pub(in crate::sandbox) unit: &'static str,
    /// The value of a quiet minute at noon.
    pub(in crate::sandbox) base: f64,
    /// What the incident adds.
    pub(in crate::sandbox) incident: f64,
    /// Whether there has been data in the last hours.
    pub(in crate::sandbox) active: bool,
}

pub(super) fn operate(_: &str) -> Vec<Value> {
    vec![json!({
        "Effect": "Allow",
        "Action": [
            "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory", "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics",
        ],
        "Resource": "*",
    })]
}

fn prefix(account: &str) -> &'static str {
    match account {
        "222222222222" => "prod",
        "333333333333" => "staging",
        _ => "dev",
    }
}

fn is_workload(account: &str) -> bool {
    matches!(account, "222222222222" | "333333333333" | "444444444444")
}

/// What an account measures.
pub(in crate::sandbox) fn metrics(account: &str, region: &str) -> Vec<Series> {
    if region != REGION || !is_workload(account) {
        return Vec::new();
    }
    let env = prefix(account);
    let production = env == "prod";
    let load = if production { 10.0 } else { 1.0 };
    let series = |namespace, name, dimensions: &[(&'static str, String)], unit, base, incident| Series {
        namespace,
        name,
        dimensions: dimensions.to_vec(),
        unit,
        base,
        incident: if production { incident } else { 0.0 },
        active: true,
    };
    let balancer = [("LoadBalancer", format!("app/{env}-api/50dc6c495c0c9188"))];
    let database = [("DBInstanceIdentifier", "orders-db".to_owned())];
    let function = [("FunctionName", "checkout".to_owned())];
    let service = [
        ("ClusterName", format!("{env}-main")),
        ("ServiceName", "api".to_owned()),
    ];
    let (elb, rds, lambda, ecs) = ("AWS/ApplicationELB", "AWS/RDS", "AWS/Lambda", "AWS/ECS");
    let mut all = vec![
        series(elb, "RequestCount", &balancer, "Count", 420.0 * load, 0.0),
        series(elb, "HTTPCode_Target_5XX_Count", &balancer, "Count", 0.2 * load, 61.0),
        series(elb, "TargetResponseTime", &balancer, "Seconds", 0.085, 1.9),
        series(rds, "CPUUtilization", &database, "Percent", 34.0, 9.0),
        series(rds, "DatabaseConnections", &database, "Count", 8.0 * load, 22.0),
        series(rds, "FreeableMemory", &database, "Bytes", 3.2e9, 0.0),
        series(lambda, "Invocations", &function, "Count", 12.0 * load, 0.0),
        series(lambda, "Errors", &function, "Count", 0.05 * load, 7.0),
        series(lambda, "Duration", &function, "Milliseconds", 240.0, 2100.0),
        series(ecs, "CPUUtilization", &service, "Percent", 41.0, 12.0),
        series(ecs, "MemoryUtilization", &service, "Percent", 58.0, 0.0),
        series("Acme/Checkout", "OrdersPlaced", &[], "None", 3.0 * load, -2.4 * load),
    ];
    for host in ["web-1", "web-2"] {
        let disk = [("host", host.to_owned()), ("path", "/".to_owned())];
        let full = if env == "staging" { 93.0 } else { 47.0 };
        all.push(series("CWAgent", "disk_used_percent", &disk, "Percent", full, 0.0));
    }
    all.push(Series {
        active: false,
        ..series(
            "Acme/Nightly",
            "RowsExported",
            &[("Job", "ledger-export".to_owned())],
            "Count",
            900.0,
            0.0,
        )
    });
    if env == "staging" {
        // More than a page of ListMetrics.
        let tenants = (1..=620).map(|n| [("Tenant", format!("tenant-{n:03}"))]);
        all.extend(tenants.map(|tenant| series("Acme/Tenants", "ActiveUsers", &tenant, "Count", 12.0, 0.0)));
    }
    all
}

/// An account's alarms, as DescribeAlarms has them. `began` is when the sandbox was built, in seconds.
pub(in crate::sandbox) fn alarms(account: &str, region: &str, began: i64) -> Vec<Value> {
    if region != REGION || !is_workload(account) {
        return Vec::new();
    }
    let env = prefix(account);
    let at = |name: &str, state: &str, since: i64, reason: &str| {
        let topic = format!("arn:aws:sns:{REGION}:{account}:{env}-oncall");
        json!({
            "AlarmName": name,
            "AlarmArn": format!("arn:aws:cloudwatch:{REGION}:{account}:alarm:{name}"),
            "ActionsEnabled": true, "OKActions": [], "AlarmActions": [topic], "InsufficientDataActions": [],
            "StateValue": state, "StateReason": reason,
            "StateUpdatedTimestamp": began - since, "StateTransitionedTimestamp": began - since,
            "AlarmConfigurationUpdatedTimestamp": began - 60 * DAY,
        })
    };
    let metric = |mut alarm: Value, metric: [&str; 2], dimensions: Value, rule: (&str, &str, f64), when: [i64; 3]| {
        let [period, of, out_of] = when;
        let dimensions: Vec<Value> = dimensions
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| json!({ "Name": name, "Value": value }))
            .collect();
        for (key, value) in [
            ("Namespace", json!(metric[0])),
            ("MetricName", json!(metric[1])),
            ("Dimensions", json!(dimensions)),
            ("Statistic", json!(rule.0)),
            ("ComparisonOperator", json!(rule.1)),
            ("Threshold", json!(rule.2)),
            ("Period", json!(period)),
            ("DatapointsToAlarm", json!(of)),
            ("EvaluationPeriods", json!(out_of)),
            ("TreatMissingData", json!("missing")),
        ] {
            set(&mut alarm, key, value);
        }
        alarm
    };
    let crossed = "Threshold Crossed: 3 out of the last 3 datapoints were greater than the threshold";
    let calm = "Threshold Crossed: 1 datapoint was not greater than the threshold";
    let (greater, less) = ("GreaterThanThreshold", "LessThanThreshold");
    let database = json!({ "DBInstanceIdentifier": "orders-db" });
    let cpu = metric(
        at(
            &format!("{env}-orders-db-cpu"),
            "OK",
            9 * DAY,
            &format!("{calm} (80.0)."),
        ),
        ["AWS/RDS", "CPUUtilization"],
        database,
        ("Average", greater, 80.0),
        [300, 3, 3],
    );
    match env {
        "prod" => {
            let balancer = json!({ "LoadBalancer": "app/prod-api/50dc6c495c0c9188" });
            let mut errors = metric(
                at(
                    "prod-api-5xx-rate",
                    "ALARM",
                    INCIDENT,
                    &format!("{crossed} (25.0): 63.0, 62.0, 58.0."),
                ),
                ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"],
                balancer,
                ("Sum", greater, 25.0),
                [60, 3, 3],
            );
            set(
                &mut errors,
                "AlarmDescription",
                "The API answers with errors. Runbook: https://runbooks.acme.example/api-5xx",
            );
            let reason = "arn:aws:cloudwatch:us-east-1:222222222222:alarm:prod-api-5xx-rate transitioned to ALARM";
            let mut outage = at("prod-checkout-outage", "ALARM", INCIDENT - 60, reason);
            let rule = "ALARM(\"prod-api-5xx-rate\") AND NOT ALARM(\"prod-deployment-running\")";
            set(&mut outage, "AlarmRule", rule);
            let running = metric(
                at("prod-deployment-running", "OK", 3 * DAY, &format!("{calm} (0.0).")),
                ["Acme/Deploy", "Running"],
                json!({}),
                ("Maximum", greater, 0.0),
                [60, 1, 1],
            );
            let export = metric(
                at(
                    "prod-ledger-export-rows",
                    "INSUFFICIENT_DATA",
                    2 * DAY,
                    "Insufficient Data: 1 datapoint was unknown.",
                ),
                ["Acme/Nightly", "RowsExported"],
                json!({ "Job": "ledger-export" }),
                ("Sum", less, 1.0),
                [3600, 1, 1],
            );
            vec![outage, errors, running, export, cpu]
        }
        "staging" => {
            let mut disk = metric(
                at(
                    "staging-web-1-disk",
                    "ALARM",
                    5 * 3600,
                    &format!("{crossed} (90.0): 93.1, 93.0, 92.8."),
                ),
                ["CWAgent", "disk_used_percent"],
                json!({ "host": "web-1", "path": "/" }),
                ("Average", greater, 90.0),
                [300, 3, 3],
            );
            set(&mut disk, "ActionsEnabled", false);
            // More than a page of DescribeAlarms.
            let tenants = (1..=130).map(|n| {
                metric(
                    at(
                        &format!("staging-tenant-{n:03}-users"),
                        "OK",
                        12 * DAY,
                        &format!("{calm} (500.0)."),
                    ),
                    ["Acme/Tenants", "ActiveUsers"],
                    json!({ "Tenant": format!("tenant-{n:03}") }),
                    ("Maximum", greater, 500.0),
                    [300, 1, 1],
                )
            });
            [disk, cpu].into_iter().chain(tenants).collect()
        }
        _ => {
            let worker = metric(
                at(
                    "dev-checkout-errors",
                    "ALARM",
                    2 * 3600,
                    &format!("{crossed} (0.0): 1.0, 2.0, 1.0."),
                ),
                ["AWS/Lambda", "Errors"],
                json!({ "FunctionName": "checkout" }),
                ("Sum", greater, 0.0),
                [300, 3, 5],
            );
            let mut queue = at(
                "dev-queue-backlog",
                "ALARM",
                3600,
                "Thresholds Crossed: 1 datapoint was greater than the upper thresholds.",
            );
            for (key, value) in [
                ("ComparisonOperator", json!("GreaterThanUpperThreshold")),
                ("ThresholdMetricId", json!("ad1")),
                ("EvaluationPeriods", json!(2)),
                (
                    "Metrics",
                    json!([
                        { "Id": "m1", "ReturnData": true, "MetricStat": { "Metric": { "Namespace": "AWS/SQS",
                            "MetricName": "ApproximateNumberOfMessagesVisible",
                            "Dimensions": [{ "Name": "QueueName", "Value": "jobs" }] }, "Period": 300, "Stat": "Average" } },
                        { "Id": "ad1", "ReturnData": true, "Expression": "ANOMALY_DETECTION_BAND(m1, 2)" },
                    ]),
                ),
            ] {
                set(&mut queue, key, value);
            }
            vec![worker, queue, cpu]
        }
    }
}
