//! What is done for one pipeline: `dereference -> validate -> scale -> build -> apply -> status`.
//!
//! Only the last two steps write what must be, and only where something is not so; [`scale`] marks pods that are to go
//! first; [`validate`] and [`build`] are pure.

mod apply;
mod build;
mod context;
mod dereference;
mod rendered;
mod report;
mod resources;
mod rollouts;
mod scale;
mod status;
#[cfg(test)]
mod tests;
mod validate;
mod words;

use eventpipeline_crds::conditions::types;
use eventpipeline_crds::{BacklogAutoscaling, EventPipeline};
use jiff::Timestamp;
use kube::Resource as _;
use kube::core::DeserializeGuard;
use tracing::debug;

use crate::cache::PipelineKey;
use crate::leadership::Custody;
use crate::pods;
use crate::queue_stats::Observation;
pub(crate) use build::MAX_CONNECTIONS;
pub(crate) use context::{Caches, Operator};
use dereference::Existing;
pub(crate) use rendered::{Rendered, render};
use report::Report;
use resources::{Prepared, Resources};
pub(crate) use rollouts::Rollouts;
use status::Withheld;
pub(crate) use validate::bytes;

/// What was done for a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What there was to do.
    Done,
    /// What there was to do, for a pipeline that has changed meanwhile: it is looked at again.
    Outdated,
    /// What there was to do; an object waits, and only Events say why.
    Awaiting,
    /// Nothing: another installation looks after it.
    LeftToAnother,
}

/// A step that failed and is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What must be could not be written.
    #[error("failed to write what must be")]
    Apply(#[source] apply::Error),
    /// How it is going could not be written.
    #[error("failed to report")]
    Report(#[source] report::Error),
}

impl Error {
    /// Whether the next try fails as well until somebody changes something.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Apply(error) => error.is_refusal(),
            Self::Report(_) => false,
        }
    }
}

/// Brings what is there to what the pipeline asks for, as far as that goes now, and reports.
///
/// A pipeline that must be changed by its author first is no error: it is reported, and its change will wake us.
///
/// `failures`: how often that has failed in a row.
#[expect(clippy::too_many_lines, reason = "the steps, one after the other")]
pub(crate) async fn reconcile(
    object: &DeserializeGuard<EventPipeline>,
    operator: &Operator,
    failures: u32,
) -> Result<Outcome, Error> {
    if object.meta().deletion_timestamp.is_some() {
        // All but the data goes with its owner; what we made now would be in the way of that.
        return Ok(Outcome::Done);
    }
    let report = Report::new(operator, object);
    let pipeline = match &object.0 {
        Ok(pipeline) => pipeline,
        Err(unreadable) => {
            let why = format!("this version of the operator can't read the spec: {}", unreadable.error);
            return report.invalid(&why).await.map(|()| Outcome::Done).map_err(Error::Report);
        }
    };
    if !is_ours(operator, pipeline, &report).await? {
        return Ok(Outcome::LeftToAnother);
    }
    let key = PipelineKey::of(pipeline);
    let observation = operator.observations.of(&key);
    let existing = dereference::dereference(&operator.cache, pipeline, observation.as_ref());
    let mut validated = match validate::validate(pipeline, &operator.image, Timestamp::now()) {
        Ok(validated) => validated.with_first_size(existing.first_size()).with_volume(existing.volume()),
        Err(invalid) => {
            let reported = report.invalid(&invalid.to_string()).await;
            return reported.map(|()| Outcome::Done).map_err(Error::Report);
        }
    };
    let taken = operator.routes.taken(&key);
    validated.route_withheld = taken.is_some();
    let Operator { cluster, cache, memory, scales, .. } = operator;
    let scaler = scale::Scaler { cluster, memory: scales, now: Timestamp::now() };
    let decisions = scale::scale(&scaler, &mut validated, &existing, observation.as_ref()).await;
    let mut prepared = build::build(&validated);
    wait_for_turn(operator, pipeline, &existing, &mut prepared);
    let applied = Box::pin(apply::apply(cluster, cache, memory, prepared, &existing)).await;
    report.put_right(memory.take_put_right(&key)).await;
    let (applied, unwritten) = applied.map_err(Error::Apply)?;
    // What is still to be told would be refused as well.
    if unwritten.namespace_goes() {
        return Ok(Outcome::Done);
    }
    let words = words::ask(cluster, &existing, &applied).await;
    let awaited = words.awaited;
    let seen = status::Seen {
        failures: Some(&unwritten),
        again_and_again: failures >= AGAIN_AND_AGAIN,
        words,
        service_url: validated.service_url(),
        route_withheld: taken.map(Withheld::Taken).or_else(|| {
            let missing = validated.asks_for_gateway() && applied.http_route.is_none();
            missing.then_some(Withheld::NoGatewayApi)
        }),
        queue: observation.as_ref(),
        late_after_seconds: late_after_seconds(pipeline),
        suspended: validated.suspended_consumers(),
        decisions: &decisions,
        pods: pods::not_ready(&existing.objects),
    };
    report.scaling(&decisions).await;
    let status =
        status::of(&applied, &seen, pipeline.status.as_ref(), pipeline.meta().generation, Timestamp::now());
    if status::condition(&status, types::READY).as_deref() == Some("True") && !operator.rollouts.waits(&key) {
        operator.rollouts.end(&key);
    }
    let reported = report.status(status).await;
    outcome(reported, unwritten, awaited)
}

