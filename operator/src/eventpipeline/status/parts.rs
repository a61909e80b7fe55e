//! The parts of a pipeline, each as its applied objects show it.

mod route;

use eventpipeline_crds::conditions::{reasons, types};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::super::build::schema_job::SCHEMA;
use super::super::resources::{Applied, Claim, Growth, Resources};
use super::super::words::{Source, Words};
use super::{Seen, causes, groups};
use crate::labels::{COMPONENT, Component};

/// Label of a Job's pods, with its name.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// How a part is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Waiting,
    /// Waiting does not help.
    Stalled,
}

/// A part of a pipeline.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) type_: &'static str,
    pub(super) state: State,
    pub(super) reason: &'static str,
    /// The reason of the whole when this part is what it waits for.
    pub(super) not_ready: &'static str,
    pub(super) message: String,
}

/// The parts, each before those that need it.
pub(super) fn of(
    applied: &Resources<Applied>,
    seen: &Seen<'_>,
    schema_ready_since: Option<Timestamp>,
    now: Timestamp,
) -> [Part; 5] {
    let schema_pods = schema_pods(&applied.schema_job, &seen.pods);
    let schema = schema(&applied.schema_job, &schema_pods);
    // Pods wait for the schema. Only what has had its full time since then can be said to make no progress.
    let schema_ready_for = match (schema.state, schema_ready_since) {
        (State::Ready, Some(since)) => now.duration_since(since),
        _ => SignedDuration::ZERO,
    };
    let because_of = |part: Part, component| because(part, &pods_of(&seen.pods, component), now);
    let database = database(applied.mysql_stateful_set.as_ref());
    let producers = groups::producers(&applied.producer_deployments, schema_ready_for);
    let consumers = groups::consumers(&applied.consumer_deployments, &seen.suspended, schema_ready_for);
    [
        with_volume(
            unbound(
                refused(because_of(database, Component::Mysql), Source::StatefulSet, &seen.words),
                &seen.words,
            ),
            applied.mysql_claim.as_ref(),
        ),
        refused(because(schema, &schema_pods, now), Source::Job, &seen.words),
        because_of(producers, Component::Producer),
        because_of(consumers, Component::Consumer),
        route::of(applied, seen),
    ]
}

fn pods_of(pods: &[Pod], component: Component) -> Vec<Pod> {
    let component: &str = component.into();
    let is_of = |pod: &&Pod| pod.labels().get(COMPONENT).is_some_and(|label| label == component);
    pods.iter().filter(is_of).cloned().collect()
}

/// The part with the cause that its pods show, if it is not as it must be and its objects do not name one already.
fn because(part: Part, pods: &[Pod], now: Timestamp) -> Part {
    let named = !matches!(
        part.reason,
        reasons::PODS_STARTING
            | reasons::JOB_RUNNING
            | reasons::JOB_FAILED
            | reasons::PROGRESS_DEADLINE_EXCEEDED
    );
    match causes::of(pods, now) {
        Some(causes::Cause { reason, message: why }) if part.state != State::Ready && !named => {
            // That a Job has failed for good says what is to be done; its pod says why.
            let reason = if part.reason == reasons::JOB_FAILED { part.reason } else { reason };
            Part { reason, message: format!("{}: {why}", part.message), ..part }
        }
        _ => part,
    }
}

/// The part with why its object gets no pod.
fn refused(part: Part, source: Source, words: &Words) -> Part {
    match words.of(source) {
        Some(said) if matches!(part.reason, reasons::PODS_STARTING | reasons::JOB_RUNNING) => {
            let causes::Cause { reason, message: why } = causes::refusal(said);
            Part { reason, message: format!("{}: {why}", part.message), ..part }
        }
        _ => part,
    }
}

/// The database with why it gets no volume.
fn unbound(database: Part, words: &Words) -> Part {
    match words.of(Source::Claim) {
        Some(said) if matches!(database.reason, reasons::VOLUME_NOT_BOUND | reasons::PODS_STARTING) => Part {
            reason: reasons::VOLUME_NOT_BOUND,
            message: format!("{}; its volume: {said}", database.message),
            ..database
        },
        _ => database,
    }
}

