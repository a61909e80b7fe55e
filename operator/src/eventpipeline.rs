//! The reconciliation of one pipeline: `dereference -> validate -> scale -> build -> apply -> status`.
//!
//! [`validate`] and [`build`] are pure. Only the last two steps write, and only what is not up to date.
//! [`scale`] also marks the pods that a scale-in removes first.

mod apply;
mod build;
mod context;
mod dereference;
mod pending_events;
mod reconcile;
mod rendered;
mod report;
mod resources;
mod rollouts;
mod scale;
mod status;
#[cfg(test)]
mod tests;
mod validate;

use eventpipeline_crds::conditions::types;
use eventpipeline_crds::{BacklogAutoscaling, EventPipeline};

use crate::queue_stats::Observation;
pub(crate) use build::MAX_CONNECTIONS;
pub(crate) use context::{Caches, Operator};
pub(crate) use reconcile::reconcile;
pub(crate) use rendered::{Rendered, render};
pub(crate) use rollouts::Rollouts;
pub(crate) use status::DefaultLane;
pub(crate) use validate::{UserIds, bytes};

/// The outcome of a reconciliation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything is applied and reported.
    Done,
    /// The same, but the pipeline has changed meanwhile, which triggers the next reconciliation.
    Outdated,
    /// The same, but an object is pending, and no watch tells more.
    Awaiting,
    /// Another installation manages the pipeline, so nothing was done.
    LeftToAnother,
}

/// A reconciliation that failed and is retried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Some objects could not be applied.
    #[error("failed to apply the pipeline's objects")]
    Apply(#[source] apply::Error),
    /// The status could not be written.
    #[error("failed to report the pipeline's status")]
    Report(#[source] report::Error),
}

impl Error {
    /// Returns whether retrying fails until a user changes something.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Apply(error) => error.is_refusal(),
            Self::Report(_) => false,
        }
    }
}

/// Returns whether an observation of a pipeline's queue requires a reconciliation.
pub(crate) fn is_news(pipeline: &EventPipeline, observation: &Observation) -> bool {
    let (late_after_seconds, default_lane) =
        (late_after_seconds(pipeline), DefaultLane::of(&pipeline.spec.consumers));
    let changes = |status| status::is_news(status, observation, late_after_seconds, default_lane);
    backlogs(pipeline).next().is_some()
        || observation.schema_is_old
        || pipeline.status.as_ref().is_none_or(changes)
}

/// Returns the rules of the groups that scale by their backlog.
fn backlogs(pipeline: &EventPipeline) -> impl Iterator<Item = &BacklogAutoscaling> {
    pipeline.spec.consumers.iter().filter_map(|group| group.autoscaling.as_ref()?.backlog.as_ref())
}

/// Returns the age in seconds after which a pending event is late: the minimum target of autoscaling, or a
/// minute.
fn late_after_seconds(pipeline: &EventPipeline) -> i32 {
    backlogs(pipeline).filter_map(|backlog| backlog.target_age_seconds).min().unwrap_or(60)
}

/// Returns the status of a condition if the pipeline has it.
pub(crate) fn condition(pipeline: &Result<EventPipeline, impl Sized>, kind: &str) -> Option<String> {
    match pipeline {
        Ok(pipeline) => status::condition(pipeline.status.as_ref()?, kind),
        // An unreadable pipeline has been reported as stalled, in a status that can't be read either.
        Err(_) => match kind {
            types::STALLED => Some("True".to_owned()),
            types::READY => Some("False".to_owned()),
            _ => None,
        },
    }
}
