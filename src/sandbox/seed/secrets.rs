//! The accounts' secrets. None of them opens anything.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Inner, SandboxError, context};
use crate::sandbox::{REGION, Sandbox, value::set};

/// Staging's tenants: enough for a second page of `ListSecrets`.
const TENANTS: usize = 120;
/// When the oldest secret was made; each further one came an hour later.
const FIRST: f64 = 1_735_689_600.0;

struct Seed {
    name: String,
    description: &'static str,
    value: Value,
    team: &'static str,
}

/// What the tools need of the target role.
pub(super) fn operate(account: &str) -> Vec<Value> {
    vec![
        json!({
            "Effect": "Allow",
            "Action": [
                "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:CreateSecret",
                "secretsmanager:UpdateSecret", "secretsmanager:PutSecretValue", "secretsmanager:DeleteSecret",
                "secretsmanager:RestoreSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource",
                "secretsmanager:RotateSecret", "secretsmanager:ListSecretVersionIds", "secretsmanager:GetResourcePolicy",
                "secretsmanager:PutResourcePolicy",
            ],
            "Resource": format!("arn:aws:secretsmanager:*:{account}:secret:*"),
        }),
        json!({
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": format!("arn:aws:lambda:*:{account}:function:*"),
        }),
    ]
}

pub(super) async fn fill(sandbox: &Inner) -> Result<(), SandboxError> {
    for account in Sandbox::accounts().iter().filter(|account| !account.central) {
        let mut seeds = common(account.environment);
        if account.environment == "staging" {
            seeds.extend((1..=TENANTS).map(tenant));
        }
        put(sandbox, account.id, account.environment, REGION, seeds).await?;
        rotated(sandbox, account.id).await?;
        if account.environment == "production" {
            shared_and_doomed(sandbox, account.id).await?;
        }
        if account.environment == "production" {
            put(sandbox, account.id, account.environment, "eu-west-1", europe()).await?;
        }
    }
    Ok(())
}

/// The same names in every account, with different values.
fn common(environment: &'static str) -> Vec<Seed> {
    let made = |name: &str, description, value, team| Seed {
        name: name.to_owned(),
        description,
        value,
        team,
    };
    let token = |kind: &str| json!(format!("{kind}-{environment}-not-a-real-one-5f3a9c"));
    let host = format!("payments-primary.{environment}.db.acme.example");
    vec![
        made(
            "payments/db/primary",
            "The payments database, read and write",
            json!({
                "engine": "postgres", "host": host, "port": 5432, "dbname": "payments", "username": "payments_app",
                "password": format!("sandbox-{environment}-Vq7tLw2e"),
            }),
            "payments",
        ),
        made(
            "payments/stripe/api-key",
            "Key of the card processor",
            token("sk"),
            "payments",
        ),
        made(
            "web/session-signing-key",
            "Signs the web front end's cookies",
            token("hmac"),
            "web",
        ),
        made(
            "platform/datadog/api-key",
            "Key for metrics and logs",
            token("dd"),
            "platform",
        ),
        made(
            "platform/github/deploy-key",
            "Reads the deployment repository",
            token("ghd"),
            "platform",
        ),
        made(
            "web/tls/keystore",
            "The web front end's key store (binary)",
            json!({ "binary": base64::engine::general_purpose::STANDARD.encode([0x00_u8, 0x9f, 0x92, 0x96, 0xff, 0xfe]) }),
            "web",
        ),
    ]
}

fn europe() -> Vec<Seed> {
    let value = json!({
        "engine": "postgres", "host": "payments-replica.eu.db.acme.example", "port": 5432, "dbname": "payments",
        "username": "payments_ro", "password": "sandbox-eu-Rk4nZ8pd",
    });
    vec![
        Seed {
            name: "payments/db/replica".to_owned(),
            description: "The read replica in Ireland",
            value,
            team: "payments",
        },
        Seed {
            name: "platform/datadog/api-key".to_owned(),
            description: "Key for metrics and logs",
            value: json!("dd-production-eu-not-a-real-one-7c1b2e"),
            team: "platform",
        },
    ]
}

