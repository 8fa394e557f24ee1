//! The accounts' hosted zones, under names that are reserved for examples.

use serde_json::{Value, json};

use crate::sandbox::{
    Inner,
    route53::{HealthCheck, Zone},
    value::set,
};

/// Staging's tenants: enough for a second page of `ListResourceRecordSets`.
const TENANTS: usize = 320;

pub(super) fn fill(sandbox: &Inner) {
    let route53 = &sandbox.route53;
    let zone = |account: &str, id: &str, name: &str, comment: &str, vpc: Option<&str>, records: Vec<Value>| {
        let zone = Zone {
            id: id.to_owned(),
            name: format!("{name}."),
            reference: format!("terraform-{id}"),
            comment: Some(comment.to_owned()),
            vpc: vpc.map(|vpc| (vpc.to_owned(), "us-east-1".to_owned())),
            records: [].into(),
        };
        route53.insert(account, zone, &records);
    };
    let public = "Z0PRODPUBLIC00000001";
    zone(
        "222222222222",
        public,
        "acme.example",
        "The public zone",
        None,
        [
            production(public),
            failover("222222222222", "acme.example", "203.0.113"),
        ]
        .concat(),
    );
    let private = private("10.20", "production");
    zone(
        "222222222222",
        "Z0PRODPRIVATE0000002",
        "prod.acme.internal",
        "Services",
        Some("vpc-0prod1"),
        private,
    );
    zone(
        "333333333333",
        "Z0STAGEPUBLIC0000001",
        "staging.acme.example",
        "Staging",
        None,
        [
            staging(),
            failover("333333333333", "staging.acme.example", "198.51.100"),
        ]
        .concat(),
    );
    zone(
        "333333333333",
        "Z0STAGETENANTS000002",
        "tenants.staging.acme.example",
        "One record a tenant",
        None,
        tenants(),
    );
    let mut records = vec![simple("dev.acme.example", "A", &["203.0.113.30"])];
    records.extend(["blue", "green"].map(|group| {
        let blue = group == "blue";
        weighted(
            "api.dev.acme.example",
            group,
            if blue { "100" } else { "0" },
            if blue { "203.0.113.31" } else { "203.0.113.32" },
        )
    }));
    records.extend(failover("444444444444", "dev.acme.example", "203.0.113"));
    zone(
        "444444444444",
        "Z0DEVPUBLIC000000001",
        "dev.acme.example",
        "Development",
        None,
        records,
    );
    for (account, domain) in [
        ("222222222222", "acme.example"),
        ("333333333333", "staging.acme.example"),
        ("444444444444", "dev.acme.example"),
    ] {
        health_checks(sandbox, account, domain);
    }
}

/// What the tools need beside the records.
pub(super) fn operate() -> Vec<Value> {
    vec![
        json!({
            "Effect": "Allow",
            "Action": [
                "route53:CreateHostedZone", "route53:ListHealthChecks", "route53:TestDNSAnswer", "ec2:DescribeVpcs",
            ],
            "Resource": "*",
        }),
        json!({ "Effect": "Allow", "Action": "route53:DeleteHostedZone", "Resource": "arn:aws:route53:::hostedzone/*" }),
        json!({ "Effect": "Allow", "Action": "route53:GetHealthCheckStatus", "Resource": "arn:aws:route53:::healthcheck/*" }),
    ]
}

/// A check's id: the first is of the primary, the second of the standby, the third of a service that is down, the fourth of all.
fn check_id(account: &str, number: u8) -> String {
    let start = account.get(..8).unwrap_or_default();
    format!("{start}-5afe-4000-8000-00000000000{number}")
}

fn health_checks(sandbox: &Inner, account: &str, domain: &str) {
    let endpoint = |number, host: &str, failing| HealthCheck {
        id: check_id(account, number),
        config: json!({
            "Type": "HTTPS", "FullyQualifiedDomainName": format!("{host}.{domain}"), "Port": 443, "ResourcePath": "/health",
            "RequestInterval": 30, "FailureThreshold": 3, "MeasureLatency": false, "Inverted": false, "Disabled": false,
            "EnableSNI": true,
        }),
        failing,
    };
    let all = HealthCheck {
        id: check_id(account, 4),
        config: json!({
            "Type": "CALCULATED", "HealthThreshold": 1, "Inverted": false, "Disabled": false,
            "ChildHealthChecks": { "ChildHealthCheck": [check_id(account, 1), check_id(account, 2)] },
        }),
        failing: 0,
    };
    for check in [
        endpoint(1, "checkout-a", 1),
        endpoint(2, "checkout-b", 0),
        endpoint(3, "legacy", 15),
        all,
    ] {
        sandbox.route53.insert_check(account, check);
    }
}

