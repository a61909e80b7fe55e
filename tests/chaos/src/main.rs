//! `eventpipeline-chaos`: runs a pipeline under load and faults of every kind, and checks its promises.
//!
//! The seed decides the faults and their order; their effects depend on the machine.

#![expect(clippy::print_stdout, reason = "the report is the program's output")]

mod builds;
mod classic;
mod clients;
mod faults;
mod handler;
mod member;
mod pipeline;
mod server;
mod stats;
mod watcher;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use eventpipeline_chaos::{Recorder, Verdict, check};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use builds::Builds;
use faults::{Kind, Plan};
use pipeline::{IDLE_LIMIT, Pipeline};

/// Runs a pipeline under faults and checks its promises
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-chaos", version)]
struct Cli {
    /// Folder of the programs `eventpipeline-producer` and `eventpipeline-consumer`
    #[arg(long, default_value = ".")]
    programs: PathBuf,
    /// Folder of the same programs of the previous version: both versions run at once, and replace each other
    #[arg(long)]
    previous: Option<PathBuf>,
    /// Duration of the faults
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed of the faults; random by default
    #[arg(long)]
    seed: Option<u64>,
    /// Kinds of faults, such as `kill-consumer,lock-events`; all by default
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<Kind>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(rand::random);
    println!("seed {seed}: --seed {seed} --seconds {} repeats these faults", cli.seconds);
    let builds = Builds::open(&cli.programs, cli.previous.as_deref())?;
    let recorder = Arc::new(Recorder::default());
    let handler = handler::start(Arc::clone(&recorder), seed).await?;
    let pipeline = Arc::new(Pipeline::start(builds, handler).await?);
    let plan = Plan { time: Duration::from_secs(cli.seconds), seed, kinds: cli.faults };
    let verdict = run(&pipeline, &recorder, &plan).await?;
    println!("{verdict}");
    if verdict.violations.is_empty() {
        println!("every promise was kept (seed {seed})");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} promises were broken (seed {seed}); the programs' logs:", verdict.violations.len());
    pipeline.print_logs();
    Ok(ExitCode::FAILURE)
}

/// Runs load and faults, and checks the history.
async fn run(pipeline: &Arc<Pipeline>, recorder: &Arc<Recorder>, plan: &Plan) -> anyhow::Result<Verdict> {
    let end = CancellationToken::new();
    let mut tasks = JoinSet::new();
    clients::spawn(&mut tasks, pipeline, recorder, &end, plan.seed);
    classic::spawn(&mut tasks, pipeline, recorder, &end);
    let watching = CancellationToken::new();
    let mut watchers = JoinSet::new();
    watchers.spawn(watcher::run(Arc::clone(pipeline), Arc::clone(recorder), watching.clone()));
    watchers.spawn(stats::run(Arc::clone(pipeline), Arc::clone(recorder), watching.clone()));
    faults::run(pipeline, recorder, plan).await;
    end.cancel();
    // The checker reports a client that is still waiting after this.
    if let Ok(ended) = tokio::time::timeout(IDLE_LIMIT, all(&mut tasks)).await {
        ended?;
    }

    pipeline.final_state().await?;
    watching.cancel();
    all(&mut watchers).await?;
    // Read after all observations.
    let end = pipeline.final_state().await?;
    Ok(check(&recorder.lock(), &end))
}

async fn all(tasks: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}