fn database(stateful_set: Option<&StatefulSet>) -> Part {
    let Some(stateful_set) = stateful_set else {
        return Part {
            type_: types::DATABASE_READY,
            state: State::Ready,
            reason: reasons::EXTERNAL,
            not_ready: reasons::DATABASE_NOT_READY,
            message: "it is not the pipeline's own: the schema Job and the pods show whether it answers"
                .to_owned(),
        };
    };
    let name = stateful_set.name_any();
    let status = stateful_set.status.clone().unwrap_or_default();
    let seen = status.observed_generation >= stateful_set.metadata.generation;
    let updated = status.update_revision.is_some() && status.current_revision == status.update_revision;
    let ready = status.ready_replicas.unwrap_or_default() >= 1;
    let (state, reason, message) = match (seen && ready, updated) {
        (true, true) => (State::Ready, reasons::PODS_READY, format!("pod {name}-0 answers")),
        (true, false) => {
            (State::Waiting, reasons::PODS_STARTING, format!("database: pod {name}-0 is to be replaced"))
        }
        (false, _) if status.replicas == 0 => {
            (State::Waiting, reasons::PODS_STARTING, format!("database: StatefulSet {name} has no pod yet"))
        }
        (false, _) => {
            (State::Waiting, reasons::PODS_STARTING, format!("database: pod {name}-0 is not ready"))
        }
    };
    Part { type_: types::DATABASE_READY, state, reason, not_ready: reasons::DATABASE_NOT_READY, message }
}

/// A database that answers is not yet as it must be while its volume is smaller than it must be.
fn with_volume(database: Part, claim: Option<&Claim>) -> Part {
    let Some(Claim { name, size, growth }) = claim else { return database };
    match growth {
        Growth::Refused(why) => Part {
            state: State::Stalled,
            reason: reasons::VOLUME_NOT_GROWN,
            message: format!(
                "database: the volume of PersistentVolumeClaim {name} can't grow to {size}: {why}"
            ),
            ..database
        },
        Growth::UnderWay if database.state == State::Ready => Part {
            state: State::Waiting,
            reason: reasons::VOLUME_GROWING,
            message: format!("database: the volume of PersistentVolumeClaim {name} grows to {size}"),
            ..database
        },
        Growth::UnderWay | Growth::Done => database,
    }
}

/// Those of that very Job.
fn schema_pods(job: &Job, pods: &[Pod]) -> Vec<Pod> {
    let is_of = |pod: &&Pod| pod.labels().get(JOB_NAME) == job.metadata.name.as_ref();
    pods_of(pods, Component::Schema).iter().filter(is_of).cloned().collect()
}

/// Whether its own container has done its work, whatever others have put beside it.
fn has_succeeded(pod: &Pod) -> bool {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
    let schema = containers.unwrap_or_default().iter().find(|container| container.name == SCHEMA);
    let ended = schema.and_then(|container| container.state.as_ref()?.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

fn schema(job: &Job, pods: &[Pod]) -> Part {
    let name = job.name_any();
    let status = job.status.clone().unwrap_or_default();
    let condition = |type_: &str| {
        let mut all = status.conditions.iter().flatten();
        all.find(|condition| condition.type_ == type_ && condition.status == "True")
    };
    let (state, reason, message) = if condition("Complete").is_some() || pods.iter().any(has_succeeded) {
        (State::Ready, reasons::JOB_SUCCEEDED, format!("Job {name} has succeeded"))
    } else if let Some(failed) = condition("Failed") {
        let why = failed.message.as_deref().unwrap_or("see the log of its pod");
        let message = format!("schema: Job {name} has failed ({why}); delete it to try again");
        (State::Stalled, reasons::JOB_FAILED, message)
    } else {
        (State::Waiting, reasons::JOB_RUNNING, format!("schema: Job {name} has not succeeded yet"))
    };
    Part { type_: types::SCHEMA_READY, state, reason, not_ready: reasons::SCHEMA_NOT_READY, message }
}
