//! `eventpipeline-fill`: a pipeline on a small volume that is filled and recovers, again and again.
//!
//! mysqld has the arguments that the operator gives it, as far as they are about files. In each round clients create events
//! until they are refused (507). Reads must go on then, everything that was accepted must be there and be completed, retention must
//! remove it while no consumer runs, and events must be taken again by themselves. In every second round a foreign file takes
//! what is left of the volume in between, and in every fourth mysqld is killed while there is nothing left.

#![expect(clippy::print_stdout, reason = "the report is what the program is for")]

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

/// Fills a small volume again and again, and checks that the pipeline recovers
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-fill", version)]
struct Cli {
    /// Folder of the programs of the product
    #[arg(long, default_value = ".")]
    programs: PathBuf,
    /// How often the volume is filled
    #[arg(long, default_value_t = 20)]
    rounds: u32,
}

/// How long anything may take on a slow machine.
const LIMIT: Duration = Duration::from_mins(5);
/// How long a full volume stays full: longer than an operation may take.
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
        println!("round {round}: {accepted} events accepted in all, {} s", begun.elapsed().as_secs());
    }
    pipeline.check_tables().await?;
    println!("filled {rounds} times: {accepted} events accepted, none lost, no table damaged");
    Ok(())
}

/// Gives how many events were accepted.
async fn fill_and_recover(
    round: u32,
    pipeline: &mut Pipeline,
    client: &Client,
    volume: &Volume,
) -> anyhow::Result<usize> {
    let accepted = client.create_until_refused(LIMIT).await?;
    let last = *accepted.last().context("nothing was accepted before it was full")?;
    ensure!(volume.free()? > 0, "the volume is full although events are refused");
    client.can_read(last).await?;
    pipeline.holds(&accepted).await?;

    if round.is_multiple_of(2) {
        suffer_a_foreign_file(round, pipeline, client, volume).await?;
    }

    pipeline.start_consumer();
    client.until(LIMIT, "everything is completed", |stats| stats.unfinished() == 0).await?;
    pipeline.end_consumer().await;
    client
        .until(LIMIT, "everything is removed without a consumer", |stats| stats.removed == stats.created)
        .await?;
    client.until_taken_again(LIMIT).await?;
    Ok(accepted.len())
}

/// Somebody else's file takes all that is left, for longer than any operation may take.
async fn suffer_a_foreign_file(
    round: u32,
    pipeline: &mut Pipeline,
    client: &Client,
    volume: &Volume,
) -> anyhow::Result<()> {
    let filler = volume.fill()?;
    // What the binary log has freed meanwhile may have let some in.
    client.until_refused(LIMIT).await?;
    let (before, begun) = (pipeline.created().await?, Instant::now());
    pipeline.start_consumer();
    while begun.elapsed() < FULL {
        client.is_refused().await?;
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
