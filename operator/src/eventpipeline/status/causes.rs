//! Causes of unready pods, according to their status. Pure.

use std::cmp::Reverse;

use eventpipeline_crds::conditions::reasons;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodCondition};
use kube::ResourceExt as _;
use serde_json::Value;

use super::super::build::MYSQL;
use super::mounts;

/// Time that a pod may wait for its volumes before that is reported.
const MOUNTS: SignedDuration = SignedDuration::from_mins(1);
/// Markers of the line in which a failing process tells the cause. Later lines are consequences.
const REASONS: [&str; 5] = ["[ERROR]", "error:", "panic:", "fatal error:", "panicked at"];
/// Line in which mysqld reports its end without a cause.
const ENDS: &str = "[Server] Aborting";
/// Word by which mysqld reports that its data was written by a newer version.
const DOWNGRADE: &str = "downgrade";
/// Number of characters that are shown of the beginning and of the end of a long line.
const LONGEST: (usize, usize) = (200, 600);

/// The cause of unready pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Returns the cause of these unready pods. With several causes, that of the newest pod counts.
pub(super) fn of(pods: &[Pod], now: Timestamp) -> Option<Cause> {
    let mut pods: Vec<&Pod> = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    pods.sort_by_key(|pod| {
        let created = pod.metadata.creation_timestamp.as_ref().map(|created| created.0);
        (Reverse(created), pod.name_any())
    });
    pods.into_iter().find_map(|pod| {
        let cause = unscheduled(pod)
            .or_else(|| containers(pod).find_map(container))
            .or_else(|| unmounted(pod, now))?;
        Some(Cause { message: format!("pod {}: {}", pod.name_any(), cause.message), ..cause })
    })
}

/// Returns why the API server refuses pods, according to its message.
pub(super) fn refusal(answer: &str) -> Cause {
    let reason = if answer.contains("exceeded quota") {
        reasons::QUOTA_EXCEEDED
    } else if answer.contains("error looking up service account") {
        reasons::SERVICE_ACCOUNT_NOT_FOUND
    } else {
        reasons::PODS_REFUSED
    };
    Cause { reason, message: answer.to_owned() }
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == type_)
}

fn unscheduled(pod: &Pod) -> Option<Cause> {
    let condition = condition(pod, "PodScheduled").filter(|condition| condition.status == "False")?;
    let message = condition.message.clone().unwrap_or_else(|| "no node is available".to_owned());
    let volume = message.to_lowercase().contains("persistentvolumeclaim");
    let reason = if volume { reasons::VOLUME_NOT_BOUND } else { reasons::UNSCHEDULABLE };
    Some(Cause { reason, message })
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    let first = status.and_then(|status| status.init_container_statuses.as_deref()).unwrap_or_default();
    let then = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    first.iter().chain(then)
}

fn container(status: &ContainerStatus) -> Option<Cause> {
    let state = status.state.as_ref()?;
    let waiting = state.waiting.as_ref();
    let why = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
    let message = || waiting.and_then(|waiting| waiting.message.clone()).unwrap_or_default();
    let cause = |reason, message| Some(Cause { reason, message });
    match why {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => {
            let image = &status.image;
            cause(
                reasons::IMAGE_NOT_PULLED,
                format!("image {image:?} can't be pulled ({why}): {}", message()),
            )
        }
        // An environment variable refers to a missing Secret, ConfigMap or key.
        "CreateContainerConfigError" => cause(reasons::CONFIG_NOT_FOUND, message()),
        "CreateContainerError" | "RunContainerError" => {
            cause(reasons::CONTAINER_NOT_STARTED, format!("{why}: {}", message()))
        }
        "CrashLoopBackOff" => Some(crashed(status, status.last_state.as_ref())),
        _ if state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0) => {
            Some(crashed(status, Some(state)))
        }
        _ => None,
    }
}

