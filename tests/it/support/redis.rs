//! A Redis of a test's own.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use redis::{Client, aio::MultiplexedConnection};
use tempfile::TempDir;

use super::world::skipped;

/// A started `redis-server`. It ends with the test.
pub(crate) struct Redis {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
    more: Vec<String>,
}

impl Redis {
    /// One that forgets everything when it ends. `None`, with a line that says so, where there is no `redis-server`.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// One that remembers what it was told, however it ends.
    pub(crate) fn lasting() -> Option<Self> {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    pub(crate) fn with(more: &[&str]) -> Option<Self> {
        let there = Command::new("redis-server").arg("--version").output();
        if there.is_err() {
            skipped("needs redis-server");
            return None;
        }
        let mut redis = Self {
            child: None,
            port: 0,
            folder: tempfile::tempdir().unwrap(),
            more: more.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        // Somebody else may take the port between the two of us.
        while redis.child.is_none() {
            redis.port = free_port();
            redis.go();
        }
        Some(redis)
    }

    /// One that is not there yet, on a port that is kept for nobody.
    pub(crate) fn later() -> Option<Self> {
        let mut redis = Self::start()?;
        redis.kill();
        Some(redis)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A file in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it at once, as a failing machine does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        self.go();
        assert!(self.child.is_some(), "its port was taken");
    }

    /// A way to look into it.
    pub(crate) async fn look(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    fn go(&mut self) {
        let mut child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(&self.more)
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        if lines.any(|line| line.contains("Ready to accept connections")) {
            // It may go on writing to nobody.
            std::thread::spawn(move || lines.for_each(drop));
            self.child = Some(child);
        } else {
            let _ = child.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
