//! CloudWatch.

use serde_json::{Value, json};

use crate::support::{text, texts, world::World};

#[tokio::test]
async fn which_alarms_fire_everywhere_is_one_call() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let body = world.call("describe_alarms", json!({ "accounts": ["all"] })).await;
    assert_eq!(body["summary"]["ok"], json!(3), "{body}");
    let firing = |result: &Value| {
        let names = texts(result["data"]["alarms"].as_array().unwrap(), "name");
        (text(result, "account").to_owned(), names)
    };
    let firing: Vec<_> = body["results"].as_array().unwrap().iter().map(firing).collect();
    let expected = [
        ("production", vec!["prod-checkout-outage", "prod-api-5xx-rate"]),
        ("staging", vec!["staging-web-1-disk"]),
        ("development", vec!["dev-checkout-errors", "dev-queue-backlog"]),
    ];
    for (account, names) in expected {
        let (_, found) = firing.iter().find(|(a, _)| a == account).unwrap();
        assert_eq!(*found, names, "{account}");
    }
    let disk = json!({ "account": "staging", "alarm_name_prefix": "staging-web" });
    let disk = world.ok("describe_alarms", disk).await;
    assert_eq!(
        disk["alarms"][0]["actions_enabled"],
        json!(false),
        "nobody is told: {disk}"
    );
}

#[tokio::test]
async fn the_pages_of_alarms_are_all_alarms() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({ "account": "staging", "state": "any" });
    let whole = world.ok("describe_alarms", arguments.clone()).await;
    assert_eq!(whole["by_state"], json!({ "ALARM": 1, "OK": 131 }));
    let whole = texts(whole["alarms"].as_array().unwrap(), "name");
    for size in [50, 100, 131] {
        let pages = world.pages("describe_alarms", arguments.clone(), size, "alarms").await;
        assert_eq!(texts(&pages.concat(), "name"), whole, "{size} at a time");
    }
    let error = json!({ "account": "staging", "next_token": "made up" });
    let error = world.fails("invalid_input", "describe_alarms", error).await;
    assert_eq!(error["aws_code"], json!("InvalidNextToken"));
    world
        .fails(
            "invalid_input",
            "describe_alarms",
            json!({ "account": "staging", "state": "FIRING" }),
        )
        .await;
}

#[tokio::test]
async fn what_happened_to_an_alarm_comes_newest_first_with_its_reasons() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let of = |extra: Value| {
        let mut arguments = json!({ "account": "production", "alarm_name": "prod-api-5xx-rate" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        arguments
    };
    let day = world.ok("describe_alarm_history", of(json!({}))).await;
    assert_eq!(day["by_type"], json!({ "Action": 1, "StateUpdate": 1 }));
    let turned = &day["items"][1];
    assert_eq!(turned["summary"], json!("Alarm updated from OK to ALARM"));
    assert!(
        text(turned, "reason").starts_with("Threshold Crossed: 3 out of"),
        "{turned}"
    );
    assert!(text(turned, "time").contains("min ago"), "{turned}");
    let all = world.ok("describe_alarm_history", of(json!({ "since": "60d" }))).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 5, "{all}");
    let edits = of(json!({ "since": "60d", "history_item_type": "ConfigurationUpdate" }));
    let edits = world.ok("describe_alarm_history", edits).await;
    assert_eq!(edits["items"].as_array().unwrap().len(), 1);
    let composite = json!({ "account": "production", "alarm_name": "prod-checkout-outage" });
    let composite = world.ok("describe_alarm_history", composite).await;
    assert!(!composite["items"].as_array().unwrap().is_empty());
    world
        .fails(
            "invalid_input",
            "describe_alarm_history",
            of(json!({ "since": "soon" })),
        )
        .await;
}

#[tokio::test]
async fn one_metric_is_read_in_every_account() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({
        "accounts": ["all"], "namespace": "AWS/RDS", "metric_name": "CPUUtilization",
        "dimensions": { "DBInstanceIdentifier": "orders-db" }, "statistic": "Maximum", "since": "1d",
    });
    let body = world.call("get_metric_data", arguments).await;
    assert_eq!(body["summary"]["ok"], json!(3), "{body}");
    for result in body["results"].as_array().unwrap() {
        let series = &result["data"]["series"][0];
        assert_eq!(
            (&series["unit"], &result["data"]["period"]),
            (&json!("Percent"), &json!("15 min"))
        );
        assert!(series["max"][1].as_f64() >= series["last"][1].as_f64(), "{series}");
    }
    let wrong = json!({ "account": "staging", "expression": "SEARCH(" });
    let error = world.fails("invalid_input", "get_metric_data", wrong).await;
    assert_eq!(error["aws_code"], json!("ValidationError"));
}

#[tokio::test]
async fn the_pages_of_metrics_are_all_metrics_whatever_their_size() {
    let Some(world) = World::sandbox(&[]).await else { return };
    let arguments = json!({ "account": "staging" });
    let whole = world.ok("list_metrics", arguments.clone()).await;
    assert_eq!(whole["by_namespace"]["Acme/Tenants"], json!(620));
    let names = |list: &[Value]| list.iter().map(Value::to_string).collect::<Vec<_>>();
    let whole = names(whole["metrics"].as_array().unwrap());
    for size in [99, 500, 501] {
        let pages = world.pages("list_metrics", arguments.clone(), size, "metrics").await;
        assert!(pages.iter().all(|page| page.len() <= size as usize));
        assert_eq!(names(&pages.concat()), whole, "{size} at a time");
    }
    let nightly =
        |recent: bool| json!({ "account": "staging", "namespace": "Acme/Nightly", "recently_active": recent });
    let count = async |recent| {
        world.ok("list_metrics", nightly(recent)).await["metrics"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((count(false).await, count(true).await), (1, 0));
    let of = json!({ "account": "staging", "dimensions": { "Tenant": "tenant-007" } });
    let of = world.ok("list_metrics", of).await;
    assert_eq!(of["metrics"].as_array().unwrap().len(), 1);
}
