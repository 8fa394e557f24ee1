use aws_sdk_route53::{
    operation::list_resource_record_sets::ListResourceRecordSetsOutput,
    types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType},
};

use crate::sandbox::{
    Sandbox,
    testing::{Clients, DEVELOPMENT, PRODUCTION, STAGING, failure},
};

const PUBLIC: &str = "Z0PRODPUBLIC00000001";
const TENANTS: &str = "Z0STAGETENANTS000002";
const DEV: &str = "Z0DEVPUBLIC000000001";

fn record(name: &str, kind: RrType, values: &[&str]) -> ResourceRecordSet {
    let values = values
        .iter()
        .map(|v| ResourceRecord::builder().value(*v).build().unwrap())
        .collect();
    ResourceRecordSet::builder()
        .name(name)
        .r#type(kind)
        .ttl(60)
        .set_resource_records(Some(values))
        .build()
        .unwrap()
}

async fn change(
    clients: &Clients,
    zone: &str,
    changes: Vec<(ChangeAction, ResourceRecordSet)>,
) -> Result<String, (String, String)> {
    let changes = changes
        .into_iter()
        .map(|(action, set)| {
            Change::builder()
                .action(action)
                .resource_record_set(set)
                .build()
                .unwrap()
        })
        .collect();
    let batch = ChangeBatch::builder().set_changes(Some(changes)).build().unwrap();
    let sent = clients
        .route53
        .change_resource_record_sets()
        .hosted_zone_id(zone)
        .change_batch(batch)
        .send()
        .await;
    sent.map(|answer| answer.change_info().unwrap().id().to_owned())
        .map_err(|error| failure(&error))
}

fn names(page: &ListResourceRecordSetsOutput) -> Vec<&str> {
    page.resource_record_sets().iter().map(|set| set.name()).collect()
}

#[tokio::test]
async fn records_come_in_pages_of_300() {
    let sandbox = Sandbox::new().await.unwrap();
    let staging = sandbox.target(STAGING).await;
    let first = staging
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(TENANTS)
        .send()
        .await
        .unwrap();
    assert_eq!((first.resource_record_sets().len(), first.is_truncated()), (300, true));
    let rest = staging
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(TENANTS)
        .set_start_record_name(first.next_record_name().map(str::to_owned))
        .set_start_record_type(first.next_record_type().cloned())
        .send()
        .await
        .unwrap();
    assert_eq!((rest.resource_record_sets().len(), rest.is_truncated()), (22, false));
    assert!(!names(&rest).contains(names(&first).last().unwrap()));
}

