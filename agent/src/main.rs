//! `eventpipeline-agent`: runs beside mysqld in the database's pod, and tells how full the volume is and with what.
//!
//! It mounts the data volume read-only and never connects to the database. Without a command it serves; `metrics` prints
//! the reference of its metrics.

mod cli;
mod files;
mod instruments;
mod measure;
mod metrics;
mod serve;
mod watch;

use std::process::ExitCode;

use cli::{Cli, Command};
use eventpipeline_service::{ended, print};
use serve::ServeArgs;

fn main() -> ExitCode {
    let text = match eventpipeline_service::parse() {
        Ok(Cli::Serve(args)) => return serve::run(*args),
        Ok(Cli::Run(Command::Metrics)) => instruments::reference(),
        Err(code) => return code,
    };
    ended::<ServeArgs>(text.and_then(|text| print(&text)).map(|()| ExitCode::SUCCESS), 1)
}
