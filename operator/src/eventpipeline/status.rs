//! Last step: computes the status from the applied objects. Pure.
//!
//! `Ready`, `Reconciling` and `Stalled` follow kstatus: exactly one is true after the first reconciliation. Each
//! condition keeps the time of its last transition.

mod causes;
mod component;
mod components;
mod conditions;
mod event_types;
mod failures;
mod mounts;
mod news;
mod queue;
mod scaling;
mod storage;
mod url;

use eventpipeline_crds::conditions::{reasons, types};
use eventpipeline_crds::{EventPipelineStatus, GroupCounts};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;

use super::apply::Failures;
use super::pending_events::PendingEvents;
use super::resources::Applied;
use super::scale::Decision;
use crate::queue_stats::Observation;
use crate::routes::Taken;
use component::{Component, State};
use conditions::{Conditions, FALSE, TRUE, UNKNOWN};
pub(crate) use event_types::DefaultLane;
pub(super) use event_types::news as types_news;
pub(super) use news::{News, of as news};
pub(super) use scaling::news as scaling_news;
pub(super) use storage::news as storage_news;

/// Message of `Reconciling` while the pipeline is stalled.
const STALLED: &str = "the pipeline is stalled: user action is required";

/// Observations other than the applied objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed<'a> {
    /// The queue and its storage.
    pub(super) queue: Option<&'a Observation>,
    /// Age of a pending event in seconds, after which it is late.
    pub(super) late_after_seconds: i32,
    /// The groups that take the events of the default lane.
    pub(super) default_lane: DefaultLane,
    /// Names of the suspended groups of consumers.
    pub(super) suspended: Vec<String>,
    /// Scaling decisions for groups that scale by their backlog.
    pub(super) decisions: &'a [Decision],
    /// Unready pods of all components.
    pub(super) pods: Vec<Pod>,
    /// Failures to apply objects.
    pub(super) failures: Option<&'a Failures>,
    /// True if failures that may be temporary have persisted.
    pub(super) is_persistent: bool,
    /// Events about pending objects.
    pub(super) pending_events: PendingEvents,
    /// URL of the API inside the cluster.
    pub(super) service_url: String,
    /// The reason that the route of the spec is not published.
    pub(super) route_withheld: Option<Withheld>,
}

impl Observed<'_> {
    /// Returns whether an object is pending about which no watch tells more: only Events do, or the time that passes.
    pub(super) fn is_awaited(&self) -> bool {
        self.pending_events.any || self.pods.iter().any(causes::waits_for_volumes)
    }
}

/// The reason that a route is not published.
#[derive(Debug, Clone)]
pub(super) enum Withheld {
    /// Its host and path are taken.
    Taken(Taken),
    /// The route is an HTTPRoute, which the cluster does not know.
    NoGatewayApi,
}

/// Computes the status of a pipeline from its applied objects.
pub(super) fn of(
    applied: &Applied,
    observed: &Observed<'_>,
    previous: Option<&EventPipelineStatus>,
    generation: Option<i64>,
    now: Timestamp,
) -> EventPipelineStatus {
    let mut conditions = Conditions::new(previous, generation, now);
    let components = components::of(applied, observed, schema_ready_since(previous), now);
    let components = components.map(|component| failures::with_failures(component, observed));
    summarize(&components, &mut conditions);
    for component in &components {
        let status = if matches!(component.state, State::Ready) { TRUE } else { FALSE };
        conditions.set(component.type_, status, component.reason, &component.message);
    }
    queue::set_condition(&mut conditions, observed.queue, observed.late_after_seconds);
    event_types::set_condition(&mut conditions, observed.queue, observed.default_lane);
    storage::set_condition(&mut conditions, observed.queue);
    EventPipelineStatus {
        observed_generation: generation,
        conditions: conditions.finish(),
        url: Some(url::of(applied.ingress.as_ref(), applied.http_route.as_ref(), &observed.service_url)),
        producers: Some(count(&applied.producer_deployments)),
        consumers: Some(count(&applied.consumer_deployments)),
        consumer_groups: observed.decisions.iter().map(scaling::as_status).collect(),
        // Set when the status is written.
        managed_by: None,
        queue: queue::statistics(previous.and_then(|previous| previous.queue.as_ref()), observed.queue),
        storage: storage::statistics(previous.and_then(|previous| previous.storage.as_ref()), observed.queue),
    }
}

/// Returns the status of a condition if it exists.
pub(super) fn condition(shown: &EventPipelineStatus, kind: &str) -> Option<String> {
    conditions::find(shown, kind).map(|condition| condition.status.clone())
}

