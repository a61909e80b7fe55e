//! `eventpipeline`: creates, inspects and changes the events of a pipeline.

mod args;
mod client;
mod commands;
mod document;
mod duration;
mod error;
mod output;
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use args::{Cli, Command};
use client::Client;
use error::Error;
use output::Output;

/// Returns the definition of the command line.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the tool with the arguments of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output closed the pipe, as `head` does.
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one place where errors are shown")]
            {
                eprintln!("eventpipeline: {}", terminal::escaped(&error::chain(&error)));
            }
            error.exit_code()
        }
    }
}

fn execute(cli: Cli) -> Result<(), Error> {
    let Cli { url, output, command } = cli;
    if let Command::Completions { shell } = command {
        clap_complete::generate(shell, &mut crate::command(), "eventpipeline", &mut std::io::stdout());
        return Ok(());
    }
    // A second installation fails, and the first one is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new(url)?;
    let output = Output::new(output);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    runtime.block_on(commands::run(command, &client, &output))
}
