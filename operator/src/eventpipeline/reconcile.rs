//! One reconciliation of a pipeline: the steps from its spec to its status.

use eventpipeline_crds::EventPipeline;
use eventpipeline_crds::conditions::types;
use jiff::Timestamp;
use kube::Resource as _;
use kube::core::DeserializeGuard;
use tracing::debug;

use super::apply::{self, Failures};
use super::context::Operator;
use super::dereference::{self, Existing};
use super::report::{self, Report};
use super::resources::{Applied, Resources};
use super::scale::{self, Decision, Scaler};
use super::status::{self, DefaultLane, Observed, Withheld};
use super::validate::{self, Pipeline};
use super::{Error, Outcome, build, late_after_seconds, pending_events, rollouts};
use crate::cache::PipelineKey;
use crate::leadership::Custody;
use crate::pods;
use crate::queue_stats::Observation;
use crate::routes::Taken;

/// Number of consecutive failures to apply an object after which the status reports them. Most failures are
/// temporary.
const PERSISTENT_AFTER: u32 = 3;

/// Brings the objects of a pipeline to the state that its spec asks for, and writes its status.
///
/// An invalid spec is no error: the status reports it, and a change of the spec triggers the next reconciliation.
/// `failures` is the number of consecutive failed reconciliations before this one.
pub(crate) async fn reconcile(
    object: &DeserializeGuard<EventPipeline>,
    operator: &Operator,
    failures: u32,
) -> Result<Outcome, Error> {
    if object.meta().deletion_timestamp.is_some() {
        // The garbage collector deletes the owned objects; new ones would hold up the deletion.
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
    let observation = operator.observations.of(&PipelineKey::of(pipeline));
    let existing = dereference::dereference(&operator.cache, pipeline, observation.as_ref());
    Box::pin(Reconcile { operator, pipeline, report, existing, observation, failures }.run()).await
}

/// A reconciliation of a pipeline that this installation manages.
struct Reconcile<'a> {
    operator: &'a Operator,
    pipeline: &'a EventPipeline,
    report: Report<'a>,
    existing: Existing,
    observation: Option<Observation>,
    failures: u32,
}

impl Reconcile<'_> {
    async fn run(self) -> Result<Outcome, Error> {
        let Self { operator, report, existing, observation, .. } = &self;
        let taken = operator.routes.taken(&existing.key);
        let mut validated = match self.validate(taken.is_some()) {
            Ok(validated) => validated,
            Err(invalid) => {
                let reported = report.invalid(&invalid.to_string()).await;
                return reported.map(|()| Outcome::Done).map_err(Error::Report);
            }
        };
        let scaler = Scaler { cluster: &operator.cluster, memory: &operator.scales, now: Timestamp::now() };
        let decisions = scale::scale(&scaler, &mut validated, existing, observation.as_ref()).await;
        let mut resources = build::build(&validated);
        self.wait_for_turn(&mut resources);
        let Operator { cluster, cache, last_applied, .. } = operator;
        let applied = Box::pin(apply::apply(cluster, cache, last_applied, resources, existing)).await;
        report.reverted(last_applied.take_reverted(&existing.key)).await;
        let (applied, failures) = applied.map_err(Error::Apply)?;
        if failures.namespace_is_terminating() {
            // The API server would refuse the status and Events as well.
            return Ok(Outcome::Done);
        }
        report.scaling(&decisions).await;
        let (reported, pending) = self.report(&validated, &applied, &failures, &decisions, taken).await;
        outcome(reported, failures, pending)
    }

    fn validate(&self, route_withheld: bool) -> Result<Pipeline, validate::Error> {
        let validated = validate::validate(self.pipeline, &self.operator.image, Timestamp::now())?;
        let existing = &self.existing;
        let validated = validated
            .with_first_size(existing.first_size())
            .with_volume(existing.volume())
            .with_user_ids(self.operator.user_ids);
        Ok(Pipeline { route_withheld, ..validated })
    }

    /// Keeps the existing pod templates until it is the pipeline's turn to restart its pods. A change of the
    /// spec does not wait.
    fn wait_for_turn(&self, resources: &mut Resources) {
        let Self { operator: Operator { last_applied, rollouts, .. }, pipeline, existing, .. } = self;
        let observed = pipeline.status.as_ref().and_then(|status| status.observed_generation);
        if pipeline.meta().generation != observed
            || !rollouts::would_restart(existing, last_applied, resources)
        {
            return;
        }
        let key = &existing.key;
        if !rollouts.begin(key) {
            debug!(name = key.name, "EventPipeline {} waits for its turn to restart its pods", key.name);
            rollouts::hold(existing, resources);
        }
    }

    /// Writes the status. Also returns whether an object is pending about which no watch tells more.
    async fn report(
        &self,
        validated: &Pipeline,
        applied: &Applied,
        failures: &Failures,
        decisions: &[Decision],
        taken: Option<Taken>,
    ) -> (Result<(), report::Error>, bool) {
        let Self { operator, pipeline, report, existing, observation, .. } = self;
        let pending_events = pending_events::read(&operator.cluster, existing, applied).await;
        let no_gateway_api = validated.asks_for_gateway() && applied.http_route.is_none();
        let observed = Observed {
            failures: Some(failures),
            is_persistent: self.failures >= PERSISTENT_AFTER,
            pending_events,
            service_url: validated.service_url(),
            route_withheld: taken
                .map(Withheld::Taken)
                .or_else(|| no_gateway_api.then_some(Withheld::NoGatewayApi)),
            queue: observation.as_ref(),
            late_after_seconds: late_after_seconds(pipeline),
            default_lane: DefaultLane::of(&pipeline.spec.consumers),
            suspended: validated.suspended_consumers(),
            decisions,
            pods: pods::not_ready(&existing.objects),
        };
        let pending = observed.is_awaited();
        let (previous, generation) = (pipeline.status.as_ref(), pipeline.meta().generation);
        let status = status::of(applied, &observed, previous, generation, Timestamp::now());
        let is_ready = status::condition(&status, types::READY).as_deref() == Some("True");
        if is_ready && !operator.rollouts.is_waiting(&existing.key) {
            operator.rollouts.end(&existing.key);
        }
        (report.status(status).await, pending)
    }
}

/// Returns the outcome of a reconciliation whose status was `reported`. `pending` tells whether an object is
/// pending about which no watch tells more.
fn outcome(reported: Result<(), report::Error>, failures: Failures, pending: bool) -> Result<Outcome, Error> {
    let all_applied = failures.all().is_empty();
    match reported {
        Err(error) if error.is_outdated() && all_applied => Ok(Outcome::Outdated),
        Err(error) => Err(Error::Report(error)),
        Ok(()) if !all_applied => Err(Error::Apply(apply::Error::Objects(failures))),
        Ok(()) if pending => Ok(Outcome::Awaiting),
        Ok(()) => Ok(Outcome::Done),
    }
}

/// Returns whether this installation manages the pipeline. If so, the status names it.
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
    if custody == Custody::Free || report.previous().is_none() {
        report.first_seen().await.map_err(Error::Report)?;
    }
    Ok(true)
}
