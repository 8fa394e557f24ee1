//! How the arguments of `iam` are read.

use super::documents::ServiceAccount;

/// An organization's id. Source: Organizations' API reference, data type Organization.
pub(super) fn org_id(text: &str) -> Result<String, String> {
    let fine =
        |id: &str| (10..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match text.strip_prefix("o-").filter(|id| fine(id)) {
        Some(_) => Ok(text.to_owned()),
        None => Err("expected an organization's id such as o-a1b2c3d4e5".to_owned()),
    }
}

/// A provider's ARN, or its issuer without `https://`.
pub(super) fn oidc_provider(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
    let fine = |c: char| c.is_ascii_alphanumeric() || ".-_/:".contains(c);
    let arn = host.starts_with("arn:");
    let well_formed = host.chars().all(fine)
        && if arn {
            host.contains(":oidc-provider/")
        } else {
            host.contains('.') && !host.contains(':')
        };
    if well_formed {
        Ok(host.to_owned())
    } else {
        Err("expected an issuer such as https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE, or the ARN of an IAM OIDC provider".to_owned())
    }
}

/// The ARN of a key, or of every key of an account and region. Policies don't know aliases.
pub(super) fn kms_key(text: &str) -> Result<String, String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || ":/-*".contains(c);
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "kms", _, _, key] if key.starts_with("key/") && text.chars().all(fine) => Ok(text.to_owned()),
        _ => Err("expected a key's ARN such as arn:aws:kms:eu-west-1:222222222222:key/1234abcd-…".to_owned()),
    }
}

/// `namespace:name`, both as Kubernetes allows them; no `*` can open the role to others.
pub(super) fn service_account(text: &str) -> Result<ServiceAccount, String> {
    let fine = |name: &str| {
        (1..=253).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    };
    match text.split_once(':') {
        Some((namespace, name)) if fine(namespace) && fine(name) => Ok(ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err("expected NAMESPACE:NAME, such as ops:aws-ops-mcp".to_owned()),
    }
}