/// Returns how the container terminated, and the cause from its log.
fn crashed(status: &ContainerStatus, ended: Option<&ContainerState>) -> Cause {
    let restarts = status.restart_count;
    let Some(ended) = ended.and_then(|state| state.terminated.as_ref()) else {
        let message = format!("container {} has restarted {restarts} times", status.name);
        return Cause { reason: reasons::CRASH_LOOP, message };
    };
    let how = match ended.reason.as_deref() {
        Some("OOMKilled") => "was killed because it exceeded its memory limit".to_owned(),
        _ => format!("exited with code {}", ended.exit_code),
    };
    let again = if restarts > 0 { format!(", after {restarts} restarts") } else { String::new() };
    let message = format!("container {} {how}{again}", status.name);
    let Some(why) = ended.message.as_deref().and_then(why) else {
        return Cause { reason: reasons::CRASH_LOOP, message };
    };
    let newer_data = status.name == MYSQL && why.to_lowercase().contains(DOWNGRADE);
    let reason = if newer_data { reasons::DATABASE_DOWNGRADE } else { reasons::CRASH_LOOP };
    Cause { reason, message: format!("{message}: {}", shortened(&why)) }
}

/// Returns the line of a log's end that tells the cause: the first error, or otherwise the last line.
fn why(log: &str) -> Option<String> {
    let lines = || log.lines().map(str::trim).filter(|line| !line.is_empty());
    if let Some(error) = lines().rev().find_map(error_of_json) {
        return Some(error);
    }
    let is_reason = |line: &&str| {
        !line.contains(ENDS)
            && REASONS.iter().any(|reason| line.to_lowercase().contains(&reason.to_lowercase()))
    };
    lines().find(is_reason).or_else(|| lines().next_back()).map(str::to_owned)
}

/// Returns the error of a line in JSON.
fn error_of_json(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |field: &str| line.get(field)?.as_str();
    match (text("message"), text("error")) {
        (Some(message), Some(error)) if !error.contains(message) => Some(format!("{message}: {error}")),
        (_, Some(error)) => Some(error.to_owned()),
        (Some(message), None) if text("level") == Some("ERROR") => Some(message.to_owned()),
        _ => None,
    }
}

/// Removes control characters and shortens the line. The end of a chain of causes matters most.
fn shortened(line: &str) -> String {
    let letters: Vec<char> = line.chars().filter(|letter| !letter.is_control()).collect();
    let (first, last) = LONGEST;
    match letters.len().checked_sub(first + last) {
        None | Some(0) => letters.into_iter().collect(),
        Some(left_out) => {
            let (begin, end) = (letters.iter().take(first), letters.iter().skip(first + left_out));
            begin.chain(&[' ', '…', ' ']).chain(end).collect()
        }
    }
}

/// Returns whether a pod waits for its volumes. Nothing reports when it has waited for too long.
pub(super) fn waits_for_volumes(pod: &Pod) -> bool {
    waits_since(pod).is_some()
}

/// Returns since when a pod has been waiting for its volumes.
fn waits_since(pod: &Pod) -> Option<Timestamp> {
    let scheduled = condition(pod, "PodScheduled")?.last_transition_time.as_ref()?.0;
    let mut waits =
        containers(pod).filter_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    let starting = waits.any(|why| why == "ContainerCreating" || why == "PodInitializing");
    let no_sandbox =
        condition(pod, "PodReadyToStartContainers").is_some_and(|condition| condition.status == "False");
    (starting && no_sandbox).then_some(scheduled)
}

/// Detects volumes that can't be mounted. The kubelet reports the cause in Events only.
fn unmounted(pod: &Pod, now: Timestamp) -> Option<Cause> {
    (now.duration_since(waits_since(pod)?) > MOUNTS).then(|| Cause {
        reason: reasons::VOLUMES_NOT_MOUNTED,
        message: format!(
            "its volumes are still not mounted after a minute; check that these exist: {}",
            mounts::required(pod).join(", ")
        ),
    })
}