/// A pair of which the second answers when the first is down.
fn failover(account: &str, domain: &str, network: &str) -> Vec<Value> {
    let one = |role: &str, set_identifier: &str, address: &str, check: u8| {
        let mut record = simple(&format!("checkout.{domain}"), "A", &[&format!("{network}.{address}")]);
        set(&mut record, "TTL", "60");
        set(&mut record, "SetIdentifier", set_identifier);
        set(&mut record, "Failover", role);
        set(&mut record, "HealthCheckId", check_id(account, check));
        record
    };
    vec![one("PRIMARY", "a", "41", 1), one("SECONDARY", "b", "42", 2)]
}

fn weighted(name: &str, group: &str, weight: &str, address: &str) -> Value {
    let mut record = simple(name, "A", &[address]);
    set(&mut record, "SetIdentifier", group);
    set(&mut record, "Weight", weight);
    record
}

fn production(zone: &str) -> Vec<Value> {
    vec![
        simple("acme.example", "A", &["203.0.113.10"]),
        simple("acme.example", "AAAA", &["2001:db8::10"]),
        simple("acme.example", "MX", &["10 mx1.acme.example.", "20 mx2.acme.example."]),
        simple(
            "acme.example",
            "TXT",
            &[
                "\"v=spf1 include:_spf.acme.example -all\"",
                "\"site-verification=4f2a\"",
            ],
        ),
        simple(
            "_dmarc.acme.example",
            "TXT",
            &["\"v=DMARC1; p=reject; rua=mailto:dmarc@acme.example\""],
        ),
        simple("mx1.acme.example", "A", &["203.0.113.25"]),
        simple("mx2.acme.example", "A", &["203.0.113.26"]),
        simple("status.acme.example", "CNAME", &["acme.statuspage.example."]),
        simple("*.apps.acme.example", "CNAME", &["ingress.acme.example."]),
        simple("ingress.acme.example", "A", &["203.0.113.20", "203.0.113.21"]),
        json!({
            "Name": "www.acme.example.", "Type": "A",
            "AliasTarget": { "HostedZoneId": zone, "DNSName": "acme.example.", "EvaluateTargetHealth": "false" },
        }),
        weighted("api.acme.example", "blue", "90", "203.0.113.11"),
        weighted("api.acme.example", "green", "10", "203.0.113.12"),
    ]
}

fn private(network: &str, environment: &str) -> Vec<Value> {
    let named = |name: &str| format!("{name}.prod.acme.internal");
    vec![
        simple(
            &named("payments-db"),
            "CNAME",
            &[&format!("payments-primary.{environment}.db.acme.example.")],
        ),
        simple(&named("cache"), "A", &[&format!("{network}.4.17")]),
        simple(
            &named("kafka"),
            "A",
            &[&format!("{network}.5.11"), &format!("{network}.5.12")],
        ),
    ]
}

fn staging() -> Vec<Value> {
    vec![
        simple("staging.acme.example", "A", &["198.51.100.10"]),
        simple("www.staging.acme.example", "CNAME", &["staging.acme.example."]),
        simple("api.staging.acme.example", "A", &["198.51.100.11"]),
    ]
}

fn tenants() -> Vec<Value> {
    let record = |n: usize| {
        let name = format!("t-{n:03}.tenants.staging.acme.example");
        simple(&name, "A", &[&format!("198.51.100.{}", n % 254 + 1)])
    };
    (1..=TENANTS).map(record).collect()
}

fn simple(name: &str, kind: &str, values: &[&str]) -> Value {
    let values: Vec<_> = values.iter().map(|value| json!({ "Value": value })).collect();
    json!({ "Name": name, "Type": kind, "TTL": "300", "ResourceRecords": { "ResourceRecord": values } })
}
