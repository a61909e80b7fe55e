//! Prints dashboards and rules.

use std::error::Error;
use std::io::Write as _;

use clap::{Parser, Subcommand};
use eventpipeline_monitoring::{Name, Settings, alerts_page, dashboard, rules};

/// Print EventPipeline's dashboards and rules
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a Grafana dashboard
    Dashboard {
        /// Name of the dashboard
        name: Name,
    },
    /// Print the Prometheus rules
    Rules {
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the reference page of the alerts
    Alerts {
        #[command(flatten)]
        settings: Settings,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = match Cli::parse().command {
        Command::Dashboard { name } => format!("{:#}\n", dashboard(name).json()),
        Command::Rules { settings } => rules(&settings).yaml()?,
        Command::Alerts { settings } => alerts_page(&rules(&settings)),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
