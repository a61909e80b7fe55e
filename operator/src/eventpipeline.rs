//! What is done for one pipeline: `dereference -> validate -> scale -> build -> apply -> status`.
//!
//! Only the last two steps write what must be, and only where something is not so; [`scale`] marks pods that are to go
//! first; [`validate`] and [`build`] are pure.

mod apply;
mod build;
mod dereference;
mod rendered;
mod report;
mod resources;
mod scale;
mod status;
#[cfg(test)]
mod tests;
mod validate;
mod words;

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_crds::conditions::types;
use eventpipeline_crds::{BacklogAutoscaling, EventPipeline};
use jiff::Timestamp;
use kube::Resource as _;
use kube::core::DeserializeGuard;
use kube::runtime::events::Recorder;

use crate::api::Cluster;
use crate::figures::{Figures, Observation};
use crate::inventory::{Inventory, PipelineKey};
use crate::pods;
use crate::routes::Routes;
use apply::Memory;
pub(crate) use build::MAX_CONNECTIONS;
pub(crate) use build::meta::{COMPONENT, Component, GROUP, INSTANCE};
pub(crate) use rendered::{Rendered, render};
use report::Report;
use status::Withheld;
pub(crate) use validate::bytes;

/// Labels of everything that the operator makes, as a selector.
pub(crate) const MANAGED_BY_OPERATOR: &str = "app.kubernetes.io/managed-by=eventpipeline-operator";

/// How often Events are asked for, of objects that wait and say why in Events alone.
const AWAITED: Duration = Duration::from_secs(10);

/// What is kept up to date beside the reconciles, which only read it.
pub(crate) struct Seen {
    /// The objects of the pipelines.
    pub(crate) inventory: Arc<Inventory>,
    /// What their queues are like.
    pub(crate) figures: Arc<Figures>,
    /// Whose hosts and paths are whose.
    pub(crate) routes: Arc<Routes>,
}

/// What every reconcile needs.
pub(crate) struct Operator {
    cluster: Cluster,
    inventory: Arc<Inventory>,
    figures: Arc<Figures>,
    routes: Arc<Routes>,
    memory: Memory,
    scales: scale::Memory,
    image: String,
    recorder: Recorder,
}

impl Operator {
    /// `image`: what pipelines run that name no other.
    pub(crate) fn new(cluster: Cluster, seen: Seen, image: String, recorder: Recorder) -> Self {
        let Seen { inventory, figures, routes } = seen;
        Self {
            cluster,
            inventory,
            figures,
            routes,
            memory: Memory::default(),
            scales: scale::Memory::default(),
            image,
            recorder,
        }
    }

    /// Forgets the pipelines that are not known any more.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.figures.retain(&known);
        self.scales.retain(&known);
        self.routes.retain(&known);
        self.memory.retain(known);
    }
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

/// Brings what is there to what the pipeline asks for, as far as that goes now, and reports.
///
/// A pipeline that must be changed by its author first is no error: it is reported, and its change will wake us. Answers when to look
/// again although no watch may tell of anything new.
pub(crate) async fn reconcile(
    object: &DeserializeGuard<EventPipeline>,
    operator: &Operator,
) -> Result<Option<Duration>, Error> {
    if object.meta().deletion_timestamp.is_some() {
        // All but the data goes with its owner; what we made now would be in the way of that.
        return Ok(None);
    }
    let report = Report::new(operator, object);
    let pipeline = match &object.0 {
        Ok(pipeline) => pipeline,
        Err(unreadable) => {
            let why = format!("this version of the operator can't read the spec: {}", unreadable.error);
            report.invalid(&why).await.map_err(Error::Report)?;
            return Ok(None);
        }
    };
    if pipeline.status.is_none() {
        report.first_seen().await.map_err(Error::Report)?;
    }

    let existing = dereference::dereference(&operator.inventory, pipeline);
    let mut validated = match validate::validate(pipeline, &operator.image, Timestamp::now()) {
        Ok(validated) => validated.with_first_size(existing.first_size()),
        Err(invalid) => {
            report.invalid(&invalid.to_string()).await.map_err(Error::Report)?;
            return Ok(None);
        }
    };
    let taken = operator.routes.taken(&existing.key);
    validated.route_withheld = taken.is_some();
    let observation = operator.figures.of(&existing.key);
    let decisions =
        scale::scale(operator, &mut validated, &existing, observation.as_ref(), Timestamp::now()).await;
    let prepared = build::build(&validated);
    let Operator { cluster, inventory, memory, .. } = operator;
    let applied = Box::pin(apply::apply(cluster, inventory, memory, prepared, &existing)).await;
    report.put_right(memory.take_put_right(&existing.key)).await;
    let applied = match applied {
        Ok(applied) => applied,
        // What is still to be told would be refused as well.
        Err(error) if error.namespace_goes() => return Ok(None),
        Err(error) => {
            report.not_applied(&error).await.map_err(Error::Report)?;
            return Err(Error::Apply(error));
        }
    };
    let words = words::ask(cluster, &existing, &applied).await;
    let again = words.awaited.then_some(AWAITED);
    let seen = status::Seen {
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
    report.status(status).await.map_err(Error::Report)?;
    Ok(again)
}

/// Whether what was seen of a pipeline's queue is for a reconcile.
pub(crate) fn is_news(pipeline: &EventPipeline, seen: &Observation) -> bool {
    let shown = pipeline.status.as_ref();
    backlogs(pipeline).next().is_some()
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
