//! `eventpipeline-consumer` claims events, runs the handler for each, and stores the values.
//!
//! ```text
//! claim task ──▶ buffer ──▶ dispatcher ──▶ handlers ──▶ settlers
//!     ╰───────────────────── in-flight events ────────────╯
//!                                  │
//!                              heartbeat
//! ```

mod args;
mod attempt;
mod backoff;
mod claim_key;
mod claim_task;
mod cli;
mod deferred;
mod dispatcher;
mod handlers;
mod heartbeat;
mod ids;
mod in_flight;
mod isolated;
mod journal;
mod metrics;
mod prefetch;
mod reclaimer;
mod retry;
mod serve;
mod settler;
mod work;

use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use cli::Cli;
use eventpipeline_service::{exit_code, print, refuse};

/// Returns the definition of the command line.
pub fn command() -> Command {
    Cli::command()
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let text = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return args.check().map_or_else(|why| refuse::<Cli>(&why), serve::run),
        Ok(Cli::Metrics) => metrics::reference(),
        Err(code) => return code,
    };
    exit_code(metrics::NAME, text.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
