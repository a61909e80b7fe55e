//! Last step: how the pipeline is going, from the objects as they were applied. Pure.
//!
//! `Ready`, `Reconciling` and `Stalled` are meant as kstatus defines them: of the three exactly one is true once the
//! operator has looked, and each condition keeps the time of its last change.

mod causes;
mod conditions;
mod failures;
mod groups;
mod news;
mod parts;
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
use super::resources::{Applied, Resources};
use super::scale::Decision;
use super::words::Words;
use crate::queue_stats::Observation;
use crate::routes::Taken;
use conditions::{Conditions, FALSE, TRUE, UNKNOWN};
pub(super) use news::{News, of as news};
use parts::{Part, State};
pub(super) use scaling::news as scaling_news;
pub(super) use storage::news as storage_news;

/// What was seen beside the objects.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen<'a> {
    /// Of the queue and its storage.
    pub(super) queue: Option<&'a Observation>,
    /// How long an event may wait.
    pub(super) late_after_seconds: i32,
    /// Groups of consumers that are to have no pods.
    pub(super) suspended: Vec<String>,
    /// Of the groups that scale by their backlog.
    pub(super) decisions: &'a [Decision],
    /// Pods of all components, as far as they are not ready.
    pub(super) pods: Vec<Pod>,
    /// Objects that could not be written.
    pub(super) failures: Option<&'a Failures>,
    /// Whether those have failed several times in a row that may succeed by themselves.
    pub(super) again_and_again: bool,
    /// What is said in Events alone of objects that wait.
    pub(super) words: Words,
    /// Where the API is inside the cluster.
    pub(super) service_url: String,
    /// Why there is no object of the route that the spec asks for.
    pub(super) route_withheld: Option<Withheld>,
}

/// Why a route is not published.
#[derive(Debug, Clone)]
pub(super) enum Withheld {
    /// Its host and path are somebody else's.
    Taken(Taken),
    /// It asks for an HTTPRoute, which the cluster does not know.
    NoGatewayApi,
}

/// What is true of a pipeline whose objects are applied.
pub(super) fn of(
    applied: &Resources<Applied>,
    seen: &Seen<'_>,
    previous: Option<&EventPipelineStatus>,
    generation: Option<i64>,
    now: Timestamp,
) -> EventPipelineStatus {
    let mut conditions = Conditions::new(previous, generation, now);
    let parts = parts::of(applied, seen, schema_ready_since(previous), now);
    let parts = parts.map(|part| failures::with(part, seen));
    summarise(&parts, &mut conditions);
    for part in &parts {
        let status = if matches!(part.state, State::Ready) { TRUE } else { FALSE };
        conditions.set(part.type_, status, part.reason, &part.message);
    }
    queue::set_condition(&mut conditions, seen.queue, seen.late_after_seconds);
    storage::set_condition(&mut conditions, seen.queue);
    EventPipelineStatus {
        observed_generation: generation,
        conditions: conditions.finish(),
        url: Some(url::of(applied.ingress.as_ref(), applied.http_route.as_ref(), &seen.service_url)),
        producers: Some(count(&applied.producer_deployments)),
        consumers: Some(count(&applied.consumer_deployments)),
        consumer_groups: seen.decisions.iter().map(scaling::as_status).collect(),
        // Whoever writes it signs it.
        managed_by: None,
        queue: queue::figures(previous.and_then(|previous| previous.queue.as_ref()), seen.queue),
        storage: storage::figures(previous.and_then(|previous| previous.storage.as_ref()), seen.queue),
    }
}

/// The status of a condition, where there is one of that type.
pub(super) fn condition(shown: &EventPipelineStatus, kind: &str) -> Option<String> {
    conditions::find(shown, kind).map(|condition| condition.status.clone())
}

/// Whether what was seen of the queue and of its storage is not what is shown of them.
pub(super) fn is_news(shown: &EventPipelineStatus, seen: &Observation, late_after_seconds: i32) -> bool {
    queue::is_news(shown, seen, late_after_seconds) || storage::is_news(shown, seen)
}

/// What is true of a pipeline that the operator has not looked at yet.
pub(super) fn first_seen(generation: Option<i64>, now: Timestamp) -> EventPipelineStatus {
    let mut conditions = Conditions::new(None, generation, now);
    let why = "the pipeline has been seen and is being looked at";
    conditions.set(types::READY, UNKNOWN, reasons::FIRST_SEEN, why);
    conditions.set(types::RECONCILING, TRUE, reasons::FIRST_SEEN, why);
    conditions.set(types::STALLED, FALSE, reasons::NOT_STALLED, "");
    EventPipelineStatus {
        observed_generation: generation,
        conditions: conditions.finish(),
        ..EventPipelineStatus::default()
    }
}

/// What is true of a pipeline that somebody must change first. What was known of its parts is known still.
pub(super) fn stalled(
    previous: Option<&EventPipelineStatus>,
    reason: &str,
    why: &str,
    generation: Option<i64>,
    now: Timestamp,
) -> EventPipelineStatus {
    let mut conditions = Conditions::new(previous, generation, now);
    conditions.set(types::READY, FALSE, reason, why);
    conditions.set(types::RECONCILING, FALSE, reasons::STALLED, "somebody must act first");
    conditions.set(types::STALLED, TRUE, reason, why);
    EventPipelineStatus {
        observed_generation: generation,
        conditions: conditions.finish_keeping_others(),
        ..previous.cloned().unwrap_or_default()
    }
}

/// Why somebody should look, if there was no such reason before: the pipeline stalls, or an object can't be written.
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

fn summarise(parts: &[Part], conditions: &mut Conditions<'_>) {
    let missing: Vec<&Part> = parts.iter().filter(|part| !matches!(part.state, State::Ready)).collect();
    let stalled = parts.iter().find(|part| matches!(part.state, State::Stalled));
    let all = missing.iter().map(|part| part.message.as_str()).collect::<Vec<_>>().join("; ");
    match (missing.first(), stalled) {
        (None, _) => {
            let suspended = parts.iter().any(|part| part.reason == reasons::SUSPENDED);
            let (reason, why) = if suspended {
                (reasons::SUSPENDED, "everything is there, and all consumers are suspended")
            } else {
                (reasons::AS_SPECIFIED, "everything that the spec asks for is there")
            };
            conditions.set(types::READY, TRUE, reason, why);
            conditions.set(types::RECONCILING, FALSE, reason, why);
            conditions.set(types::STALLED, FALSE, reasons::NOT_STALLED, "");
        }
        (Some(_), Some(part)) => {
            conditions.set(types::READY, FALSE, part.reason, &all);
            conditions.set(types::RECONCILING, FALSE, reasons::STALLED, "somebody must act first");
            conditions.set(types::STALLED, TRUE, part.reason, &part.message);
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
