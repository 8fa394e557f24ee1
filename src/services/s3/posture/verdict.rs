//! What a bucket's settings come to: open or not, and why.

use aws_sdk_s3::types::{Permission, PublicAccessBlockConfiguration, ServerSideEncryptionRule};

/// The groups that are no particular principals. Source: S3 user guide, ACL overview.
const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// A bucket's public access block.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Block {
    /// New public ACLs are refused.
    pub(super) refuse_acls: bool,
    /// Public ACLs count for nothing.
    pub(super) ignore_acls: bool,
    /// New public policies are refused.
    pub(super) refuse_policy: bool,
    /// A public policy lets in nobody outside of the account but AWS's services.
    pub(super) restrict: bool,
}

impl Block {
    pub(super) fn of(block: Option<&PublicAccessBlockConfiguration>) -> Self {
        let flag =
            |which: fn(&PublicAccessBlockConfiguration) -> Option<bool>| block.and_then(which).unwrap_or_default();
        Self {
            refuse_acls: flag(|b| b.block_public_acls),
            ignore_acls: flag(|b| b.ignore_public_acls),
            refuse_policy: flag(|b| b.block_public_policy),
            restrict: flag(|b| b.restrict_public_buckets),
        }
    }
}

impl std::fmt::Display for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let flags = [
            (self.refuse_acls, "block_public_acls"),
            (self.ignore_acls, "ignore_public_acls"),
            (self.refuse_policy, "block_public_policy"),
            (self.restrict, "restrict_public_buckets"),
        ];
        let off: Vec<&str> = flags.iter().filter(|(on, _)| !on).map(|(_, name)| *name).collect();
        match off.len() {
            0 => f.write_str("on"),
            4 => f.write_str("off"),
            _ => write!(f, "partly; off: {}", off.join(", ")),
        }
    }
}

/// Whether the policy lets the public in; `None` if that can't be told.
pub(super) fn opened_by_policy(public: Option<bool>, block: Option<&Block>, reasons: &mut Vec<String>) -> Option<bool> {
    match (public, block) {
        (Some(false), _) => Some(false),
        (Some(true), Some(block)) if block.restrict => {
            reasons.push("the policy lets anybody in, but restrict_public_buckets keeps them out".to_owned());
            Some(false)
        }
        (Some(true), Some(_)) => {
            reasons.push("the bucket policy lets anybody in".to_owned());
            Some(true)
        }
        (None, Some(block)) if block.restrict => Some(false),
        _ => None,
    }
}

/// Whether the ACL lets the public in; `None` if that can't be told.
pub(super) fn opened_by_acl(
    grants: Option<Vec<String>>,
    ownership: Option<&str>,
    block: Option<&Block>,
    reasons: &mut Vec<String>,
) -> Option<bool> {
    if ownership == Some("BucketOwnerEnforced") || block.is_some_and(|b| b.ignore_acls) {
        if let Some(grants) = grants.filter(|g| !g.is_empty()) {
            reasons.push(format!("the ACL gives {}, but ACLs are ignored", grants.join(" and ")));
        }
        return Some(false);
    }
    match grants {
        Some(grants) if grants.is_empty() => Some(false),
        Some(grants) if block.is_some() && ownership.is_some() => {
            reasons.push(format!("the ACL gives {}", grants.join(" and ")));
            Some(true)
        }
        _ => None,
    }
}

/// Such as `READ to everybody`.
pub(super) fn public_grants(grants: &[aws_sdk_s3::types::Grant]) -> Vec<String> {
    let to = |grant: &aws_sdk_s3::types::Grant| match grant.grantee()?.uri()? {
        ALL_USERS => Some("everybody"),
        AUTHENTICATED_USERS => Some("every AWS account"),
        _ => None,
    };
    let public = grants
        .iter()
        .filter_map(|g| Some((g.permission().map_or("?", Permission::as_str), to(g)?)));
    public.map(|(what, to)| format!("{what} to {to}")).collect()
}

pub(super) fn encryption_words(rule: &ServerSideEncryptionRule) -> String {
    let Some(default) = &rule.apply_server_side_encryption_by_default else {
        return "none".to_owned();
    };
    match (default.sse_algorithm.as_str(), &default.kms_master_key_id) {
        ("AES256", _) => "SSE-S3".to_owned(),
        (algorithm, Some(key)) => format!("{algorithm} {key}"),
        (algorithm, None) => format!("{algorithm} (AWS's own key)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Block = Block {
        refuse_acls: false,
        ignore_acls: false,
        refuse_policy: false,
        restrict: false,
    };
    const SHUT: Block = Block {
        refuse_acls: true,
        ignore_acls: true,
        refuse_policy: true,
        restrict: true,
    };

    #[test]
    fn what_is_not_known_is_never_private() {
        let mut why = Vec::new();
        for (public, block, expected) in [
            (Some(true), Some(OPEN), Some(true)),
            (Some(true), Some(SHUT), Some(false)),
            (Some(false), None, Some(false)),
            (Some(true), None, None),
            (None, Some(OPEN), None),
            (None, Some(SHUT), Some(false)),
            (None, None, None),
        ] {
            assert_eq!(
                opened_by_policy(public, block.as_ref(), &mut why),
                expected,
                "{public:?} {block:?}"
            );
        }
        let grant = || Some(vec!["READ to everybody".to_owned()]);
        for (grants, ownership, block, expected) in [
            (grant(), Some("ObjectWriter"), Some(OPEN), Some(true)),
            (grant(), Some("ObjectWriter"), Some(SHUT), Some(false)),
            (grant(), Some("BucketOwnerEnforced"), Some(OPEN), Some(false)),
            (grant(), None, Some(OPEN), None),
            (grant(), Some("ObjectWriter"), None, None),
            (Some(Vec::new()), None, None, Some(false)),
            (None, Some("ObjectWriter"), Some(OPEN), None),
            (None, Some("BucketOwnerEnforced"), None, Some(false)),
            (None, None, Some(SHUT), Some(false)),
        ] {
            let said = opened_by_acl(grants.clone(), ownership, block.as_ref(), &mut why);
            assert_eq!(said, expected, "{grants:?} {ownership:?} {block:?}");
        }
        // Refusing new policies and ACLs does nothing about those that are there.
        let late = Block {
            refuse_acls: true,
            refuse_policy: true,
            ..OPEN
        };
        assert_eq!(opened_by_policy(Some(true), Some(&late), &mut why), Some(true));
        assert_eq!(
            late.to_string(),
            "partly; off: ignore_public_acls, restrict_public_buckets"
        );
    }
}