fn tenant(number: usize) -> Seed {
    Seed {
        name: format!("tenants/t-{number:03}/api-token"),
        description: "Token of a tenant of the staging environment",
        value: json!(format!("tenant-{number:03}-not-a-real-one")),
        team: "tenants",
    }
}

/// The database's password is rotated each month, and has been twice.
async fn rotated(sandbox: &Inner, account: &str) -> Result<(), SandboxError> {
    const NAME: &str = "payments/db/primary";
    const MONTH: f64 = 30.0 * 86_400.0;
    let state = sandbox.secrets.store().get(account, REGION);
    let Some(mut secret) = state.secrets.get_mut(NAME) else {
        return Ok(());
    };
    let current = secret.current_version_id.clone();
    let last = now() - 12.0 * 86_400.0;
    if let Some(newest) = secret.versions.get_mut(&current) {
        newest.created_date = last;
        let mut former = newest.clone();
        for (age, stages) in [(1.0, vec!["AWSPREVIOUS".to_owned()]), (2.0, Vec::new())] {
            former.version_id = uuid::Uuid::new_v4().to_string();
            former.created_date = last - age * MONTH;
            former.stages = stages;
            former.secret_string = former.secret_string.map(|text| text.replace("Vq7tLw2e", "former0"));
            secret.versions.insert(former.version_id.clone(), former.clone());
        }
    }
    secret.rotation_enabled = true;
    secret.rotation_lambda_arn = Some(format!(
        "arn:aws:lambda:{REGION}:{account}:function:acme-rotate-postgres"
    ));
    secret.rotation_automatically_after_days = Some(30);
    (secret.last_rotated_date, secret.last_changed_date) = (Some(last), last);
    secret.next_rotation_date = Some(last + MONTH);
    secret.kms_key_id = Some("alias/payments".to_owned());
    Ok(())
}

/// One secret that a batch job may read as well, and one that nobody will miss.
async fn shared_and_doomed(sandbox: &Inner, account: &str) -> Result<(), SandboxError> {
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "SettlementReadsTheKey",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:role/payments-settlement") },
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "*",
    }]});
    let state = sandbox.secrets.store().get(account, REGION);
    state
        .resource_policies
        .insert("payments/stripe/api-key".to_owned(), policy.to_string());
    let context = context("secretsmanager", account, REGION);
    let name = "web/legacy/oauth-client";
    for (operation, input) in [
        (
            "CreateSecret",
            json!({ "Name": name, "Description": "Of the old sign-in", "SecretString": "retired" }),
        ),
        ("DeleteSecret", json!({ "SecretId": name, "RecoveryWindowInDays": 30 })),
    ] {
        let done = sandbox.secrets.handle(operation, input, &context).await;
        done.map_err(SandboxError::seeding(name))?;
    }
    Ok(())
}

fn now() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(FIRST, |d| d.as_secs_f64())
}

async fn put(
    sandbox: &Inner,
    account: &str,
    environment: &str,
    region: &str,
    seeds: Vec<Seed>,
) -> Result<(), SandboxError> {
    let context = context("secretsmanager", account, region);
    let state = sandbox.secrets.store().get(account, region);
    let mut made = FIRST;
    for seed in seeds {
        let mut input = json!({
            "Name": seed.name,
            "Description": seed.description,
            "Tags": [{ "Key": "environment", "Value": environment }, { "Key": "team", "Value": seed.team }],
        });
        match (seed.value.get("binary"), seed.value.as_str()) {
            (Some(binary), _) => set(&mut input, "SecretBinary", binary.clone()),
            (None, Some(text)) => set(&mut input, "SecretString", text),
            (None, None) => set(&mut input, "SecretString", seed.value.to_string()),
        }
        sandbox
            .secrets
            .handle("CreateSecret", input, &context)
            .await
            .map_err(SandboxError::seeding(&seed.name))?;
        if let Some(mut secret) = state.secrets.get_mut(&seed.name) {
            (secret.created_date, secret.last_changed_date) = (made, made);
        }
        made += 3600.0;
    }
    Ok(())
}
