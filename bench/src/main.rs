//! `eventpipeline-bench`: what a producer and a consumer do before a durable MySQL, beside what this machine can do at best.
//!
//! Or what the operator does before a real kube-apiserver with many pipelines.
//!
//! Each figure is a ratio to a baseline of the same run, as far as it has one: figures of other machines say little.

#![expect(clippy::print_stdout, reason = "the report is what the program is for")]

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
    /// Only these scenarios
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Measure the operator with so many pipelines, and nothing else
    #[arg(long, value_name = "PIPELINES", conflicts_with_all = ["only", "quick"])]
    operator: Option<usize>,
    /// A tenth of the time and of the events, and each figure once: to see that it works
    #[arg(long)]
    quick: bool,
    /// Write the figures, and the conditions under which they came about, to this file
    #[arg(long)]
    figures: Option<PathBuf>,
    /// Serve the empty handler and nothing else (what the run starts for itself)
    #[arg(long, hide = true)]
    empty_handler: bool,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Runs of a figure, of which the median is taken.
    runs: usize,
    divisor: u32,
}

impl Scale {
    /// A load's time.
    fn time(self, full: Duration) -> Duration {
        full / self.divisor
    }

    /// A number of events.
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
    let wanted: Vec<Scenario> =
        if cli.only.is_empty() { Scenario::value_variants().to_vec() } else { cli.only };
    let mut baselines = Baselines::new(scale);
    let mut report = Report::default();
    for scenario in wanted {
        scenario.run(&cli.programs, scale, &mut baselines, &mut report).await?;
    }
    let summary = report.summary();
    println!("\n{summary}");
    if let Some(path) = &cli.figures {
        let text = format!("{}\n{summary}", conditions::read().await?);
        std::fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?;
    }
    Ok(())
}
