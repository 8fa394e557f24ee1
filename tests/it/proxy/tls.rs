//! An endpoint whose certificate is not trusted, until somebody says that it is.

use super::program::{blocking, ended, initialize};
use crate::support::{
    certificate::{Certificate, certificate},
    process::program,
    redis::free_port,
};

/// A server of HTTPS whose certificate signed itself; its port.
struct Secured {
    server: std::process::Child,
    certificate: Certificate,
    port: u16,
}

impl Secured {
    fn start() -> Option<Self> {
        let certificate = certificate()?;
        let port = free_port();
        let mut server = std::process::Command::new("openssl")
            .args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")])
            .arg("-key")
            .arg(&certificate.key)
            .arg("-cert")
            .arg(&certificate.cert)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(server.stdout.as_mut().unwrap()));
        assert!(lines.any(|line| line.unwrap() == "ACCEPT"), "openssl listens");
        Some(Self {
            server,
            certificate,
            port,
        })
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_signed_is_not_trusted_unless_it_is_named() {
    let Some(secured) = blocking(Secured::start).await else {
        return;
    };
    let url = format!("https://127.0.0.1:{}/mcp", secured.port);
    let asked = |bundle: Option<&std::path::Path>| {
        let program = program(&["proxy", &url, "--service", "aws-mcp", "--read-timeout", "1"])
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-real-one");
        ended(
            match bundle {
                Some(file) => program.env("AWS_CA_BUNDLE", file.to_str().unwrap()),
                None => program,
            },
            initialize(),
        )
    };
    let doubted = asked(None).await.out;
    assert!(
        doubted.contains("can't trust 127.0.0.1") && doubted.contains("AWS_CA_BUNDLE"),
        "{doubted}"
    );
    // It speaks no MCP, but the connection is there.
    let trusted = asked(Some(&secured.certificate.cert)).await.out;
    assert!(
        trusted.contains("\"error\"") && !trusted.contains("can't trust"),
        "{trusted}"
    );
}
