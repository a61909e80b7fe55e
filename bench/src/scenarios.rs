//! What is measured, a file each.

mod create_async;
mod create_sync;
mod drain;
mod idle;
mod shapes;
mod to_done;
mod waiters;

use std::path::Path;

use clap::ValueEnum;

use crate::Scale;
use crate::limits::Baselines;
use crate::report::Report;

/// The scenarios, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Creations from 64 connections and more, each as soon as the last one is answered
    CreateAsync,
    /// Waiting events given to a consumer; on an empty table, a full one, and with purge blocked
    Drain,
    /// Answers at 100 and 500 a second
    CreateSync,
    /// Creation to value at 1,000 and 5,000 a second
    ToDone,
    /// 1,000 and 10,000 clients that wait for an answer
    Waiters,
    /// Nothing to do
    Idle,
    /// One table against two, and looks from the start against a low-water mark: beside a million finished events, purge blocked
    Shapes,
}

impl Scenario {
    pub(crate) async fn run(
        self,
        programs: &Path,
        scale: Scale,
        baselines: &mut Baselines,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        match self {
            Self::CreateAsync => create_async::run(programs, scale, baselines, report).await,
            Self::Drain => drain::run(programs, scale, baselines, report).await,
            Self::CreateSync => create_sync::run(programs, scale, baselines, report).await,
            Self::ToDone => to_done::run(programs, scale, report).await,
            Self::Waiters => waiters::run(programs, scale, report).await,
            Self::Idle => idle::run(programs, scale, report).await,
            Self::Shapes => shapes::run(scale, report).await,
        }
    }
}
