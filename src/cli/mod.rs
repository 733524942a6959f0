//! The command line: what is asked, and where it is answered.

mod configuration;
mod keys;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The SQLite of workflow engines.
#[derive(Debug, Parser)]
#[command(name = "turbocat", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the platform: API, schedules, and the executions themselves.
    Serve(serve::Serve),
}

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => serve.main(),
    }
}

/// Says what is wrong, in the manner of all diagnostics.
#[expect(clippy::print_stderr, reason = "this is what a command line says when it cannot go on")]
pub(crate) fn complain(message: &str, help: Option<&str>) {
    eprintln!("error: {message}");
    if let Some(help) = help {
        eprintln!("  = help: {help}");
    }
}
