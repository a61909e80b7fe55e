//! `eventpipeline-chaos`: a pipeline under load and faults of every kind, and whether it kept its promises.
//!
//! The seed decides which faults come in which order; what the machine makes of them it does not.

#![expect(clippy::print_stdout, reason = "the report is what the program is for")]

mod classic;
mod clients;
mod faults;
mod handler;
mod ledger;
mod pipeline;
mod watcher;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use eventpipeline_chaos::{Recorder, check};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use pipeline::{Pipeline, REST};

/// Runs a pipeline under faults and checks its promises
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-chaos", version)]
struct Cli {
    /// Folder of the programs `eventpipeline-producer` and `eventpipeline-consumer`
    #[arg(long, default_value = ".")]
    programs: PathBuf,
    /// How long faults happen
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What decides them; a random one if not given
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(rand::random);
    println!("seed {seed}: to have the same faults again, --seed {seed} --seconds {}", cli.seconds);
    let recorder = Arc::new(Recorder::default());
    let handler = handler::start(Arc::clone(&recorder), seed).await?;
    let pipeline = Arc::new(Pipeline::start(&cli.programs, handler).await?);

    let end = CancellationToken::new();
    let mut tasks = JoinSet::new();
    clients::spawn(&mut tasks, &pipeline, &recorder, &end, seed);
    classic::spawn(&mut tasks, &pipeline, &recorder, &end);
    let watching = CancellationToken::new();
    let mut watchers = JoinSet::new();
    watchers.spawn(watcher::run(Arc::clone(&pipeline), Arc::clone(&recorder), watching.clone()));
    watchers.spawn(ledger::run(Arc::clone(&pipeline), Arc::clone(&recorder), watching.clone()));
    faults::run(&pipeline, &recorder, Duration::from_secs(cli.seconds), seed).await;
    end.cancel();
    let clients = async {
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        anyhow::Ok(())
    };
    // A client that still waits for an answer then is one that the checker is told of.
    if let Ok(ended) = tokio::time::timeout(REST, clients).await {
        ended?;
    }

    pipeline.come_to_rest().await?;
    watching.cancel();
    while let Some(watcher) = watchers.join_next().await {
        watcher??;
    }
    // After all that anybody has seen.
    let rest = pipeline.come_to_rest().await?;
    let verdict = check(&recorder.lock(), &rest);
    println!("{verdict}");
    if verdict.violations.is_empty() {
        println!("every promise was kept (seed {seed})");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} promises were broken (seed {seed}); the programs' logs:", verdict.violations.len());
    pipeline.print_logs();
    Ok(ExitCode::FAILURE)
}
