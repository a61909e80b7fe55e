//! Prints dashboards and rules.

use std::error::Error;
use std::io::Write as _;

use clap::{Parser, Subcommand};
use eventpipeline_monitoring::{Name, Thresholds, alerts_page, dashboard, rules, rules_template};

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
        /// Print placeholders for the thresholds, which the chart replaces
        #[arg(long)]
        template: bool,
    },
    /// Print the reference page of the alerts
    Alerts,
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = match Cli::parse().command {
        Command::Dashboard { name } => format!("{:#}\n", dashboard(name).json()),
        Command::Rules { template: true } => rules_template().yaml()?,
        Command::Rules { template: false } => rules(&Thresholds::default()).yaml()?,
        Command::Alerts => alerts_page(&rules(&Thresholds::default())),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
