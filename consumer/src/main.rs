//! `eventpipeline-consumer`: claims events, has them handled, and writes the answers back. `metrics` prints the reference of its
//! metrics.
//!
//! ```text
//! claimer ──▶ buffer ──▶ dispatcher ──▶ handlers ──▶ settler
//!    ╰──────────── holdings: what is claimed and not settled ───── heartbeat
//! ```

mod args;
mod aside;
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
mod journal;
mod keeper;
mod metrics;
mod prefetch;
mod retry;
mod serve;
mod settler;
mod wake;

use std::process::ExitCode;

use args::ServeArgs;
use cli::{Cli, Command};
use eventpipeline_service::{ended, print};

fn main() -> ExitCode {
    let result = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return serve::run(*args),
        Ok(Cli::Run(Command::Metrics)) => instruments::reference(),
        Err(code) => return code,
    };
    ended::<ServeArgs>(result.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
