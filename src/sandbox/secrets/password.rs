//! `GetRandomPassword`, with the exclusions that the emulator leaves out.

use awsim_core::AwsError;
use serde_json::{Value, json};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

pub(super) fn random(input: &Value) -> Result<Value, AwsError> {
    let flag = |name: &str| input.get(name).and_then(Value::as_bool);
    let length = input.get("PasswordLength").and_then(Value::as_u64).unwrap_or(32);
    let excluded = input
        .get("ExcludeCharacters")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let kinds: Vec<Vec<char>> = [
        (LOWER, "ExcludeLowercase"),
        (UPPER, "ExcludeUppercase"),
        (DIGITS, "ExcludeNumbers"),
        (PUNCTUATION, "ExcludePunctuation"),
    ]
    .into_iter()
    .filter(|(_, exclude)| !flag(exclude).unwrap_or_default())
    .map(|(kind, _)| kind.chars().filter(|c| !excluded.contains(*c)).collect())
    .filter(|kind: &Vec<char>| !kind.is_empty())
    .collect();
    let invalid = |text: &str| AwsError::bad_request("InvalidParameterException", text);
    let length = usize::try_from(length)
        .ok()
        .filter(|l| (1..=4096).contains(l))
        .ok_or_else(|| invalid("The password length must be between 1 and 4096 characters."))?;

    let mut all: Vec<char> = kinds.concat();
    if flag("IncludeSpace").unwrap_or_default() {
        all.push(' ');
    }
    let each = flag("RequireEachIncludedType").unwrap_or(true);
    if all.is_empty() || (each && length < kinds.len()) {
        return Err(invalid("The password can't meet the requirements that you gave."));
    }
    let mut password = String::with_capacity(length);
    for place in 0..length {
        // The first places take one of each kind; where they stand is nothing to rely on, as at AWS.
        password.push(pick(kinds.get(place).filter(|_| each).unwrap_or(&all))?);
    }
    Ok(json!({ "RandomPassword": password }))
}

fn pick(from: &[char]) -> Result<char, AwsError> {
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes).map_err(|e| AwsError::internal(e.to_string()))?;
    let at = usize::try_from(u32::from_le_bytes(bytes)).unwrap_or_default() % from.len().max(1);
    from.get(at).copied().ok_or_else(|| AwsError::internal("no characters"))
}
