//! Which tools the client sees and may call, and as whom.

use serde_json::{Value, json};

use super::talk::{Setting, Talk, text_of, two_profiles};

fn read_only() -> Setting {
    let mut setting = Setting::default();
    setting.options.read_only = true;
    setting
}

fn names(answer: &Value) -> Vec<&str> {
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools.iter().map(|t| t["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_list_in_pages_comes_whole() {
    let mut talk = Talk::legacy(Setting::default()).await;
    let whole = talk.ask("tools/list", json!({})).await;
    talk.upstream.set_pages(true);
    let paged = talk.ask("tools/list", json!({})).await;
    assert_eq!(names(&whole), names(&paged));
    assert!(paged["result"].get("nextCursor").is_none());
    assert_eq!(talk.asked("tools/list"), 3);
    let second = talk.ask("tools/list", json!({ "cursor": "second-page" })).await;
    assert_eq!(names(&second).len(), names(&whole).len() / 2);
}

#[tokio::test]
async fn read_only_hides_and_rejects_what_does_not_say_that_it_reads() {
    let mut talk = Talk::legacy(read_only()).await;
    assert_eq!(
        talk.text("aws___run_script", json!({ "code": "1" })).await,
        "Tool 'aws___run_script' is not available in read-only mode.",
        "before the client has listed anything"
    );
    let listed = talk.ask("tools/list", json!({})).await;
    let names = names(&listed);
    assert!(names.contains(&"aws___list_regions") && names.contains(&"aws___get_tasks"));
    for hidden in ["aws___run_script", "aws___get_presigned_url", "unannotated"] {
        assert!(!names.contains(&hidden), "{hidden}");
        let answer = talk.call(hidden, json!({})).await;
        assert_eq!(answer["result"]["isError"], true);
        assert_eq!(
            text_of(&answer),
            format!("Tool '{hidden}' is not available in read-only mode.")
        );
    }
    assert!(
        talk.text("no_such_tool", json!({}))
            .await
            .contains("not available in read-only mode")
    );
    assert!(talk.text("aws___list_regions", json!({})).await.contains("eu-west-2"));
    assert_eq!(talk.asked("tools/call"), 1, "what is rejected is not sent");
}

#[tokio::test]
async fn pages_hide_nothing_from_read_only() {
    let mut talk = Talk::legacy(read_only()).await;
    talk.upstream.set_pages(true);
    assert!(
        talk.text("measured", json!({})).await.contains("42"),
        "it is on the second page"
    );
    let second = talk.ask("tools/list", json!({ "cursor": "second-page" })).await;
    assert!(!names(&second).contains(&"unannotated"), "{second}");
}

#[tokio::test]
async fn with_two_profiles_the_authenticated_tools_take_one() {
    let mut talk = Talk::legacy(two_profiles()).await;
    let listed = talk.ask("tools/list", json!({})).await;
    for tool in listed["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let argument = &tool["inputSchema"]["properties"]["aws_profile"];
        let authenticated = ["aws___run_script", "aws___get_presigned_url", "aws___get_tasks"].contains(&name);
        assert_eq!(argument.is_object(), authenticated, "{name}");
        if authenticated {
            let expected = json!({
                "type": "string",
                "description": "AWS CLI profile to sign this request with. Available profiles: alpha, beta.",
                "enum": ["alpha", "beta"],
            });
            assert_eq!(*argument, expected);
        }
    }
    let mut talk = Talk::legacy(Setting::default()).await;
    assert!(
        !talk
            .ask("tools/list", json!({}))
            .await
            .to_string()
            .contains("aws_profile")
    );
}

#[tokio::test]
async fn a_call_is_signed_as_the_profile_it_names() {
    let mut talk = Talk::legacy(two_profiles()).await;
    let default = talk.seen(json!({ "code": "1" })).await;
    let named = talk.seen(json!({ "code": "1", "aws_profile": "alpha" })).await;
    let again = talk.seen(json!({ "code": "1", "aws_profile": "alpha" })).await;
    let same = talk.seen(json!({ "code": "1", "aws_profile": "beta" })).await;
    assert_eq!([&default["account"], &same["account"]], ["222222222222"; 2]);
    assert_eq!([&named["account"], &again["account"]], ["111111111111"; 2]);
    assert_eq!(named["session_id"], again["session_id"], "one session for each profile");
    assert_eq!(default["session_id"], same["session_id"]);
    assert_ne!(default["session_id"], named["session_id"]);
    assert_eq!(
        named["arguments"],
        json!({ "code": "1" }),
        "the profile is not the endpoint's business"
    );
    assert_eq!(default["_meta"]["AWS_REGION"], "us-west-2", "the profile's region");
    assert_eq!(
        named["_meta"]["AWS_REGION"], "eu-central-1",
        "the environment's, where the profile has none"
    );
}

#[tokio::test]
async fn only_the_profiles_that_were_named_can_be() {
    let mut talk = Talk::legacy(two_profiles()).await;
    for (named, shown) in [
        (json!("gamma"), "'gamma'"),
        (json!(5), "5"),
        (json!("it's"), "\"it's\""),
    ] {
        let answer = talk
            .call("aws___run_script", json!({ "code": "1", "aws_profile": named }))
            .await;
        assert_eq!(answer["result"]["isError"], true);
        assert_eq!(
            text_of(&answer),
            format!("Profile {shown} is not in the allowed list. Allowed profiles: alpha, beta")
        );
    }
    assert_eq!(talk.asked("tools/call"), 0);
    let regions = talk
        .text(
            "aws___read_documentation",
            json!({ "url": "x", "aws_profile": "gamma" }),
        )
        .await;
    assert!(!regions.contains("aws_profile"), "another tool's is dropped: {regions}");
    let mut one = Talk::legacy(Setting::default()).await;
    let seen = one.seen(json!({ "aws_profile": "mine" })).await;
    assert_eq!(
        seen["arguments"]["aws_profile"], "mine",
        "with one profile the argument is the tool's own"
    );
}

#[tokio::test]
async fn a_profile_that_can_not_be_used_is_told_apart() {
    let mut setting = two_profiles();
    setting.options.profiles.push("nowhere".to_owned());
    let mut talk = Talk::legacy(setting).await;
    let said = talk
        .text("aws___run_script", json!({ "code": "1", "aws_profile": "nowhere" }))
        .await;
    assert!(
        said.contains(
            "Failed to create connection for profile 'nowhere'. Check that the profile is configured and credentials are valid."
        ),
        "{said}"
    );
    talk.seen(json!({ "code": "1", "aws_profile": "alpha" })).await;
    talk.upstream
        .fail_on("tools/call", crate::support::upstream::Fault::Html, 1);
    let said = talk
        .text("aws___run_script", json!({ "code": "1", "aws_profile": "alpha" }))
        .await;
    assert!(
        said.contains(
            "Tool call failed using profile 'alpha'. The request could not be completed with the specified profile."
        ),
        "{said}"
    );
}
