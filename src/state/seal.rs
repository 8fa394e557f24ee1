//! Messages on their way from one replica to another. Whoever reads or writes in the store can neither read them nor make one up.

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
};

/// Seals a message with a session's id. `None` without randomness.
pub fn seal(session: &str, mut message: Vec<u8>) -> Option<Vec<u8>> {
    let mut nonce = [0_u8; NONCE_LEN];
    getrandom::fill(&mut nonce).ok()?;
    let unique = Nonce::assume_unique_for_key(nonce);
    key(session)?
        .seal_in_place_append_tag(unique, Aad::empty(), &mut message)
        .ok()?;
    Some([&nonce[..], &message].concat())
}

/// Opens a sealed message; `None` if it was not sealed with this session's id.
pub fn open(session: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, message) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut message = message.to_vec();
    let length = key(session)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut message)
        .ok()?
        .len();
    message.truncate(length);
    Some(message)
}

/// The id is 122 random bits that only the client and the replicas see; the store has another hash of it.
fn key(session: &str) -> Option<LessSafeKey> {
    let digest = digest::digest(
        &digest::SHA256,
        ["aws-ops-mcp message key\0", session].concat().as_bytes(),
    );
    UnboundKey::new(&CHACHA20_POLY1305, digest.as_ref())
        .ok()
        .map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_session_opens_what_it_sealed() {
        let sealed = seal("one", b"hunter2".to_vec()).unwrap();
        assert!(!sealed.windows(7).any(|w| w == b"hunter2"));
        assert_eq!(open("one", &sealed).as_deref(), Some(&b"hunter2"[..]));
        assert_eq!(open("two", &sealed), None);
        assert_ne!(seal("one", b"hunter2".to_vec()).unwrap(), sealed);
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert_eq!(open("one", &forged), None, "{at}");
        }
        assert_eq!(open("one", b"short"), None);
    }
}
