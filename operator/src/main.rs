//! `eventpipeline-operator`: runs what each EventPipeline asks for and reports how that is going.
//!
//! Without a command it runs; `crd` prints the resource definition.

mod api;
mod cli;
mod controller;
mod eventpipeline;
mod figures;
mod gateway;
mod internal_port;
mod inventory;
mod leadership;
mod pods;
mod run;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use cli::Cli;

fn main() -> ExitCode {
    match eventpipeline_service::parse() {
        Ok(Cli::Run(args)) => run::run(*args),
        Ok(Cli::Crd) => match print_crd() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                #[expect(
                    clippy::print_stderr,
                    reason = "logging is not configured for a command that prints"
                )]
                {
                    eprintln!("eventpipeline-operator: {error:#}");
                }
                ExitCode::FAILURE
            }
        },
        Err(code) => code,
    }
}

fn print_crd() -> anyhow::Result<()> {
    let yaml = eventpipeline_crds::yaml::crd().context("failed to write the resource definition as YAML")?;
    std::io::stdout().write_all(yaml.as_bytes()).context("failed to print the resource definition")
}
