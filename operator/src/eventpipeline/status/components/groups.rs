//! The groups of producers and consumers, as their Deployments show them.

use eventpipeline_crds::conditions::{reasons, types};
use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};
use kube::ResourceExt as _;

use super::super::causes::{self, Cause};
use super::super::component::{Component, State};
use crate::labels::GROUP;

pub(super) fn producers(deployments: &[Deployment], schema_ready_for: SignedDuration) -> Component {
    let (state, reason, message) = groups("producers", deployments, &[], schema_ready_for);
    Component {
        type_: types::PRODUCERS_READY,
        state,
        reason,
        not_ready: reasons::PRODUCERS_NOT_READY,
        message,
    }
}

/// `suspended` contains the names of groups without pods.
pub(super) fn consumers(
    deployments: &[Deployment],
    suspended: &[String],
    schema_ready_for: SignedDuration,
) -> Component {
    let (state, reason, message) = groups("consumers", deployments, suspended, schema_ready_for);
    Component {
        type_: types::CONSUMERS_READY,
        state,
        reason,
        not_ready: reasons::CONSUMERS_NOT_READY,
        message,
    }
}

fn groups(
    kind: &str,
    deployments: &[Deployment],
    suspended: &[String],
    schema_ready_for: SignedDuration,
) -> (State, &'static str, String) {
    let all: Vec<Group> =
        deployments.iter().map(|deployment| Group::of(deployment, suspended, schema_ready_for)).collect();
    let missing: Vec<String> =
        all.iter().filter(|group| group.state != State::Ready).map(Group::to_string).collect();
    let message = format!("{kind}: {}", missing.join(", "));
    let refused =
        all.iter().filter(|group| group.state != State::Ready).find_map(|group| group.refused.as_ref());
    if let Some(Cause { reason, message: why }) = refused {
        let stalled = all.iter().any(|group| group.state == State::Stalled);
        let state = if stalled { State::Stalled } else { State::Waiting };
        (state, *reason, format!("{message}: {why}"))
    } else if all.iter().any(|group| group.state == State::Stalled) {
        (State::Stalled, reasons::PROGRESS_DEADLINE_EXCEEDED, message)
    } else if !missing.is_empty() {
        (State::Waiting, reasons::PODS_STARTING, message)
    } else if all.iter().all(|group| group.suspended) {
        (State::Ready, reasons::SUSPENDED, "all groups are suspended".to_owned())
    } else {
        let wanted: i32 = all.iter().map(|group| group.wanted).sum();
        let off: Vec<&str> =
            all.iter().filter(|group| group.suspended).map(|group| group.name.as_str()).collect();
        let off = if off.is_empty() { String::new() } else { format!("; suspended: {}", off.join(", ")) };
        if wanted == 0 {
            (State::Ready, reasons::SCALED_TO_ZERO, format!("no event needs a consumer{off}"))
        } else {
            (State::Ready, reasons::PODS_READY, format!("{wanted} of {wanted} pods are ready{off}"))
        }
    }
}

/// A group's Deployment.
struct Group {
    name: String,
    state: State,
    suspended: bool,
    wanted: i32,
    updated: i32,
    /// Pods above the wanted number, which a rollout or a scale-in has not removed yet.
    surplus: i32,
    ready: i32,
    /// The Deployment's message about a rollout without progress.
    why: Option<String>,
    /// The API server's reason to refuse its pods.
    refused: Option<Cause>,
}

impl Group {
    fn of(deployment: &Deployment, suspended: &[String], schema_ready_for: SignedDuration) -> Self {
        let name = deployment.labels().get(GROUP).cloned().unwrap_or_else(|| deployment.name_any());
        let suspended = suspended.contains(&name);
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
        // A suspended group is ready immediately: its remaining pods finish their work and terminate.
        let as_wanted = seen && updated >= wanted && available >= wanted && all == wanted;
        let state = if suspended || as_wanted {
            State::Ready
        } else if late.is_some() {
            State::Stalled
        } else {
            State::Waiting
        };
        Self {
            name,
            state,
            suspended,
            wanted,
            updated,
            surplus: (all - wanted).max(0),
            ready: count(status.ready_replicas),
            why: late.and_then(|condition| condition.message.clone()),
            refused: refused(&status),
        }
    }
}

/// Returns why the API server refuses the Deployment's pods.
fn refused(status: &DeploymentStatus) -> Option<Cause> {
    let mut conditions = status.conditions.iter().flatten();
    let failure =
        conditions.find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    Some(causes::refusal(failure.message.as_deref().unwrap_or_default()))
}

impl std::fmt::Display for Group {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, state: _, suspended: _, wanted, updated, surplus, ready, why, refused: _ } = self;
        write!(formatter, "group {name} has {ready} of {wanted} pods ready and {updated} updated")?;
        if *surplus > 0 {
            write!(formatter, ", and {surplus} more to be removed")?;
        }
        match why {
            Some(why) => write!(formatter, " ({why})"),
            None => Ok(()),
        }
    }
}
