//! `eventpipeline-fill`: fills the small volume of a pipeline repeatedly, and checks that the pipeline recovers.
//!
//! mysqld has the operator's arguments that concern files. In each round, clients create events until they are refused (507).
//! Then reads must succeed, every accepted event must be stored and get completed, retention must remove it while no consumer
//! runs, and creations must succeed again without help. In every second round a foreign file takes the rest of the volume in
//! between, and in every fourth round mysqld is killed while the volume is full.

#![expect(clippy::print_stdout, reason = "the report is the program's output")]

mod client;
mod pipeline;
mod volume;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser;

use client::Client;
use pipeline::Pipeline;
use volume::Volume;

/// Fills a small volume repeatedly, and checks that the pipeline recovers
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-fill", version)]
struct Cli {
    /// Folder of the product's programs
    #[arg(long, default_value = ".")]
    programs: PathBuf,
    /// Number of times that the volume is filled
    #[arg(long, default_value_t = 20)]
    rounds: u32,
}

/// Time limit of each step on a slow machine.
const LIMIT: Duration = Duration::from_mins(5);
/// Time for which the volume stays full: longer than the limit of an operation.
const FULL: Duration = Duration::from_secs(12);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { programs, rounds } = Cli::parse();
    let volume = Volume::mount()?;
    let mut pipeline = Pipeline::start(&programs, &volume).await?;
    let client = Client::of(pipeline.api());
    let mut accepted = 0;
    for round in 1..=rounds {
        let begun = Instant::now();
        accepted += fill_and_recover(round, &mut pipeline, &client, &volume)
            .await
            .with_context(|| format!("round {round}\n{}", pipeline.logs()))?;
        println!("round {round}: {accepted} events accepted so far, {} s", begun.elapsed().as_secs());
    }
    pipeline.check_tables().await?;
    println!("filled {rounds} times: {accepted} events accepted, none lost, no table damaged");
    Ok(())
}

/// Runs a round and returns the number of accepted events.
async fn fill_and_recover(
    round: u32,
    pipeline: &mut Pipeline,
    client: &Client,
    volume: &Volume,
) -> anyhow::Result<usize> {
    let accepted = client.create_until_refused(LIMIT).await?;
    let last = *accepted.last().context("no event was accepted before the volume was full")?;
    ensure!(volume.free()? > 0, "the volume is full although events are refused");
    client.check_reads(last).await?;
    pipeline.holds(&accepted).await?;

    if round.is_multiple_of(2) {
        fill_with_foreign_file(round, pipeline, client, volume).await?;
    }

    pipeline.start_consumer();
    client.until(LIMIT, "every event is completed", |stats| stats.unfinished() == 0).await?;
    pipeline.end_consumer().await;
    client
        .until(LIMIT, "every event is removed without a consumer", |stats| stats.removed == stats.created)
        .await?;
    client.until_accepted_again(LIMIT).await?;
    Ok(accepted.len())
}

/// Lets a foreign file take the rest of the volume, for longer than the limit of an operation.
async fn fill_with_foreign_file(
    round: u32,
    pipeline: &mut Pipeline,
    client: &Client,
    volume: &Volume,
) -> anyhow::Result<()> {
    let filler = volume.fill()?;
    // Space that the binary log has freed may have admitted some events.
    client.until_refused(LIMIT).await?;
    let (before, begun) = (pipeline.created().await?, Instant::now());
    pipeline.start_consumer();
    while begun.elapsed() < FULL {
        client.check_refusal().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if round.is_multiple_of(4) {
        pipeline.kill_mysql();
    }
    drop(filler);
    if round.is_multiple_of(4) {
        pipeline.restart_mysql().await;
    }
    pipeline.end_consumer().await;
    ensure!(pipeline.created().await? == before, "an event was created although it was refused");
    Ok(())
}
