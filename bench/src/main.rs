//! `eventpipeline-bench`: measures a producer and a consumer with a durable MySQL, compared with the limits of this machine,
//! or the operator with a real kube-apiserver and many pipelines.
//!
//! Most figures are ratios to a baseline of the same run, because absolute figures depend on the machine.

#![expect(clippy::print_stdout, reason = "the report is the program's output")]

mod conditions;
mod http;
mod limits;
mod load;
mod operator;
mod process;
mod report;
mod scenarios;
mod system;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum as _};

use limits::Baselines;
use report::Report;
use scenarios::Scenario;

/// Measures EventPipeline: starts a durable MySQL, a producer and a consumer, loads them and prints figures with ratios
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-bench", version)]
struct Cli {
    /// Folder of the programs `eventpipeline-producer` and `eventpipeline-consumer`
    #[arg(long, default_value = ".", env = "PROGRAMS")]
    programs: PathBuf,
    /// Folder of the programs of other queues, which the scenario `peers` needs
    #[arg(long, env = "PEERS")]
    peers: Option<PathBuf>,
    /// Run these scenarios only
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Measure only the operator, with this many pipelines
    #[arg(long, value_name = "PIPELINES", conflicts_with_all = ["only", "quick"])]
    operator: Option<usize>,
    /// Measure each figure once, with a tenth of the time and of the events, to see that it works
    #[arg(long)]
    quick: bool,
    /// Write the figures and their conditions to this file
    #[arg(long)]
    figures: Option<PathBuf>,
    /// Serve only the empty handler, which a run starts as its own child
    #[arg(long, hide = true)]
    empty_handler: bool,
}

/// The extent of the measurements.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Number of runs per figure. The report has the median.
    runs: usize,
    divisor: u32,
}

impl Scale {
    /// Returns the duration of a load.
    fn time(self, full: Duration) -> Duration {
        full / self.divisor
    }

    /// Returns a number of events.
    fn events(self, full: u32) -> u32 {
        full / self.divisor
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if cli.empty_handler {
        return limits::serve_empty_handler().await;
    }
    if let Some(pipelines) = cli.operator {
        let mut report = Report::default();
        operator::run(&cli.programs, pipelines, &mut report).await?;
        report.summary();
        return Ok(());
    }
    let scale = if cli.quick { Scale { runs: 1, divisor: 10 } } else { Scale { runs: 3, divisor: 1 } };
    let mut wanted = cli.only;
    if wanted.is_empty() {
        let runs = |scenario: &&Scenario| **scenario != Scenario::Peers || cli.peers.is_some();
        wanted.extend(Scenario::value_variants().iter().filter(runs));
    }
    let mut baselines = Baselines::new(scale);
    let mut report = Report::default();
    for scenario in wanted {
        scenario.run(&cli.programs, cli.peers.as_deref(), scale, &mut baselines, &mut report).await?;
    }
    let summary = report.summary();
    println!("\n{summary}");
    if let Some(path) = &cli.figures {
        let text = format!("{}\n{summary}", conditions::read().await?);
        std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}
