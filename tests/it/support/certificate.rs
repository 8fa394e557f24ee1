//! A certificate of our own, for 127.0.0.1, which nobody trusts unless told to.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::world::skipped;

/// A key and its certificate, in a folder that lasts as long as this.
pub(crate) struct Certificate {
    pub(crate) key: PathBuf,
    pub(crate) cert: PathBuf,
    pub(crate) folder: TempDir,
}

/// One that signed itself. `None`, with a line that says so, without openssl.
pub(crate) fn certificate() -> Option<Certificate> {
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=it", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        skipped("needs openssl");
        return None;
    }
    Some(Certificate { key, cert, folder })
}
