//! The accounts' hosted zones, under names that are reserved for examples.

use serde_json::{Value, json};

use crate::sandbox::{Inner, route53::Zone, value::set};

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
        production(public),
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
        staging(),
    );
    zone(
        "333333333333",
        "Z0STAGETENANTS000002",
        "tenants.staging.acme.example",
        "One record a tenant",
        None,
        tenants(),
    );
    let records = vec![simple("dev.acme.example", "A", &["203.0.113.30"])];
    zone(
        "444444444444",
        "Z0DEVPUBLIC000000001",
        "dev.acme.example",
        "Development",
        None,
        records,
    );
}

fn production(zone: &str) -> Vec<Value> {
    let weighted = |group: &str, weight: &str, address: &str| {
        let mut record = simple("api.acme.example", "A", &[address]);
        set(&mut record, "SetIdentifier", group);
        set(&mut record, "Weight", weight);
        record
    };
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
        weighted("blue", "90", "203.0.113.11"),
        weighted("green", "10", "203.0.113.12"),
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
