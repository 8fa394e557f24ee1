use aws_credential_types::Credentials;
use aws_sdk_s3::presigning::PresigningConfig;
use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;

use super::Request;
use crate::sandbox::{
    Sandbox,
    testing::{DEVELOPMENT, PRODUCTION, STAGING, clients, failure},
};

fn changed(from: &Credentials, key: Option<&str>, secret: Option<&str>, token: Option<Option<&str>>) -> Credentials {
    let token = token.unwrap_or(from.session_token()).map(str::to_owned);
    let key = key.unwrap_or(from.access_key_id());
    Credentials::new(key, secret.unwrap_or(from.secret_access_key()), token, None, "test")
}

/// The codes with which the four services refuse the same credentials.
async fn refusals(sandbox: &Sandbox, credentials: Credentials) -> [String; 4] {
    let clients = sandbox.clients(credentials);
    [
        failure(&clients.sts.get_caller_identity().send().await.unwrap_err()).0,
        failure(&clients.secrets.list_secrets().send().await.unwrap_err()).0,
        failure(&clients.route53.list_hosted_zones().send().await.unwrap_err()).0,
        failure(&clients.s3.list_buckets().send().await.unwrap_err()).0,
    ]
}

#[tokio::test]
async fn keys_tokens_and_secrets_must_be_right() {
    let sandbox = Sandbox::new().await.unwrap();
    let good = sandbox.assume(STAGING, None).await;

    let unknown = refusals(&sandbox, changed(&good, Some("ASIAUNKNOWNUNKNOWN00"), None, None)).await;
    let invalid = [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
    ];
    assert_eq!(unknown, invalid);

    // Upstream takes a twelve-digit key for that account's administrator.
    assert_eq!(
        refusals(&sandbox, changed(&good, Some(PRODUCTION), None, Some(None))).await,
        invalid
    );

    let mismatch = [
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "SignatureDoesNotMatch",
    ];
    assert_eq!(
        refusals(&sandbox, changed(&good, None, Some("wrong"), None)).await,
        mismatch
    );

    let token = [
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidToken",
    ];
    for wrong in [None, Some("another"), sandbox.base_credentials().session_token()] {
        assert_eq!(
            refusals(&sandbox, changed(&good, None, None, Some(wrong))).await,
            token,
            "{wrong:?}"
        );
    }

    let admin = sandbox.admin_credentials(STAGING);
    assert_eq!(
        refusals(&sandbox, changed(&admin, None, Some("adminsecret"), None)).await,
        mismatch
    );
}

