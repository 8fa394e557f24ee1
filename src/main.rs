//! Parse, run, exit code.

#![recursion_limit = "256"]

use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    match aws_ops_mcp::cli::main(std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "aws-ops-mcp: {error:#}");
            ExitCode::from(2)
        }
    }
}
