//! Retention settings.

use std::time::Duration;

use clap::Args;
use eventpipeline_database::{Finished, LowWaterMark};

/// The settings.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct RetentionArgs {
    /// Seconds after which done events are removed; if not set, they are kept forever
    #[arg(long, env = "RETAIN_DONE_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    retain_done_seconds: Option<u32>,
    /// Seconds after which dead and cancelled events are removed; if not set, they are kept forever
    #[arg(long, env = "RETAIN_DEAD_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    retain_dead_seconds: Option<u32>,
}

/// The retention of one state.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) finished: Finished,
    pub(super) retention: Duration,
    pub(super) mark: LowWaterMark,
}

impl RetentionArgs {
    /// Returns a rule for each state whose events are removed.
    pub(super) fn rules(self) -> Vec<Rule> {
        let rules = [
            (Finished::Done, self.retain_done_seconds),
            (Finished::Dead, self.retain_dead_seconds),
            (Finished::Cancelled, self.retain_dead_seconds),
        ];
        let rule = |(finished, seconds): (_, Option<u32>)| {
            let retention = Duration::from_secs(seconds?.into());
            Some(Rule { finished, retention, mark: LowWaterMark::default() })
        };
        rules.into_iter().filter_map(rule).collect()
    }
}
