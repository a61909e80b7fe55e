//! Other queues on the same machine: River and Graphile Worker on PostgreSQL, apalis on MySQL.
//!
//! Each measurement has a new server, which is durable and has its default sizes.

mod own;
mod peer;
mod postgres;

use std::path::Path;
use std::time::Duration;

use crate::Scale;
use crate::limits::median;
use crate::report::{Report, Target};

use own::Own;
use peer::{Peer, Server};

/// Number of clients that create at the same time.
const CLIENTS: usize = 64;
/// Creations per second of the measured time from creation to completion.
const RATE: u32 = 1000;

/// The queues, with the targets of our rate relative to theirs.
const PEERS: [Peer; 3] = [
    Peer {
        name: "River",
        program: "river",
        server: Server::Postgres,
        backlog: 100_000,
        create: Target::AtLeast(10.0),
        drain: Target::AtLeast(2.0),
    },
    Peer {
        name: "Graphile Worker",
        program: "graphile-worker",
        server: Server::Postgres,
        backlog: 100_000,
        create: Target::None,
        drain: Target::None,
    },
    // Each of its queries for jobs sorts the whole backlog.
    Peer {
        name: "apalis",
        program: "apalis",
        server: Server::MySql,
        backlog: 10_000,
        create: Target::None,
        drain: Target::None,
    },
];

pub(crate) async fn run(
    programs: &Path,
    peers: &Path,
    scale: Scale,
    report: &mut Report,
) -> anyhow::Result<()> {
    let own = Own { programs };
    creations(&own, peers, scale, report).await?;
    drains(&own, peers, scale, report).await?;
    latencies(&own, peers, scale, report).await
}

/// Compares creations, each in a transaction of its own, from clients that wait for the previous one.
async fn creations(own: &Own<'_>, peers: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let time = scale.time(Duration::from_secs(10));
    let mut notes = Vec::new();
    let ours = median(scale.runs, async || {
        let outcome = own.creations(time).await?;
        notes.push(times(outcome.quantile(0.5), outcome.quantile(0.99)));
        Ok(outcome.rate())
    })
    .await?;
    let figure = format!("create-async, {CLIENTS} clients, EventPipeline");
    report.add(figure, ours, "events/s", Target::None, notes.join("; "));
    for peer in &PEERS {
        let mut notes = Vec::new();
        let theirs = median(scale.runs, async || {
            let measured = peer.insert(peers, time).await?;
            notes.push(times(measured.p50_ms, measured.p99_ms));
            Ok(measured.jobs_per_second)
        })
        .await?;
        let figure = format!("create-async, {CLIENTS} clients, {}", peer.name);
        report.add(figure, theirs, "jobs/s", Target::None, notes.join("; "));
        report.add(format!("  EventPipeline to {}", peer.name), ours / theirs, "", peer.create, "");
    }
    Ok(())
}

/// Compares drains of a backlog by one worker.
async fn drains(own: &Own<'_>, peers: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let backlog = scale.events(100_000);
    let mut notes = Vec::new();
    let ours = median(scale.runs, async || {
        let (rate, note) = own.drain(backlog).await?;
        notes.push(note);
        Ok(rate)
    })
    .await?;
    report.add("drain, EventPipeline", ours, "events/s", Target::None, notes.join("; "));
    for peer in &PEERS {
        let backlog = scale.events(peer.backlog);
        let theirs =
            median(scale.runs, async || Ok(peer.drain(peers, backlog).await?.jobs_per_second)).await?;
        let figure = format!("drain, {}", peer.name);
        report.add(figure, theirs, "jobs/s", Target::None, format!("of {backlog} jobs"));
        report.add(format!("  EventPipeline to {}", peer.name), ours / theirs, "", peer.drain, "");
    }
    Ok(())
}

/// Compares the time from creation to completion at a fixed rate.
async fn latencies(own: &Own<'_>, peers: &Path, scale: Scale, report: &mut Report) -> anyhow::Result<()> {
    let time = scale.time(Duration::from_secs(20));
    let ours = own.latency(RATE, time).await?;
    let name = |of: &str| format!("create-async to done at {RATE}/s, {of}, p50");
    let p99 = |p99: f64| format!("p99 {p99:.1}");
    report.add(name("EventPipeline"), ours.p50_ms, "ms", Target::None, p99(ours.p99_ms));
    for peer in &PEERS {
        let theirs = peer.latency(peers, RATE, time).await?;
        report.add(name(peer.name), theirs.p50_ms, "ms", Target::None, p99(theirs.p99_ms));
        let note = format!("p99 {:.2}", ours.p99_ms / theirs.p99_ms);
        let ratio = ours.p50_ms / theirs.p50_ms;
        report.add(format!("  EventPipeline to {}", peer.name), ratio, "", Target::None, note);
    }
    Ok(())
}

fn times(p50: f64, p99: f64) -> String {
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms")
}