/// Keeps the pods' templates as they are while it is not the pipeline's turn to restart its pods. What the author has changed is
/// wanted now.
fn wait_for_turn(
    Operator { memory, rollouts, .. }: &Operator,
    pipeline: &EventPipeline,
    existing: &Existing,
    prepared: &mut Resources<Prepared>,
) {
    let seen = pipeline.status.as_ref().and_then(|status| status.observed_generation);
    if pipeline.meta().generation != seen || !rollouts::would_restart(existing, memory, prepared) {
        return;
    }
    let key = &existing.key;
    if !rollouts.begin(key) {
        debug!(name = key.name, "EventPipeline {} waits for its turn to restart its pods", key.name);
        rollouts::hold(existing, prepared);
    }
}

/// What was done, of a pipeline whose status was `reported`; `awaited`: whether an object waits for what only Events tell.
fn outcome(
    reported: Result<(), report::Error>,
    unwritten: apply::Failures,
    awaited: bool,
) -> Result<Outcome, Error> {
    let all_written = unwritten.all().is_empty();
    match reported {
        Err(error) if error.is_outdated() && all_written => Ok(Outcome::Outdated),
        Err(error) => Err(Error::Report(error)),
        Ok(()) if !all_written => Err(Error::Apply(apply::Error::Objects(unwritten))),
        Ok(()) if awaited => Ok(Outcome::Awaiting),
        Ok(()) => Ok(Outcome::Done),
    }
}

/// Whether this installation looks after the pipeline, and the status says so.
async fn is_ours(operator: &Operator, pipeline: &EventPipeline, report: &Report<'_>) -> Result<bool, Error> {
    let key = PipelineKey::of(pipeline);
    let custody = operator.custodian.of(pipeline).await;
    if let Custody::Another { lease, why } = &custody {
        if operator.leave(key, lease) {
            report.left_to(lease, why).await;
        }
        return Ok(false);
    }
    operator.take(&key);
    if custody == Custody::Free || pipeline.status.is_none() {
        report.first_seen().await.map_err(Error::Report)?;
    }
    Ok(true)
}

/// How often in a row an object must have failed to be written before that is reported: most failures pass.
const AGAIN_AND_AGAIN: u32 = 3;

/// Whether what was seen of a pipeline's queue is for a reconcile.
pub(crate) fn is_news(pipeline: &EventPipeline, seen: &Observation) -> bool {
    let shown = pipeline.status.as_ref();
    backlogs(pipeline).next().is_some()
        || seen.schema_is_old
        || shown.is_none_or(|shown| status::is_news(shown, seen, late_after_seconds(pipeline)))
}

/// The rules of the groups that scale by their backlog.
fn backlogs(pipeline: &EventPipeline) -> impl Iterator<Item = &BacklogAutoscaling> {
    pipeline.spec.consumers.iter().filter_map(|group| group.autoscaling.as_ref()?.backlog.as_ref())
}

/// How long an event may wait: as long as autoscaling lets it, or a minute.
fn late_after_seconds(pipeline: &EventPipeline) -> i32 {
    backlogs(pipeline).filter_map(|backlog| backlog.target_age_seconds).min().unwrap_or(60)
}

/// The status of a condition, where the pipeline has it.
pub(crate) fn condition(pipeline: &Result<EventPipeline, impl Sized>, kind: &str) -> Option<String> {
    match pipeline {
        Ok(pipeline) => status::condition(pipeline.status.as_ref()?, kind),
        // What can't be read has been reported so, and that can't be read either.
        Err(_) => match kind {
            types::STALLED => Some("True".to_owned()),
            types::READY => Some("False".to_owned()),
            _ => None,
        },
    }
}
