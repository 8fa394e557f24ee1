//! What STS, and with it CloudTrail, is told of a caller: the session's name, its source identity, its tags.

use sha2::{Digest, Sha256};

use crate::auth::Caller;

/// Which of them are sent. Nothing here changes from one request to the next, or no session could be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// SourceIdentity: can't be changed, and stays when the session assumes another role.
    pub source_identity: bool,
    /// Session tags: policies can tell callers apart by `aws:PrincipalTag/caller`.
    pub tags: bool,
}

impl Default for Naming {
    fn default() -> Self {
        Self {
            source_identity: true,
            tags: true,
        }
    }
}

impl Naming {
    /// The caller as SourceIdentity.
    pub fn source_identity(self, caller: &Caller) -> Option<String> {
        self.source_identity.then(|| source_identity(caller))
    }

    /// The tags of every session.
    pub fn tags(self, caller: &Caller) -> Vec<(&'static str, String)> {
        if self.tags {
            vec![("caller", source_identity(caller))]
        } else {
            Vec::new()
        }
    }
}

/// The caller as a RoleSessionName.
pub fn session_name(caller: &Caller) -> String {
    legal(&format!("aws-ops-{}", caller.name()), caller)
}

/// The caller as a SourceIdentity. A tag could say more, but two spellings of one caller would help nobody.
pub fn source_identity(caller: &Caller) -> String {
    legal(caller.name(), caller)
}

/// Whether CloudTrail can't show the caller as it is, so that the log has to tell who is meant.
pub fn is_hashed(caller: &Caller) -> bool {
    source_identity(caller) != caller.name() || !session_name(caller).ends_with(caller.name())
}

/// 2–64 of `[\w+=,.@-]` (STS, AssumeRole). Callers that differ stay different.
fn legal(name: &str, caller: &Caller) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&name.len()) && name.chars().all(fine) {
        return name.to_owned();
    }
    let clean: String = name.chars().map(|c| if fine(c) { c } else { '-' }).take(47).collect();
    let digest = Sha256::digest(caller.name().as_bytes());
    let short: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("{clean}-{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_and_distinct() {
        let long = "x".repeat(200);
        let names = [
            "a",
            "alice",
            "bob@example.com",
            "münchen/ops",
            "münchen_ops",
            &long,
            &format!("{long}y"),
        ];
        for name_of in [session_name, source_identity] {
            let mut made: Vec<String> = names.iter().map(|n| name_of(&Caller::new(*n))).collect();
            for name in &made {
                assert!((2..=64).contains(&name.len()), "{name}");
                assert!(
                    name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)),
                    "{name}"
                );
            }
            made.sort();
            made.dedup();
            assert_eq!(made.len(), names.len());
        }
        assert_eq!(source_identity(&Caller::new("bob@example.com")), "bob@example.com");
        assert!(!is_hashed(&Caller::new("alice")) && is_hashed(&Caller::new(long)));
        // Its source identity fits as it is, but its session name doesn't.
        assert!(is_hashed(&Caller::new("x".repeat(60))));
    }

    #[test]
    fn each_can_be_switched_off() {
        let (on, off) = (
            Naming::default(),
            Naming {
                source_identity: false,
                tags: false,
            },
        );
        let alice = Caller::new("alice");
        assert_eq!(on.source_identity(&alice).as_deref(), Some("alice"));
        assert_eq!(on.tags(&alice), [("caller", "alice".to_owned())]);
        assert_eq!((off.source_identity(&alice), off.tags(&alice)), (None, vec![]));
    }
}