/// Returns whether the observation changes the status of the queue, of its types or of the storage.
pub(super) fn is_news(
    shown: &EventPipelineStatus,
    seen: &Observation,
    late_after_seconds: i32,
    default_lane: DefaultLane,
) -> bool {
    queue::is_news(shown, seen, late_after_seconds)
        || event_types::is_news(shown, seen, default_lane)
        || storage::is_news(shown, seen)
}

/// Returns the first status of a pipeline.
pub(super) fn first_seen(generation: Option<i64>, now: Timestamp) -> EventPipelineStatus {
    let mut conditions = Conditions::new(None, generation, now);
    let why = "reconciliation has started";
    conditions.set(types::READY, UNKNOWN, reasons::FIRST_SEEN, why);
    conditions.set(types::RECONCILING, TRUE, reasons::FIRST_SEEN, why);
    conditions.set(types::STALLED, FALSE, reasons::NOT_STALLED, "");
    EventPipelineStatus {
        observed_generation: generation,
        conditions: conditions.finish(),
        ..EventPipelineStatus::default()
    }
}

/// Returns the status of a pipeline whose author must change it. The conditions of its components stay.
pub(super) fn stalled(
    previous: Option<&EventPipelineStatus>,
    reason: &str,
    why: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> EventPipelineStatus {
    let mut conditions = Conditions::new(previous, generation, now);
    conditions.set(types::READY, FALSE, reason, why);
    conditions.set(types::RECONCILING, FALSE, reasons::STALLED, STALLED);
    conditions.set(types::STALLED, TRUE, reason, why);
    EventPipelineStatus {
        observed_generation: generation,
        conditions: conditions.finish_keeping_others(),
        ..previous.cloned().unwrap_or_default()
    }
}

/// Returns the reason and message if the pipeline has just stalled, or an object can no longer be applied.
pub(super) fn begins_to_stall<'a>(
    previous: Option<&EventPipelineStatus>,
    status: &'a EventPipelineStatus,
) -> Option<(&'a str, &'a str)> {
    let fails = |status: &'a EventPipelineStatus| {
        let stalled = conditions::find(status, types::STALLED).filter(|condition| condition.status == TRUE);
        let failing = conditions::find(status, types::RECONCILING)
            .filter(|condition| condition.status == TRUE && condition.reason == reasons::APPLY_FAILED);
        stalled.or(failing)
    };
    let now = fails(status)?;
    let before = previous.and_then(|previous| conditions::find(previous, &now.type_));
    let news = before.is_none_or(|before| before.status != TRUE || before.reason != now.reason);
    news.then_some((now.reason.as_str(), now.message.as_str()))
}

fn summarize(components: &[Component], conditions: &mut Conditions<'_>) {
    let missing: Vec<&Component> =
        components.iter().filter(|component| !matches!(component.state, State::Ready)).collect();
    let stalled = components.iter().find(|component| matches!(component.state, State::Stalled));
    let all = missing.iter().map(|component| component.message.as_str()).collect::<Vec<_>>().join("; ");
    match (missing.first(), stalled) {
        (None, _) => {
            let suspended = components.iter().any(|component| component.reason == reasons::SUSPENDED);
            let (reason, why) = if suspended {
                (reasons::SUSPENDED, "all components are ready and all consumers are suspended")
            } else {
                (reasons::AS_SPECIFIED, "all components are ready")
            };
            conditions.set(types::READY, TRUE, reason, why);
            conditions.set(types::RECONCILING, FALSE, reason, why);
            conditions.set(types::STALLED, FALSE, reasons::NOT_STALLED, "");
        }
        (Some(_), Some(component)) => {
            conditions.set(types::READY, FALSE, component.reason, &all);
            conditions.set(types::RECONCILING, FALSE, reasons::STALLED, STALLED);
            conditions.set(types::STALLED, TRUE, component.reason, &component.message);
        }
        (Some(first), None) => {
            conditions.set(types::READY, FALSE, first.not_ready, &all);
            conditions.set(types::RECONCILING, TRUE, first.not_ready, &all);
            conditions.set(types::STALLED, FALSE, reasons::NOT_STALLED, "");
        }
    }
}

fn schema_ready_since(previous: Option<&EventPipelineStatus>) -> Option<Timestamp> {
    let condition = conditions::find(previous?, types::SCHEMA_READY)?;
    (condition.status == TRUE).then_some(condition.last_transition_time.0)
}

fn count(deployments: &[Deployment]) -> GroupCounts {
    let wanted = |deployment: &Deployment| deployment.spec.as_ref()?.replicas;
    let ready = |deployment: &Deployment| deployment.status.as_ref()?.ready_replicas;
    GroupCounts {
        wanted: deployments.iter().filter_map(wanted).sum(),
        ready: deployments.iter().filter_map(ready).sum(),
    }
}
