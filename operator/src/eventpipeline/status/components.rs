//! The components of a pipeline, as their applied objects show them.

mod groups;
mod route;

use eventpipeline_crds::conditions::{reasons, types};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::super::build::schema_job::SCHEMA;
use super::super::pending_events::{PendingEvents, Source};
use super::super::resources::{Applied, DataVolume, Expansion};
use super::component::{Component, State};
use super::{Observed, causes};
use crate::labels::{self, COMPONENT};

/// Label of a Job's pods with the Job's name.
const JOB_NAME: &str = "batch.kubernetes.io/job-name";

/// Returns the components, each one before those that need it.
pub(super) fn of(
    applied: &Applied,
    observed: &Observed<'_>,
    schema_ready_since: Option<Timestamp>,
    now: Timestamp,
) -> [Component; 5] {
    let schema_pods = schema_pods(&applied.schema_job, &observed.pods);
    let schema = schema(&applied.schema_job, &schema_pods);
    // Pods wait for the schema, so the progress deadline of a Deployment starts when the schema is ready.
    let schema_ready_for = match (schema.state, schema_ready_since) {
        (State::Ready, Some(since)) => now.duration_since(since),
        _ => SignedDuration::ZERO,
    };
    let database = database(applied.mysql_stateful_set.as_ref());
    let database = with_cause(database, &pods_of(&observed.pods, labels::Component::Mysql), now);
    let database = with_refusal(database, Source::StatefulSet, &observed.pending_events);
    let database = with_provisioning(database, &observed.pending_events);
    let producers = groups::producers(&applied.producer_deployments, schema_ready_for);
    let consumers = groups::consumers(&applied.consumer_deployments, &observed.suspended, schema_ready_for);
    [
        with_volume(database, applied.data_volume.as_ref()),
        with_refusal(with_cause(schema, &schema_pods, now), Source::Job, &observed.pending_events),
        with_cause(producers, &pods_of(&observed.pods, labels::Component::Producer), now),
        with_cause(consumers, &pods_of(&observed.pods, labels::Component::Consumer), now),
        route::of(applied, observed),
    ]
    .map(|component| with_pull_secrets(component, &observed.pending_events))
}

fn pods_of(pods: &[Pod], component: labels::Component) -> Vec<Pod> {
    let component: &str = component.into();
    let is_of = |pod: &&Pod| pod.labels().get(COMPONENT).is_some_and(|label| label == component);
    pods.iter().filter(is_of).cloned().collect()
}

/// Adds the cause that the pods show, unless the component is ready or its objects have named a cause
/// already.
fn with_cause(component: Component, pods: &[Pod], now: Timestamp) -> Component {
    let named = !matches!(
        component.reason,
        reasons::PODS_STARTING
            | reasons::JOB_RUNNING
            | reasons::JOB_FAILED
            | reasons::PROGRESS_DEADLINE_EXCEEDED
    );
    match causes::of(pods, now) {
        Some(causes::Cause { reason, message: why }) if component.state != State::Ready && !named => {
            // The reason of a failed Job tells what to do; its pod tells why it failed.
            let reason = if component.reason == reasons::JOB_FAILED { component.reason } else { reason };
            Component { reason, message: format!("{}: {why}", component.message), ..component }
        }
        _ => component,
    }
}

/// Adds the reason that the component's object gets no pod.
fn with_refusal(component: Component, source: Source, events: &PendingEvents) -> Component {
    match events.of(source) {
        Some(event) if matches!(component.reason, reasons::PODS_STARTING | reasons::JOB_RUNNING) => {
            let causes::Cause { reason, message: why } = causes::refusal(event);
            Component { reason, message: format!("{}: {why}", component.message), ..component }
        }
        _ => component,
    }
}

/// Adds the pull Secrets that do not exist.
fn with_pull_secrets(component: Component, events: &PendingEvents) -> Component {
    match events.of(Source::Image) {
        Some(event) if component.reason == reasons::IMAGE_NOT_PULLED => {
            Component { message: format!("{}; {event}", component.message), ..component }
        }
        _ => component,
    }
}

