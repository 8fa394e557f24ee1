//! Session policies: what STS cuts a role down to, written from a tool's declaration. What can't be written safely is refused.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, LazyLock},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The most characters that AssumeRole takes as `Policy`. Source: STS, AssumeRole.
pub const POLICY_LIMIT: usize = 2048;

/// An inline session policy that fits. Cheap to clone, to compare and to hash, since it is part of every cache key.
#[derive(Clone)]
pub struct Policy {
    text: Arc<str>,
    managed: Option<&'static str>,
    digest: u64,
}

/// AWS's own policy for looking at everything but secrets.
pub const READ_ONLY_ACCESS: &str = "ReadOnlyAccess";

/// What one statement of a policy allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// IAM actions.
    pub actions: Vec<String>,
    /// ARNs, or `*`.
    pub resources: Vec<String>,
    /// Only when this service asks in our name, such as `secretsmanager` of KMS.
    pub via: Option<String>,
}

impl Allow {
    /// These actions on every resource.
    pub fn everywhere(actions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::on(actions, ["*"])
    }

    /// These actions on these resources.
    pub fn on(
        actions: impl IntoIterator<Item = impl Into<String>>,
        resources: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            actions: actions.into_iter().map(Into::into).collect(),
            resources: resources.into_iter().map(Into::into).collect(),
            via: None,
        }
    }

    /// These actions on every key, as far as `service` uses it for what the rest of the policy allows.
    pub fn keys_of(service: &str, actions: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            via: Some(service.to_owned()),
            ..Self::everywhere(actions)
        }
    }

    fn statement(&self) -> Value {
        let one_or_many = |list: &[String]| match list {
            [one] => json!(one),
            many => json!(many),
        };
        let mut statement = json!({
            "Effect": "Allow",
            "Action": one_or_many(&self.actions),
            "Resource": one_or_many(&self.resources),
        });
        if let (Some(service), Some(map)) = (&self.via, statement.as_object_mut()) {
            // The host's end differs between partitions, and only AWS sets this key.
            let condition = json!({ "StringLike": { "kms:ViaService": format!("{service}.*") } });
            map.insert("Condition".to_owned(), condition);
        }
        statement
    }
}

impl Policy {
    /// The policy of these statements. Without any, a session that may say who it is, and nothing else.
    ///
    /// # Errors
    /// What is too long, in words.
    pub fn new(allows: &[Allow]) -> Result<Self, String> {
        let statements: Vec<Value> = allows
            .iter()
            .filter(|a| !a.actions.is_empty())
            .map(Allow::statement)
            .collect();
        if statements.is_empty() {
            return Ok(Self::nothing());
        }
        let text = ascii(&json!({ "Version": "2012-10-17", "Statement": statements }));
        if text.len() > POLICY_LIMIT {
            return Err(format!(
                "the session policy would have {} characters, and AWS takes {POLICY_LIMIT}",
                text.len()
            ));
        }
        Ok(Self::of(&text))
    }

    /// For a session that nobody gave a purpose: AWS wants a statement, and GetCallerIdentity can't be denied anyway.
    pub fn nothing() -> Self {
        static NOTHING: LazyLock<Policy> = LazyLock::new(|| {
            let statement = Allow::everywhere(["sts:GetCallerIdentity"]).statement();
            Policy::of(&ascii(&json!({ "Version": "2012-10-17", "Statement": [statement] })))
        });
        NOTHING.clone()
    }

    /// For calls that the AWS MCP Server makes in our name: whatever the role may do, or with `reading` only what [`READ_ONLY_ACCESS`]
    /// lets it look at. To anybody else the keys are useless.
    pub fn through_aws_mcp(reading: bool) -> Self {
        static BOTH: LazyLock<[Policy; 2]> = LazyLock::new(|| {
            // A request that did not come that way may lack the key, and must be denied as well.
            let elsewhere = json!({
                "Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": { "BoolIfExists": { "aws:ViaAWSMCPService": "false" } },
            });
            let document = |statements: Vec<Value>| {
                Policy::of(&ascii(&json!({ "Version": "2012-10-17", "Statement": statements })))
            };
            let everything = Allow::everywhere(["*"]).statement();
            let mut reads = document(vec![elsewhere.clone()]);
            reads.managed = Some(READ_ONLY_ACCESS);
            [document(vec![everything, elsewhere]), reads]
        });
        let [all, reads] = &*BOTH;
        if reading { reads.clone() } else { all.clone() }
    }

    /// The same, and beside it all that [`READ_ONLY_ACCESS`] allows: what both together allow is what the session may do.
    #[must_use]
    pub fn with_read_only_access(self) -> Self {
        Self {
            managed: Some(READ_ONLY_ACCESS),
            ..self
        }
    }

    /// The AWS managed policy that STS gets beside the document, by its name.
    pub fn managed(&self) -> Option<&'static str> {
        self.managed
    }

    /// The document, as STS gets it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn of(text: &str) -> Self {
        let mut digest = [0_u8; 8];
        digest
            .iter_mut()
            .zip(Sha256::digest(text.as_bytes()))
            .for_each(|(d, b)| *d = b);
        Self {
            text: text.into(),
            managed: None,
            digest: u64::from_le_bytes(digest),
        }
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.managed == other.managed && (Arc::ptr_eq(&self.text, &other.text) || self.text == other.text)
    }
}

