//! The scenarios, one per file.

mod consumers;
mod create_async;
mod create_sync;
mod drain;
mod finished_events;
mod idle;
mod keys;
mod peers;
mod producers;
mod shapes;
mod to_done;
mod waiting_clients;

use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::Scale;
use crate::limits::Baselines;
use crate::report::Report;

/// The scenarios, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Creations from 64 and more connections, each after the response to the previous one
    CreateAsync,
    /// A backlog for one consumer: with an empty table, with a full one, and with purge blocked
    Drain,
    /// Responses of create-sync at 10, 100 and 500 per second
    CreateSync,
    /// Time from creation to completion at 1,000 and 5,000 per second
    ToDone,
    /// Cost of 1,000 and 10,000 waiting clients
    WaitingClients,
    /// Cost of idle programs
    Idle,
    /// Creations on 1 to 8 producers: stock and tuned server, slower flushes, slower network
    Producers,
    /// A backlog for 1 to 8 consumers: stock and tuned server
    Consumers,
    /// A backlog of 10,000 keys for four consumers, of which one is killed every 5 s, next to the same without keys
    Keys,
    /// Creations and drains with 0 to 10,000,000 finished events in the table
    FinishedEvents,
    /// River, Graphile Worker and apalis, with the same loads as a producer and a consumer
    Peers,
    /// One table or two, polls from the start or from a low-water mark: with a million finished events, and with purge blocked
    Shapes,
}

impl Scenario {
    pub(crate) async fn run(
        self,
        programs: &Path,
        peers: Option<&Path>,
        scale: Scale,
        baselines: &mut Baselines,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        match self {
            Self::CreateAsync => create_async::run(programs, scale, baselines, report).await,
            Self::Drain => drain::run(programs, scale, baselines, report).await,
            Self::CreateSync => create_sync::run(programs, scale, baselines, report).await,
            Self::ToDone => to_done::run(programs, scale, report).await,
            Self::WaitingClients => waiting_clients::run(programs, scale, report).await,
            Self::Idle => idle::run(programs, scale, report).await,
            Self::Producers => producers::run(programs, scale, report).await,
            Self::Consumers => consumers::run(programs, scale, report).await,
            Self::Keys => keys::run(programs, scale, report).await,
            Self::FinishedEvents => finished_events::run(programs, scale, report).await,
            Self::Peers => {
                let peers = peers
                    .context("the other queues are not built: `dev/bench.sh --only peers` builds them")?;
                peers::run(programs, peers, scale, report).await
            }
            Self::Shapes => shapes::run(scale, report).await,
        }
    }
}
