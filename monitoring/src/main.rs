//! Prints dashboards and rules.

use std::error::Error;
use std::io::Write as _;

use clap::{Parser, Subcommand};
use eventpipeline_monitoring::{Name, Settings, alerts_page, dashboard, rules};

/// Dashboards and rules of EventPipeline, from code
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a dashboard of Grafana
    Dashboard {
        /// Which
        name: Name,
    },
    /// Print the rules of Prometheus
    Rules {
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the reference of the alerts
    Alerts {
        #[command(flatten)]
        settings: Settings,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let text = match Cli::parse().what {
        What::Dashboard { name } => format!("{:#}\n", dashboard(name).json()),
        What::Rules { settings } => rules(&settings).yaml()?,
        What::Alerts { settings } => alerts_page(&rules(&settings)),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
