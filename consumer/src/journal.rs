//! Log lines of handled events, sampled under load.

use std::time::Duration;

use clap::{ArgAction, Args};
use eventpipeline_database::{Completion, Next, TraceParent};
use eventpipeline_service::{Sampler, SamplerArgs};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Arguments of the log lines of events.
#[derive(Debug, Clone, Args)]
pub(crate) struct JournalArgs {
    #[command(flatten)]
    lines: SamplerArgs,
    /// Log the values of events, which may be private
    #[arg(long, env = "LOG_VALUES", action = ArgAction::Set, default_value_t = false)]
    log_values: bool,
}

/// Writes the log lines.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Name of the handler.
    handler: &'static str,
    done: Sampler,
    failed: Sampler,
    values: bool,
}

impl Journal {
    pub(crate) fn new(args: &JournalArgs, handler: &'static str) -> Self {
        let sampler = || Sampler::new(args.lines);
        Self { handler, done: sampler(), failed: sampler(), values: args.log_values }
    }

    /// Logs `many` events that were completed.
    pub(crate) fn done<'a>(&self, written: impl Iterator<Item = (&'a Completion, Duration)>, many: usize) {
        for (Completion { claim, value }, took) in written.take(self.done.take(many)) {
            let (id, attempt, duration_ms) = (claim.id, claim.attempt, milliseconds(took));
            let handler = self.handler;
            let trace_id = claim.trace.as_ref().map(TraceParent::trace_id);
            let valor = self.values.then(|| tracing::field::debug(value.as_str()));
            info!(event.id = %id, handler, attempt, duration_ms, outcome = "done", valor, trace_id, "event {id} is done");
        }
    }

    /// Logs an attempt that failed.
    pub(crate) fn failed(&self, failed: &Failed<'_>) {
        if self.failed.take(1) == 0 {
            return;
        }
        let Failed { claim, took, error, next } = failed;
        let (id, attempt, duration_ms) = (claim.id, claim.attempt, milliseconds(*took));
        let handler = self.handler;
        let trace_id = claim.trace.as_ref().map(TraceParent::trace_id);
        match next {
            Next::Retry { after } => {
                let after_ms = milliseconds(*after);
                warn!(event.id = %id, handler, attempt, duration_ms, outcome = "failed", error, after_ms, trace_id, "attempt {attempt} at event {id} failed");
            }
            Next::Dead => {
                warn!(event.id = %id, handler, attempt, duration_ms, outcome = "dead", error, trace_id, "attempt {attempt} at event {id} failed; the event is dead");
            }
        }
    }

    /// Logs once per second how many events had no line, until `end`.
    pub(crate) async fn run(&self, end: CancellationToken) {
        tokio::join!(
            self.done.run(end.clone(), |events| info!(
                events,
                outcome = "done",
                "{events} more events are done"
            )),
            self.failed.run(end, |attempts| warn!(
                attempts,
                outcome = "failed",
                "{attempts} more attempts failed"
            )),
        );
    }
}

/// Returns the duration as an integer for JSON.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An attempt that failed.
#[derive(Debug)]
pub(crate) struct Failed<'a> {
    pub(crate) claim: &'a eventpipeline_database::Claimed,
    pub(crate) took: Duration,
    /// The error without the details that are only stored.
    pub(crate) error: &'a str,
    pub(crate) next: &'a Next,
}