#[tokio::test]
async fn an_expired_session_says_so() {
    let sandbox = Sandbox::new().await.unwrap();
    let session = sandbox.assume(STAGING, None).await;
    sandbox.expire_sessions();
    let expired = ["ExpiredToken", "ExpiredTokenException", "ExpiredToken", "ExpiredToken"];
    assert_eq!(refusals(&sandbox, session).await, expired);
    sandbox.base().sts.get_caller_identity().send().await.unwrap();
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let sandbox = Sandbox::new().await.unwrap();
    let ask = |path: &str| Request {
        method: Method::GET,
        uri: path.parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    for path in ["/", "/acme-prod-logs-222222222222", "/2013-04-01/hostedzone"] {
        let answer = sandbox.inner.answer(ask(path)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn the_base_identity_may_only_assume_roles() {
    let sandbox = Sandbox::new().await.unwrap();
    let base = sandbox.base();
    let (code, text) = failure(&base.secrets.list_secrets().send().await.unwrap_err());
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        text,
        "User: arn:aws:sts::111111111111:assumed-role/aws-ops-base/sandbox is not authorized to perform: \
         secretsmanager:ListSecrets on resource: * because no identity-based policy allows the \
         secretsmanager:ListSecrets action"
    );
    assert_eq!(
        failure(&base.route53.list_hosted_zones().send().await.unwrap_err()).0,
        "AccessDenied"
    );
    assert_eq!(
        failure(&base.s3.list_buckets().send().await.unwrap_err()).0,
        "AccessDenied"
    );
}

#[tokio::test]
async fn production_shows_a_denial_in_every_service() {
    let sandbox = Sandbox::new().await.unwrap();
    let production = sandbox.target(PRODUCTION).await;
    let delete = production
        .secrets
        .delete_secret()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap_err();
    let (code, text) = failure(&delete);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        text.ends_with("with an explicit deny in an identity-based policy"),
        "{text}"
    );
    assert!(
        text.contains("arn:aws:secretsmanager:us-east-1:222222222222:secret:payments/db/primary-"),
        "{text}"
    );
    let object = production
        .s3
        .delete_object()
        .bucket("acme-prod-logs-222222222222")
        .key("logs/2026/11/01/web.log");
    assert_eq!(failure(&object.send().await.unwrap_err()).0, "AccessDenied");
}

#[tokio::test]
async fn sessions_are_narrowed_to_single_resources() {
    let sandbox = Sandbox::new().await.unwrap();
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "secretsmanager:GetSecretValue",
          "Resource": "arn:aws:secretsmanager:us-east-1:333333333333:secret:payments/db/primary-??????" },
        { "Effect": "Allow", "Action": "route53:ListResourceRecordSets",
          "Resource": "arn:aws:route53:::hostedzone/Z0STAGEPUBLIC0000001" },
        { "Effect": "Allow", "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::acme-staging-config-333333333333/flags.json" },
    ]});
    let narrow = sandbox.clients(sandbox.assume(STAGING, Some(policy)).await);
    let secret = |id: &str| narrow.secrets.get_secret_value().secret_id(id).send();
    secret("payments/db/primary").await.unwrap();
    let (code, text) = failure(&secret("payments/stripe/api-key").await.unwrap_err());
    assert_eq!(code, "AccessDeniedException");
    assert!(
        text.ends_with("because no session policy allows the secretsmanager:GetSecretValue action"),
        "{text}"
    );
    let records = |id: &str| narrow.route53.list_resource_record_sets().hosted_zone_id(id).send();
    records("Z0STAGEPUBLIC0000001").await.unwrap();
    assert_eq!(
        failure(&records("Z0STAGETENANTS000002").await.unwrap_err()).0,
        "AccessDenied"
    );
    let object = |key: &str| {
        narrow
            .s3
            .get_object()
            .bucket("acme-staging-config-333333333333")
            .key(key)
            .send()
    };
    object("flags.json").await.unwrap();
    assert_eq!(failure(&object("README.md").await.unwrap_err()).0, "AccessDenied");
    narrow.sts.get_caller_identity().send().await.unwrap();
}

#[tokio::test]
async fn conditions_are_judged_whatever_their_case() {
    let sandbox = Sandbox::new().await.unwrap();
    let condition = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*",
        "Condition": { "StringEquals": { "AWS:requestedregion": "us-east-1", "secretsmanager:resourcetag/Team": "web" } },
    }]});
    let session = sandbox.assume(STAGING, Some(condition)).await;
    let here = sandbox.clients(session.clone()).secrets;
    here.get_secret_value()
        .secret_id("web/session-signing-key")
        .send()
        .await
        .unwrap();
    let other = here
        .get_secret_value()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap_err();
    assert_eq!(failure(&other).0, "AccessDeniedException");
}

#[tokio::test]
async fn a_permissions_boundary_caps_a_role() {
    use awsim_core::ServiceHandler as _;
    let sandbox = Sandbox::new().await.unwrap();
    let context = awsim_core::RequestContext::internal("iam", "us-east-1", STAGING);
    let iam = async |operation: &str, input| sandbox.inner.iam.handle(operation, input, &context).await.unwrap();
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "s3:*", "Resource": "*" }
    ]});
    let policy = serde_json::json!({ "PolicyName": "only-s3", "PolicyDocument": document.to_string() });
    let arn = iam("CreatePolicy", policy).await["Policy"]["Arn"].clone();
    let boundary = serde_json::json!({ "RoleName": "aws-ops-target", "PermissionsBoundary": arn });
    iam("PutRolePermissionsBoundary", boundary).await;

    let staging = sandbox.target(STAGING).await;
    staging.s3.list_buckets().send().await.unwrap();
    let (code, text) = failure(&staging.secrets.list_secrets().send().await.unwrap_err());
    assert_eq!(code, "AccessDeniedException");
    assert!(
        text.ends_with("because no permissions boundary allows the secretsmanager:ListSecrets action"),
        "{text}"
    );
}

