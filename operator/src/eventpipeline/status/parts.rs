//! The parts of a pipeline, each as its applied objects show it.

mod route;

use eventpipeline_crds::conditions::{reasons, types};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;

use super::super::build::meta::GROUP;
use super::super::resources::{Applied, Claim, Growth, Resources};

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
    schema_ready_since: Option<Timestamp>,
    now: Timestamp,
) -> [Part; 5] {
    let schema = schema(&applied.schema_job);
    // Pods wait for the schema. Only what has had its full time since then can be said to make no progress.
    let schema_ready_for = match (schema.state, schema_ready_since) {
        (State::Ready, Some(since)) => now.duration_since(since),
        _ => SignedDuration::ZERO,
    };
    [
        with_volume(database(applied.mysql_stateful_set.as_ref()), applied.mysql_claim.as_ref()),
        schema,
        producers(&applied.producer_deployments, schema_ready_for),
        consumers(&applied.consumer_deployments, schema_ready_for),
        route::of(applied.ingress.as_ref(), applied.http_route.as_ref()),
    ]
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

fn schema(job: &Job) -> Part {
    let name = job.name_any();
    let status = job.status.clone().unwrap_or_default();
    let condition = |type_: &str| {
        let mut all = status.conditions.iter().flatten();
        all.find(|condition| condition.type_ == type_ && condition.status == "True")
    };
    let (state, reason, message) = if condition("Complete").is_some() {
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

fn producers(deployments: &[Deployment], schema_ready_for: SignedDuration) -> Part {
    let (state, reason, message) = groups("producers", deployments, schema_ready_for);
    Part { type_: types::PRODUCERS_READY, state, reason, not_ready: reasons::PRODUCERS_NOT_READY, message }
}

fn consumers(deployments: &[Deployment], schema_ready_for: SignedDuration) -> Part {
    let (state, reason, message) = groups("consumers", deployments, schema_ready_for);
    Part { type_: types::CONSUMERS_READY, state, reason, not_ready: reasons::CONSUMERS_NOT_READY, message }
}

fn groups(
    kind: &str,
    deployments: &[Deployment],
    schema_ready_for: SignedDuration,
) -> (State, &'static str, String) {
    let all: Vec<Group> =
        deployments.iter().map(|deployment| Group::of(deployment, schema_ready_for)).collect();
    let missing: Vec<String> =
        all.iter().filter(|group| group.state != State::Ready).map(Group::to_string).collect();
    let message = format!("{kind}: {}", missing.join(", "));
    if all.iter().any(|group| group.state == State::Stalled) {
        (State::Stalled, reasons::PROGRESS_DEADLINE_EXCEEDED, message)
    } else if !missing.is_empty() {
        (State::Waiting, reasons::PODS_STARTING, message)
    } else if all.iter().all(|group| group.wanted == 0) {
        (State::Ready, reasons::SUSPENDED, "every group is suspended".to_owned())
    } else {
        let wanted: i32 = all.iter().map(|group| group.wanted).sum();
        (State::Ready, reasons::PODS_READY, format!("{wanted} of {wanted} pods are ready"))
    }
}

/// A group's Deployment.
struct Group {
    name: String,
    state: State,
    wanted: i32,
    updated: i32,
    ready: i32,
    /// What the Deployment says of a rollout that does not get on.
    why: Option<String>,
}

impl Group {
    fn of(deployment: &Deployment, schema_ready_for: SignedDuration) -> Self {
        let spec = deployment.spec.clone().unwrap_or_default();
        let status = deployment.status.clone().unwrap_or_default();
        let seen = status.observed_generation >= deployment.metadata.generation;
        let count = |number: Option<i32>| number.unwrap_or_default();
        let wanted = count(spec.replicas);
        let (all, updated) = (count(status.replicas), count(status.updated_replicas));
        let available = count(status.available_replicas);
        let deadline = SignedDuration::from_secs(spec.progress_deadline_seconds.unwrap_or(600).into());
        let late = status.conditions.iter().flatten().find(|condition| {
            condition.type_ == "Progressing"
                && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
                && condition.status == "False"
        });
        let late = late.filter(|_| seen && schema_ready_for >= deadline);
        let state = if seen && updated >= wanted && available >= wanted && all == wanted {
            State::Ready
        } else if late.is_some() {
            State::Stalled
        } else {
            State::Waiting
        };
        Self {
            name: deployment.labels().get(GROUP).cloned().unwrap_or_else(|| deployment.name_any()),
            state,
            wanted,
            updated,
            ready: count(status.ready_replicas),
            why: late.and_then(|condition| condition.message.clone()),
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, state: _, wanted, updated, ready, why } = self;
        write!(formatter, "group {name} has {ready} of {wanted} pods ready, {updated} of them updated")?;
        match why {
            Some(why) => write!(formatter, " ({why})"),
            None => Ok(()),
        }
    }
}
