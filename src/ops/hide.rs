//! What AWS shows to whoever may look, although it is secret: passwords among a resource's properties, variables of functions.

use serde_json::{Map, Value};

/// What stands where a secret was.
const HIDDEN: &str = "(hidden)";

/// A value without what may be secret in it, by its field's name.
pub fn without_secrets(name: &str, value: &Value) -> Value {
    let plain = plain(name);
    match value {
        Value::String(text) if is_secret(&plain, text) => Value::from(HIDDEN),
        Value::Number(_) if plain.ends_with("password") => Value::from(HIDDEN),
        // People keep secrets in the variables of functions and containers, under any name: the names are shown, the values not.
        Value::Object(fields) if VARIABLES.contains(&plain.as_str()) => fields.iter().map(without_value).collect(),
        Value::Array(items) if VARIABLES.contains(&plain.as_str()) => items.iter().map(variable).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), without_secrets(key, value)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| without_secrets(name, item)).collect(),
        other => other.clone(),
    }
}

/// Fields that hold variables: as a map, or as a list of names and values.
const VARIABLES: [&str; 3] = ["variables", "environment", "environmentvariables"];

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '-'], "")
}

/// Whether a text is secret, or has a password in it. A name such as `HttpTokens` or `AuthorizationType` tells how, not what.
fn is_secret(name: &str, text: &str) -> bool {
    const ANYWHERE: [&str; 9] = [
        "password",
        "passphrase",
        "secretstring",
        "secretbinary",
        "secretaccesskey",
        "privatekey",
        "presharedkey",
        "connectionstring",
        "credential",
    ];
    const AT_THE_END: [&str; 5] = ["secret", "token", "apikey", "authorization", "userdata"];
    let named = ANYWHERE.iter().any(|word| name.contains(word)) || AT_THE_END.iter().any(|word| name.ends_with(word));
    // Where a secret is kept is no secret.
    let pointer = text.starts_with("arn:") || text.starts_with("{{resolve:");
    (named && !pointer && !text.is_empty()) || has_password(text)
}

/// Whether it is a URL such as `postgres://user:password@host/database`.
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// One of a map of variables, or a map in it: AWS::Lambda::Function has its `Variables` in `Environment`.
fn without_value((key, value): (&String, &Value)) -> (String, Value) {
    let value = match value {
        Value::Object(_) | Value::Array(_) => without_secrets(key, value),
        Value::Null | Value::Bool(_) => value.clone(),
        Value::String(_) | Value::Number(_) => Value::from(HIDDEN),
    };
    (key.clone(), value)
}

/// One of a list of variables.
fn variable(item: &Value) -> Value {
    let Some(fields) = item.as_object() else {
        return without_secrets("", item);
    };
    let shown = |(key, value): (&String, &Value)| match plain(key).as_str() {
        "value" => without_value((key, value)),
        _ => (key.clone(), without_secrets(key, value)),
    };
    Value::Object(fields.iter().map(shown).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_by_their_names_and_what_only_sounds_like_them_is_not() {
        let told = json!({
            "MasterUserPassword": "hunter2", "Pin": { "password": 1234 }, "ClientSecret": "s", "auth_token": "t", "ApiKey": "k",
            "PreSharedKey": "p", "UserData": "IyEvYmluL3No", "Authorization": "Bearer x", "list": [{ "private-key": "k" }],
            "Endpoint": "postgres://app:hunter2@db.example:5432/x?sslmode=require",
            "Environment": { "Variables": { "LOG_LEVEL": "info", "DB": "x" } },
            "Containers": [{ "Environment": [{ "Name": "DB", "Value": "x" }], "Secrets": [{ "Name": "K", "ValueFrom": "arn:aws:ssm:x" }] }],
            "EnvironmentVariables": [{ "Name": "A", "Type": "PLAINTEXT", "Value": "x" }],
        });
        let hidden = json!({
            "MasterUserPassword": HIDDEN, "Pin": { "password": HIDDEN }, "ClientSecret": HIDDEN, "auth_token": HIDDEN, "ApiKey": HIDDEN,
            "PreSharedKey": HIDDEN, "UserData": HIDDEN, "Authorization": HIDDEN, "list": [{ "private-key": HIDDEN }],
            "Endpoint": HIDDEN,
            "Environment": { "Variables": { "LOG_LEVEL": HIDDEN, "DB": HIDDEN } },
            "Containers": [{ "Environment": [{ "Name": "DB", "Value": HIDDEN }], "Secrets": [{ "Name": "K", "ValueFrom": "arn:aws:ssm:x" }] }],
            "EnvironmentVariables": [{ "Name": "A", "Type": "PLAINTEXT", "Value": HIDDEN }],
        });
        assert_eq!(without_secrets("", &told), hidden);
        let shown = json!({
            "MetadataOptions": { "HttpTokens": "required" }, "AuthorizationType": "AWS_IAM", "PrivateIpAddress": "10.0.0.1",
            "ManageMasterUserPassword": true, "PasswordPolicy": { "MinimumLength": 12, "RequireSymbols": true, "TemporaryPasswordValidityDays": 7 },
            "MasterUserSecret": { "SecretArn": "arn:aws:secretsmanager:x" }, "Secret": "arn:aws:secretsmanager:x", "Password": "{{resolve:ssm:x}}",
            "Url": "https://example.com/a@b:c", "Mail": "mailto:a@b", "Environment": "production",
        });
        assert_eq!(without_secrets("", &shown), shown);
    }
}