/// Adds the reason that the database gets no volume.
fn with_provisioning(database: Component, events: &PendingEvents) -> Component {
    match events.of(Source::Claim) {
        Some(event) if matches!(database.reason, reasons::VOLUME_NOT_BOUND | reasons::PODS_STARTING) => {
            Component {
                reason: reasons::VOLUME_NOT_BOUND,
                message: format!("{}; volume: {event}", database.message),
                ..database
            }
        }
        _ => database,
    }
}

fn database(stateful_set: Option<&StatefulSet>) -> Component {
    let Some(stateful_set) = stateful_set else {
        return Component {
            type_: types::DATABASE_READY,
            state: State::Ready,
            reason: reasons::EXTERNAL,
            not_ready: reasons::DATABASE_NOT_READY,
            message: "the database is external: the schema Job and the pods show whether it is available"
                .to_owned(),
        };
    };
    let name = stateful_set.name_any();
    let status = stateful_set.status.clone().unwrap_or_default();
    let seen = status.observed_generation >= stateful_set.metadata.generation;
    let updated = status.update_revision.is_some() && status.current_revision == status.update_revision;
    let ready = status.ready_replicas.unwrap_or_default() >= 1;
    let (state, reason, message) = match (seen && ready, updated) {
        (true, true) => (State::Ready, reasons::PODS_READY, format!("pod {name}-0 is ready")),
        (true, false) => {
            (State::Waiting, reasons::PODS_STARTING, format!("database: pod {name}-0 must be replaced"))
        }
        (false, _) if status.replicas == 0 => (
            State::Waiting,
            reasons::PODS_STARTING,
            format!("database: StatefulSet {name} has not created its pod yet"),
        ),
        (false, _) => {
            (State::Waiting, reasons::PODS_STARTING, format!("database: pod {name}-0 is not ready"))
        }
    };
    Component { type_: types::DATABASE_READY, state, reason, not_ready: reasons::DATABASE_NOT_READY, message }
}

/// Adds the expansion of the volume. The database is not ready until its volume is as large as requested.
fn with_volume(database: Component, volume: Option<&DataVolume>) -> Component {
    let Some(DataVolume { claim, size, expansion }) = volume else { return database };
    match expansion {
        Expansion::Refused(why) => Component {
            state: State::Stalled,
            reason: reasons::VOLUME_NOT_GROWN,
            message: format!(
                "database: the volume of PersistentVolumeClaim {claim} can't be expanded to {size}: {why}"
            ),
            ..database
        },
        Expansion::InProgress if database.state == State::Ready => Component {
            state: State::Waiting,
            reason: reasons::VOLUME_GROWING,
            message: format!(
                "database: the volume of PersistentVolumeClaim {claim} is being expanded to {size}"
            ),
            ..database
        },
        Expansion::InProgress | Expansion::Done => database,
    }
}

/// Returns the pods of this Job.
fn schema_pods(job: &Job, pods: &[Pod]) -> Vec<Pod> {
    let is_of = |pod: &&Pod| pod.labels().get(JOB_NAME) == job.metadata.name.as_ref();
    pods_of(pods, labels::Component::Schema).iter().filter(is_of).cloned().collect()
}

/// Returns whether the Job's own container has succeeded. Injected sidecars are ignored.
fn has_succeeded(pod: &Pod) -> bool {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
    let schema = containers.unwrap_or_default().iter().find(|container| container.name == SCHEMA);
    let ended = schema.and_then(|container| container.state.as_ref()?.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

fn schema(job: &Job, pods: &[Pod]) -> Component {
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
        let message = format!("schema: Job {name} has failed ({why}); delete the Job to retry");
        (State::Stalled, reasons::JOB_FAILED, message)
    } else {
        (State::Waiting, reasons::JOB_RUNNING, format!("schema: Job {name} has not completed yet"))
    };
    Component { type_: types::SCHEMA_READY, state, reason, not_ready: reasons::SCHEMA_NOT_READY, message }
}
