//! Prints the pages of the reference that are generated from the programs.

mod cli;
mod http_api;
mod settings;

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;

/// Print a page of the reference as Markdown
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-docs", version)]
enum Page {
    /// The commands of the command-line tool
    Cli,
    /// The operations of the HTTP API
    HttpApi {
        /// The OpenAPI description
        description: PathBuf,
        /// The examples
        examples: PathBuf,
    },
    /// The settings of the programs
    Settings,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let page = match Page::parse() {
        Page::Cli => cli::page(),
        Page::HttpApi { description, examples } => http_api::page(&description, &examples)?,
        Page::Settings => settings::page(),
    };
    std::io::stdout().write_all(page.as_bytes())?;
    Ok(())
}