#[test]
fn lists_count_from_one() {
    let check = |body: &str| super::check_indices("sts", body.as_bytes()).is_ok();
    assert!(check("Action=AssumeRole&Tags.member.1.Key=a&RoleSessionName=0"));
    assert!(!check("Action=AssumeRole&Tags.member.0.Key=a"));
    assert!(!check("Action=AssumeRole&Tags.member.99999999999.Key=a"));
}

#[tokio::test]
async fn a_changed_policy_is_felt_at_once() {
    let sandbox = Sandbox::new().await.unwrap();
    let clients = sandbox.target(DEVELOPMENT).await;
    clients.secrets.list_secrets().send().await.unwrap();
    let deny = serde_json::json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*" }
    ]});
    sandbox
        .put_role_policy(DEVELOPMENT, "aws-ops-target", "freeze", &deny)
        .await
        .unwrap();
    let refused = clients.secrets.list_secrets().send().await.unwrap_err();
    assert_eq!(failure(&refused).0, "AccessDeniedException");
    assert_eq!(sandbox.calls("secretsmanager", "ListSecrets"), 2);
}

#[tokio::test]
async fn it_serves_real_http_with_signatures_and_presigned_urls() {
    let sandbox = Sandbox::new().await.unwrap();
    let server = sandbox.listen().await.unwrap();
    let http = aws_smithy_http_client::Builder::new().build_http();
    let credentials = sandbox.assume(DEVELOPMENT, None).await;
    let clients = clients(http, &server.endpoint, credentials, "us-east-1");
    let me = clients.sts.get_caller_identity().send().await.unwrap();
    assert_eq!(
        me.arn(),
        Some("arn:aws:sts::444444444444:assumed-role/aws-ops-target/alice")
    );
    clients
        .secrets
        .get_secret_value()
        .secret_id("payments/db/primary")
        .send()
        .await
        .unwrap();
    clients.route53.list_hosted_zones().send().await.unwrap();

    let bucket = "acme-dev-config-444444444444";
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"<html>not parameters</html>");
    clients
        .s3
        .put_object()
        .bucket(bucket)
        .key("site/a b+c.html")
        .body(body)
        .send()
        .await
        .unwrap();
    let head = clients
        .s3
        .head_object()
        .bucket(bucket)
        .key("site/a b+c.html")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(27));

    let presign = PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap();
    let url = clients
        .s3
        .get_object()
        .bucket(bucket)
        .key("site/a b+c.html")
        .presigned(presign)
        .await
        .unwrap();
    assert_eq!(fetch(url.uri()).await, (200, "<html>not parameters</html>".to_owned()));
    let tampered = url.uri().replace("a%20b", "a%20x");
    let (status, text) = fetch(&tampered).await;
    assert_eq!(status, 403);
    assert!(text.contains("<Code>SignatureDoesNotMatch</Code>"), "{text}");
    let longer = url.uri().replace("X-Amz-Expires=60", "X-Amz-Expires=6000");
    assert_eq!(fetch(&longer).await.0, 403);

    let endpoint = server.endpoint.clone();
    drop(server);
    tokio::task::yield_now().await;
    let address = endpoint.trim_start_matches("http://").to_owned();
    // The abort takes effect at the task's next turn; a few yields give it that without a clock.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_presigned_url_ends() {
    let sandbox = Sandbox::new().await.unwrap();
    let clients = sandbox.target(DEVELOPMENT).await;
    let presign = PresigningConfig::builder()
        .start_time(std::time::SystemTime::now() - std::time::Duration::from_secs(100))
        .expires_in(std::time::Duration::from_secs(60))
        .build()
        .unwrap();
    let object = clients
        .s3
        .get_object()
        .bucket("acme-dev-config-444444444444")
        .key("flags.json");
    let url = object.presigned(presign).await.unwrap();
    let request = Request {
        method: Method::GET,
        uri: url.uri().parse().unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let answer = sandbox.inner.answer(request).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let text = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
    assert!(String::from_utf8_lossy(&text).contains("Request has expired"));
}

/// A plain GET, as a browser that was given the URL would make it.
async fn fetch(url: &str) -> (u16, String) {
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Empty<Bytes>>();
    let answer = client.get(url.parse().unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .unwrap()
        .to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}
