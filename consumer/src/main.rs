//! `eventpipeline-consumer`: claims events, has them handled, and writes the answers back. `metrics` prints the reference of its
//! metrics.
//!
//! ```text
//! claimer ──▶ buffer ──▶ dispatcher ──▶ handlers ──▶ settler
//!    ╰──────────── holdings: what is claimed and not settled ───── heartbeat
//! ```

mod args;
mod attempt;
mod backoff;
mod claimer;
mod cli;
mod dispatcher;
mod handlers;
mod heartbeat;
mod holdings;
mod ids;
mod instruments;
mod keeper;
mod metrics;
mod prefetch;
mod retry;
mod serve;
mod settler;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use cli::Cli;

fn main() -> ExitCode {
    match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => serve::run(*args),
        Ok(Cli::Metrics) => match print_reference() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                #[expect(
                    clippy::print_stderr,
                    reason = "logging is not configured for a command that prints"
                )]
                {
                    eprintln!("eventpipeline-consumer: {error:#}");
                }
                ExitCode::FAILURE
            }
        },
        Err(code) => code,
    }
}

fn print_reference() -> anyhow::Result<()> {
    let text = instruments::reference()?;
    std::io::stdout().write_all(text.as_bytes()).context("failed to print the reference of the metrics")
}
