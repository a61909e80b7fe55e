//! How long finished events are kept.

use std::time::Duration;

use clap::Args;
use eventpipeline_database::{Finished, LowWaterMark};

/// The settings.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RetentionArgs {
    /// Seconds after which events that are done are removed; if not set, they are kept forever
    #[arg(long, env = "RETAIN_DONE_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    retain_done_seconds: Option<u32>,
    /// Seconds after which events that are dead or cancelled are removed; if not set, they are kept forever
    #[arg(long, env = "RETAIN_DEAD_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    retain_dead_seconds: Option<u32>,
}

/// What is removed of one kind.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) finished: Finished,
    pub(crate) kept: Duration,
    pub(crate) mark: LowWaterMark,
}

impl RetentionArgs {
    /// What follows from the settings.
    pub(crate) fn rules(self) -> Vec<Rule> {
        let rules = [
            (Finished::Done, self.retain_done_seconds),
            (Finished::Dead, self.retain_dead_seconds),
            (Finished::Cancelled, self.retain_dead_seconds),
        ];
        let rule = |(finished, kept): (_, Option<u32>)| {
            let kept = Duration::from_secs(kept?.into());
            Some(Rule { finished, kept, mark: LowWaterMark::default() })
        };
        rules.into_iter().filter_map(rule).collect()
    }
}
