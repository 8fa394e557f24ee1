//! Parse, run, exit code.

#![recursion_limit = "256"]

use std::{io::Write, process::ExitCode};

use aws_ops_mcp::config::value::one_line;

// musl's own allocator is made to be small, not for many threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match aws_ops_mcp::cli::main(std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "aws-ops-mcp: {}", one_line(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}
