use aws_sdk_cloudwatch::types::{AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_smithy_types::DateTime;

use crate::sandbox::{
    Sandbox,
    testing::{PRODUCTION, STAGING, failure},
};

#[tokio::test]
async fn alarms_come_by_pages_and_composite_ones_when_asked_for() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.admin(STAGING).cloudwatch;
    let (mut names, mut token) = (Vec::new(), None);
    loop {
        let page = client
            .describe_alarms()
            .set_next_token(token)
            .max_records(50)
            .send()
            .await
            .unwrap();
        assert!(page.metric_alarms().len() <= 50);
        names.extend(page.metric_alarms().iter().map(|a| a.alarm_name().unwrap().to_owned()));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names.len(), 132);
    let client = sandbox.admin(PRODUCTION).cloudwatch;
    let all = client.describe_alarms();
    assert!(all.clone().send().await.unwrap().composite_alarms().is_empty());
    let both = all
        .alarm_types(AlarmType::CompositeAlarm)
        .alarm_types(AlarmType::MetricAlarm);
    let both = both.send().await.unwrap();
    assert_eq!((both.composite_alarms().len(), both.metric_alarms().len()), (1, 4));
    assert!(both.metric_alarms()[0].state_transitioned_timestamp().is_some());
}

#[tokio::test]
async fn errors_have_the_codes_that_the_query_protocol_gave_them() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.admin(PRODUCTION).cloudwatch;
    let error = client.describe_alarms().next_token("made up").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_invalid_next_token(), "{error:?}");
    let error = client.list_metrics().next_token("made up").send().await.unwrap_err();
    assert_eq!(failure(&error).0, "InvalidParameterValue");
    assert!(error.as_service_error().unwrap().is_invalid_parameter_value_exception());
    let error = client.describe_alarms().max_records(101).send().await.unwrap_err();
    assert_eq!(failure(&error).0, "ValidationError");
    let error = sandbox.base().cloudwatch.list_metrics().send().await.unwrap_err();
    let (code, message) = failure(&error);
    assert_eq!(code, "AccessDenied");
    assert!(
        message.contains("is not authorized to perform: cloudwatch:ListMetrics on resource: *"),
        "{message}"
    );
    sandbox.throttle(true);
    let error = client.list_metrics().send().await.unwrap_err();
    assert_eq!(failure(&error).0, "ThrottlingException");
}

#[tokio::test]
async fn data_points_come_by_pages_and_in_either_order() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.admin(PRODUCTION).cloudwatch;
    let database = Dimension::builder()
        .name("DBInstanceIdentifier")
        .value("orders-db")
        .build();
    let metric = Metric::builder()
        .namespace("AWS/RDS")
        .metric_name("CPUUtilization")
        .dimensions(database);
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(60)
        .stat("p90")
        .build();
    let query = MetricDataQuery::builder().id("m1").metric_stat(stat).build();
    let now = super::now();
    let request = client
        .get_metric_data()
        .metric_data_queries(query)
        .start_time(DateTime::from_secs(now - 3600))
        .end_time(DateTime::from_secs(now));
    let newest = request.clone().send().await.unwrap();
    let mut whole = newest.metric_data_results()[0].timestamps().to_vec();
    assert!(whole.len() >= 58, "{whole:?}");
    whole.reverse();
    let (mut paged, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = request.clone().scan_by(ScanBy::TimestampAscending).max_datapoints(25);
        let page = page.set_next_token(token).send().await.unwrap();
        paged.extend(page.metric_data_results()[0].timestamps().to_vec());
        (token, pages) = (page.next_token, pages + 1);
        if token.is_none() {
            break;
        }
    }
    assert_eq!((paged, pages), (whole, 3));
}

#[tokio::test]
async fn a_search_for_metrics_has_more_than_a_page() {
    let sandbox = Sandbox::new().await.unwrap();
    let client = sandbox.target(STAGING).await.cloudwatch;
    let first = client.list_metrics().namespace("Acme/Tenants").send().await.unwrap();
    assert_eq!(first.metrics().len(), 500);
    let rest = client
        .list_metrics()
        .namespace("Acme/Tenants")
        .set_next_token(first.next_token);
    assert_eq!(rest.send().await.unwrap().metrics().len(), 120);
}