#[tokio::test]
async fn records_are_in_awss_order_with_weights_and_aliases() {
    let sandbox = Sandbox::new().await.unwrap();
    let production = sandbox.target(PRODUCTION).await;
    let all = production
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(PUBLIC)
        .send()
        .await
        .unwrap();
    let got: Vec<_> = all
        .resource_record_sets()
        .iter()
        .map(|set| {
            format!(
                "{} {} {}",
                set.name(),
                set.r#type(),
                set.set_identifier().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        got,
        [
            "acme.example. A ",
            "acme.example. AAAA ",
            "acme.example. MX ",
            "acme.example. NS ",
            "acme.example. SOA ",
            "acme.example. TXT ",
            "_dmarc.acme.example. TXT ",
            "api.acme.example. A blue",
            "api.acme.example. A green",
            "\\052.apps.acme.example. CNAME ",
            "checkout.acme.example. A a",
            "checkout.acme.example. A b",
            "ingress.acme.example. A ",
            "mx1.acme.example. A ",
            "mx2.acme.example. A ",
            "status.acme.example. CNAME ",
            "www.acme.example. A ",
        ]
    );
    let sets = all.resource_record_sets();
    assert_eq!(sets[7].weight(), Some(90));
    assert_eq!(sets[16].alias_target().unwrap().dns_name(), "acme.example.");
    assert_eq!(
        sets[5].resource_records()[0].value(),
        "\"v=spf1 include:_spf.acme.example -all\""
    );

    // A page may end between records of the same name and type.
    let page = production
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(PUBLIC)
        .max_items(8)
        .send()
        .await
        .unwrap();
    assert_eq!(page.next_record_identifier(), Some("green"));
    let next = production
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(PUBLIC)
        .start_record_name("api.acme.example")
        .start_record_type(RrType::A)
        .start_record_identifier("green")
        .max_items(1)
        .send()
        .await
        .unwrap();
    assert_eq!(next.resource_record_sets()[0].set_identifier(), Some("green"));
}

#[tokio::test]
async fn zones_page_and_are_described() {
    let sandbox = Sandbox::new().await.unwrap();
    let production = sandbox.target(PRODUCTION).await.route53;
    let page = production.list_hosted_zones().max_items(1).send().await.unwrap();
    assert_eq!((page.hosted_zones().len(), page.is_truncated()), (1, true));
    let next = production
        .list_hosted_zones()
        .marker(page.next_marker().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (next.hosted_zones()[0].name(), next.is_truncated()),
        ("acme.example.", false)
    );
    let by_name = production
        .list_hosted_zones_by_name()
        .dns_name("b.example")
        .send()
        .await
        .unwrap();
    assert_eq!(by_name.hosted_zones()[0].name(), "prod.acme.internal.");

    let private = production
        .get_hosted_zone()
        .id("Z0PRODPRIVATE0000002")
        .send()
        .await
        .unwrap();
    assert!(private.hosted_zone().unwrap().config().unwrap().private_zone());
    assert_eq!(private.vpcs()[0].vpc_id(), Some("vpc-0prod1"));
    let public = production
        .get_hosted_zone()
        .id(format!("/hostedzone/{PUBLIC}"))
        .send()
        .await
        .unwrap();
    assert_eq!(public.delegation_set().unwrap().name_servers().len(), 4);
    assert_eq!(public.hosted_zone().unwrap().resource_record_set_count(), Some(17));

    // Another account's zone is not there at all.
    let foreign = production.get_hosted_zone().id(DEV).send().await.unwrap_err();
    let (code, text) = failure(&foreign);
    assert_eq!(
        (code.as_str(), text),
        ("NoSuchHostedZone", format!("No hosted zone found with ID: {DEV}"))
    );
}

#[tokio::test]
async fn a_batch_changes_all_or_nothing() {
    use ChangeAction::{Create, Delete, Upsert};
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await;
    let a = |name: &str, address: &str| record(name, RrType::A, &[address]);

    let id = change(&dev, DEV, vec![(Create, a("one.dev.acme.example", "192.0.2.1"))])
        .await
        .unwrap();
    let done = dev.route53.get_change().id(id).send().await.unwrap();
    assert_eq!(done.change_info().unwrap().status().as_str(), "INSYNC");

    let both = vec![
        (Create, a("two.dev.acme.example", "192.0.2.2")),
        (Create, a("one.dev.acme.example", "192.0.2.1")),
    ];
    let (code, text) = change(&dev, DEV, both).await.unwrap_err();
    assert_eq!(code, "InvalidChangeBatch");
    assert_eq!(
        text,
        "[Tried to create resource record set [name='one.dev.acme.example.', type='A'] but it already exists]"
    );
    let listed = dev
        .route53
        .list_resource_record_sets()
        .hosted_zone_id(DEV)
        .send()
        .await
        .unwrap();
    assert!(!names(&listed).contains(&"two.dev.acme.example."));

    change(&dev, DEV, vec![(Upsert, a("ONE.dev.acme.example", "192.0.2.9"))])
        .await
        .unwrap();
    let stale = change(&dev, DEV, vec![(Delete, a("one.dev.acme.example", "192.0.2.1"))])
        .await
        .unwrap_err();
    assert!(
        stale
            .1
            .ends_with("but the values provided do not match the current values]"),
        "{}",
        stale.1
    );
    change(&dev, DEV, vec![(Delete, a("one.dev.acme.example", "192.0.2.9"))])
        .await
        .unwrap();
    let gone = change(&dev, DEV, vec![(Delete, a("one.dev.acme.example", "192.0.2.9"))])
        .await
        .unwrap_err();
    assert!(gone.1.ends_with("but it was not found]"), "{}", gone.1);
}

#[tokio::test]
async fn impossible_records_are_refused() {
    use ChangeAction::Create;
    let sandbox = Sandbox::new().await.unwrap();
    let dev = sandbox.target(DEVELOPMENT).await;
    let cases = [
        (
            record("www.elsewhere.example", RrType::A, &["192.0.2.1"]),
            "is not permitted in zone dev.acme.example.",
        ),
        (
            record("x.dev.acme.example", RrType::A, &["nonsense"]),
            "Value is not a valid IPv4 address",
        ),
        (
            record("x.dev.acme.example", RrType::Txt, &["bare"]),
            "enclosed in quotation marks",
        ),
        (
            record("dev.acme.example", RrType::Cname, &["a.example"]),
            "is not permitted at apex",
        ),
    ];
    for (set, expected) in cases {
        let (code, text) = change(&dev, DEV, vec![(Create, set)]).await.unwrap_err();
        assert_eq!(code, "InvalidChangeBatch");
        assert!(text.contains(expected), "{text}");
    }
    let clash = vec![
        (Create, record("c.dev.acme.example", RrType::Cname, &["a.example"])),
        (Create, record("c.dev.acme.example", RrType::A, &["192.0.2.1"])),
    ];
    let (_, text) = change(&dev, DEV, clash).await.unwrap_err();
    assert!(text.contains("RRSet of type CNAME with DNS name c.dev.acme.example. is not permitted as it conflicts"));
}

#[tokio::test]
async fn production_s_records_are_not_for_changing() {
    let sandbox = Sandbox::new().await.unwrap();
    let production = sandbox.target(PRODUCTION).await;
    let set = record("new.acme.example", RrType::A, &["203.0.113.99"]);
    let (code, text) = change(&production, PUBLIC, vec![(ChangeAction::Create, set)])
        .await
        .unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        text,
        "User: arn:aws:sts::222222222222:assumed-role/aws-ops-target/alice is not authorized to perform: \
         route53:ChangeResourceRecordSets on resource: arn:aws:route53:::hostedzone/Z0PRODPUBLIC00000001 with an \
         explicit deny in an identity-based policy"
    );
}

#[tokio::test]
async fn a_session_may_be_narrowed_to_names() {
    use ChangeAction::Upsert;
    let sandbox = Sandbox::new().await.unwrap();
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": format!("arn:aws:route53:::hostedzone/{DEV}"),
        "Condition": { "ForAllValues:StringEquals": {
            "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["one.dev.acme.example"],
        }},
    }]});
    let narrow = sandbox.clients(sandbox.assume(DEVELOPMENT, Some(policy)).await);
    let set = |name: &str| record(name, RrType::A, &["192.0.2.1"]);
    change(&narrow, DEV, vec![(Upsert, set("One.dev.acme.example."))])
        .await
        .unwrap();
    let other = vec![
        (Upsert, set("one.dev.acme.example")),
        (Upsert, set("two.dev.acme.example")),
    ];
    assert_eq!(change(&narrow, DEV, other).await.unwrap_err().0, "AccessDenied");
}
