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

pub(super) async fn fill(sandbox: &Inner) -> Result<(), SandboxError> {
    for account in Sandbox::accounts().iter().filter(|account| !account.central) {
        let mut seeds = common(account.environment);
        if account.environment == "staging" {
            seeds.extend((1..=TENANTS).map(tenant));
        }
        put(sandbox, account.id, account.environment, REGION, seeds).await?;
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