impl Eq for Policy {}

impl Hash for Policy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.digest, self.managed).hash(state);
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Policy({:016x})", self.digest)
    }
}

/// JSON with every other character as `\u`: AssumeRole's `Policy` takes Latin-1 only.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

/// The parts of an ARN that the target decides, and no argument.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'a str,
    /// The region that the call works in.
    pub region: &'a str,
    /// The account that the role is in.
    pub account: &'a str,
}

/// Where an argument goes in a template, and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Text,
    /// Without `/` and `:`, which would begin another part of the ARN.
    Segment,
    /// What follows the last `/`: Route 53 writes its ids with a path before them.
    Last,
    /// A name, or the ARN that the template makes of it, with or without what the template puts behind it.
    Arn,
    /// As [`Form::Arn`], and any at all where the argument is left out: only AWS knows then which one it is.
    ArnOrAny,
    /// Each of a list, as [`Form::Segment`]: one ARN for each.
    Each,
}

/// A piece of a template.
enum Piece<'t> {
    Fixed(&'t str),
    Hole(&'t str, Form),
}

/// The arguments that a template such as `arn:{partition}:s3:::{bucket|segment}/{key}` names.
///
/// # Errors
/// A template that can't be read.
pub fn arguments(template: &str) -> Result<Vec<&str>, String> {
    let pieces = pieces(template)?;
    Ok(pieces
        .into_iter()
        .filter_map(|p| match p {
            Piece::Hole("partition" | "region" | "account", _) | Piece::Fixed(_) => None,
            Piece::Hole(name, _) => Some(name),
        })
        .collect())
}

/// The argument that is a list, if a template such as `…:instance/{instance_ids|each}` has one.
///
/// # Errors
/// A template that can't be read.
pub fn list_of(template: &str) -> Result<Option<&str>, String> {
    Ok(pieces(template)?.into_iter().find_map(|p| match p {
        Piece::Hole(name, Form::Each) => Some(name),
        _ => None,
    }))
}

/// The resources that a template means in this place with these arguments, of a list's with one of its items.
///
/// # Errors
/// An argument that is missing, or that can't be said without allowing more than it names.
pub fn resources<'v>(
    template: &str,
    place: Place<'_>,
    argument: impl Fn(&str) -> Option<&'v str>,
) -> Result<Vec<String>, String> {
    let (mut arn, mut whole) = (String::new(), None);
    for piece in pieces(template)? {
        let (name, form) = match piece {
            Piece::Fixed(text) => {
                arn.push_str(text);
                continue;
            }
            Piece::Hole("partition", _) => {
                arn.push_str(place.partition);
                continue;
            }
            Piece::Hole("region", _) => {
                arn.push_str(place.region);
                continue;
            }
            Piece::Hole("account", _) => {
                arn.push_str(place.account);
                continue;
            }
            Piece::Hole(name, form) => (name, form),
        };
        if form == Form::ArnOrAny && argument(name).is_none() {
            arn.push('*');
            continue;
        }
        let value = argument(name).ok_or_else(|| format!("`{name}` is missing, or is no text"))?;
        let value = match form {
            Form::Text => value,
            Form::Last => value.rsplit('/').next().unwrap_or_default(),
            Form::Segment | Form::Each if value.contains(['/', ':']) => {
                return Err(format!("{name} `{value}` can't hold `/` or `:`: give the plain name"));
            }
            Form::Segment | Form::Each => value,
            Form::Arn | Form::ArnOrAny if value.starts_with("arn:") => {
                let rest = value.strip_prefix(arn.as_str()).ok_or_else(|| {
                    format!("{name} `{value}` is not in account {}, region {}: an ARN that the call's target can change begins with {arn}", place.account, place.region)
                })?;
                whole = Some(format!("{arn}{}", escaped(name, rest)?));
                rest
            }
            Form::Arn | Form::ArnOrAny => value,
        };
        arn.push_str(&escaped(name, value)?);
    }
    Ok(std::iter::once(arn).chain(whole).collect())
}

/// A value that stands for itself in a policy: IAM's wildcards and variables lose their meaning.
fn escaped(name: &str, value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err(format!("`{name}` is empty"));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("`{name}` holds a control character, which no policy can say"));
    }
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '*' => text.push_str("${*}"),
            '?' => text.push_str("${?}"),
            '$' => text.push_str("${$}"),
            other => text.push(other),
        }
    }
    Ok(text)
}

fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((fixed, hole)) = rest.split_once('{') {
        let (hole, after) = hole
            .split_once('}')
            .ok_or_else(|| format!("the resource `{template}` has a `{{` that nothing closes"))?;
        let (name, form) = match hole.split_once('|') {
            None => (hole, Form::Text),
            Some((name, "segment")) => (name, Form::Segment),
            Some((name, "last")) => (name, Form::Last),
            Some((name, "arn")) => (name, Form::Arn),
            Some((name, "arn-or-any")) => (name, Form::ArnOrAny),
            Some((name, "each")) => (name, Form::Each),
            Some((_, other)) => return Err(format!("the resource `{template}` has an unknown form `{other}`")),
        };
        pieces.push(Piece::Fixed(fixed));
        pieces.push(Piece::Hole(name, form));
        rest = after;
    }
    pieces.push(Piece::Fixed(rest));
    Ok(pieces)
}

#[cfg(test)]
mod tests;
