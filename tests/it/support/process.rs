//! The real program, in a folder and an environment of its own.

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use tempfile::TempDir;

use super::client::Client;

/// How long a line may keep us waiting before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command line that has not been started.
pub(crate) struct Program {
    command: Command,
    folder: TempDir,
}

/// A started program. It ends with the test.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Lines,
    err: Lines,
    _folder: TempDir,
}

/// One of its streams.
pub(crate) struct Lines {
    lines: Receiver<String>,
    seen: Vec<String>,
}

/// A program that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program with these arguments, and nothing of our own environment.
pub(crate) fn program(args: &[&str]) -> Program {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_aws-ops-mcp"));
    command.args(args).env_clear().current_dir(folder.path());
    if let Some(path) = path_variable() {
        command.env("PATH", path);
    }
    // Off EC2, asking for instance metadata only costs time.
    command
        .env("HOME", folder.path())
        // No test asks AWS anything.
        .env("AWS_MCP_ENDPOINT", "off")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    Program { command, folder }
}

#[expect(clippy::disallowed_methods, reason = "the one variable that a child keeps")]
fn path_variable() -> Option<OsString> {
    std::env::var_os("PATH")
}

impl Program {
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Puts a file into the working directory.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let command = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Running {
            stdin: child.stdin.take(),
            out: Lines::of(child.stdout.take().unwrap()),
            err: Lines::of(child.stderr.take().unwrap()),
            child,
            _folder: self.folder,
        }
    }

    /// Runs it to its end, with nothing on standard input.
    pub(crate) fn run(self) -> Ended {
        self.run_with("")
    }

    pub(crate) fn run_with(self, input: &str) -> Ended {
        let mut running = self.start();
        running.write(input);
        running.stdin = None;
        running.end()
    }
}

impl Running {
    /// Writes to its standard input. That it no longer reads is no error: some commands don't.
    pub(crate) fn write(&mut self, text: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush());
        }
    }

    /// Closes its standard input.
    pub(crate) fn close_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of standard output that holds `text`.
    pub(crate) fn out_line(&mut self, text: &str) -> String {
        self.out.until(text)
    }

    /// The next line of standard error that holds `text`.
    pub(crate) fn err_line(&mut self, text: &str) -> String {
        self.err.until(text)
    }

    /// The first line of standard error that holds `text`, read already or not: for what may come in any order.
    pub(crate) fn err_line_of_all(&mut self, text: &str) -> String {
        let seen = self.err.seen.iter().find(|line| line.contains(text)).cloned();
        seen.unwrap_or_else(|| self.err_line(text))
    }

    /// Asks it to end, as an orchestrator does.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        let (out, err) = (self.out.rest(), self.err.rest());
        let code = self.child.wait().unwrap().code();
        Ended { code, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { break };
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self {
            lines,
            seen: Vec::new(),
        }
    }

    fn until(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line with `{text}` after:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Everything to the end of the stream, what was seen before included.
    fn rest(&mut self) -> String {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};

        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.seen.push(line),
                Err(Disconnected) => return self.seen.iter().map(|line| format!("{line}\n")).collect(),
                Err(Timeout) => panic!("it goes on after:\n{}", self.seen.join("\n")),
            }
        }
    }
}

/// `serve --sandbox` on a free port, ready for calls; the token is the one that it made.
pub(crate) fn sandbox_server(args: &[&str]) -> (Running, Client) {
    let mut all = vec!["serve", "--sandbox", "--port", "0", "--log-format", "json"];
    // Only tests of the rates wait for them.
    all.extend(["--caller-rate", "off", "--caller-write-rate", "off"]);
    if !args.contains(&"--toolsets") {
        all.extend(["--toolsets", "all"]);
    }
    all.extend(args);
    let mut running = program(&all).start();
    let last = |line: &str| line.split_whitespace().last().unwrap_or_default().to_owned();
    let url = last(&running.out_line("Streamable HTTP"));
    let token = last(&running.out_line("Token"));
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    (running, Client::new(&address, &token))
}
