//! The command line: what each command is given, and where it is run.

mod accounts;
mod call;
mod check;
mod connect;
mod iam;
mod log;
mod proxy;
mod serve;
mod stdin;
mod tools;

use std::{
    ffi::OsString,
    io::{IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{ConfigError, LogConfig, env};

pub use connect::{AwsOptions, Connected};
pub use tools::markdown;

/// One MCP server for every AWS account.
#[derive(Debug, Parser)]
#[command(name = "aws-ops-mcp", version, about, long_about = LONG_ABOUT, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    log: LogConfig,
}

const LONG_ABOUT: &str = "One MCP server for every AWS account: each call names its account, acts with that account's role, and answers \
    with a receipt.\n\nEvery flag can be set by the variable shown beside it, in the environment or in a .env file of the working directory; \
    flags win over the environment, the environment over .env.\n\nTry it without AWS: aws-ops-mcp serve --sandbox";

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve MCP over HTTP: /mcp (Streamable HTTP) and /sse (HTTP+SSE)
    Serve(Box<serve::Serve>),
    /// Serve MCP on standard input and output
    Stdio(Box<AwsOptions>),
    /// Serve MCP on standard input and output, and relay it with signed requests to an MCP server at AWS
    Proxy(Box<proxy::Proxy>),
    /// Show the tools
    Tools(Box<tools::Tools>),
    /// Call one tool and print its result; the exit code tells whether it succeeded
    Call(Box<call::Call>),
    /// Show the registered accounts
    Accounts(Box<accounts::ListAccounts>),
    /// Check credentials, registry and every account's role, and say what to do about each failure
    Check(Box<check::Check>),
    /// Print the roles and policies that the enabled tools need: JSON, CloudFormation or Terraform
    Iam(Box<iam::Iam>),
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the program.
///
/// # Errors
/// What stopped it, in one line that says what would be right.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    env::load_dotenv(Path::new(".env"))?;
    let cli: Cli = match env::parse(args) {
        Err(ConfigError::Usage(usage)) => {
            // A closed pipe (`--help | head`) is no error.
            let _ = usage.print();
            return Ok(ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2)));
        }
        other => other?,
    };
    let otherwise = match &cli.command {
        Command::Proxy(proxy) => proxy.log_level(),
        Command::Serve(_) | Command::Stdio(_) => "info",
        _ => "warn",
    };
    log::start(&cli.log, otherwise)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    let code = runtime.block_on(run(cli.command));
    // Standard input is read by a thread that can't be interrupted; waiting for it would hang the exit.
    runtime.shutdown_background();
    code
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Stdio(options) => serve::stdio(&options).await,
        Command::Proxy(proxy) => proxy.run().await,
        Command::Tools(tools) => tools.run().await,
        Command::Call(call) => call.run().await,
        Command::Accounts(accounts) => accounts.run(),
        Command::Check(check) => check.run().await,
        Command::Iam(iam) => iam.run(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "aws-ops-mcp", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}

/// The declaration of every flag and variable, for the test that compares `.env.example` with it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Prints to standard output. A closed pipe (`| head`) is no error.
fn print(text: &str) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).context("can't write to standard output"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Whether marks may be coloured.
fn colours() -> bool {
    std::io::stdout().is_terminal()
}

/// Columns, each as wide as its widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
