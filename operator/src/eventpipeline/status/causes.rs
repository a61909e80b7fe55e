//! Why pods are not ready, as their own status tells it. Pure.

use std::cmp::Reverse;

use eventpipeline_crds::conditions::reasons;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodCondition};
use kube::ResourceExt as _;
use serde_json::Value;

use super::super::build::MYSQL;

/// How long a pod may wait for its volumes before that is worth a word.
const MOUNTS: SignedDuration = SignedDuration::from_mins(1);
/// Of the processes that end with an error, the words by which one tells why. What comes after it is what follows from it.
const REASONS: [&str; 5] = ["[ERROR]", "error:", "panic:", "fatal error:", "panicked at"];
/// How mysqld says that it ends, and not why.
const ENDS: &str = "[Server] Aborting";
/// How a mysqld says that its data is of a newer one.
const DOWNGRADE: &str = "downgrade";
/// How much of what a program said is told: of more, the beginning and the end.
const LONGEST: (usize, usize) = (200, 600);

/// Why pods do not get on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What keeps these pods from being ready: of several causes that of the newest pod, in the order of names.
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

/// Why the API server takes no pod, by what it answered.
pub(super) fn refusal(answer: &str) -> Cause {
    let quota = answer.contains("exceeded quota");
    let reason = if quota { reasons::QUOTA_EXCEEDED } else { reasons::PODS_REFUSED };
    Cause { reason, message: answer.to_owned() }
}

fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|condition| condition.type_ == type_)
}

fn unscheduled(pod: &Pod) -> Option<Cause> {
    let condition = condition(pod, "PodScheduled").filter(|condition| condition.status == "False")?;
    let message = condition.message.clone().unwrap_or_else(|| "no node has been found for it".to_owned());
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
    let said = || waiting.and_then(|waiting| waiting.message.clone()).unwrap_or_default();
    let cause = |reason, message| Some(Cause { reason, message });
    match why {
        "ImagePullBackOff"
        | "ErrImagePull"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "RegistryUnavailable" => {
            let image = &status.image;
            cause(reasons::IMAGE_NOT_PULLED, format!("image {image:?} can't be pulled ({why}): {}", said()))
        }
        // A Secret, a ConfigMap or a key of one, which an environment variable is to be taken from.
        "CreateContainerConfigError" => cause(reasons::CONFIG_NOT_FOUND, said()),
        "CreateContainerError" | "RunContainerError" => {
            cause(reasons::CONTAINER_NOT_STARTED, format!("{why}: {}", said()))
        }
        "CrashLoopBackOff" => Some(crashed(status, status.last_state.as_ref())),
        _ if state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0) => {
            Some(crashed(status, Some(state)))
        }
        _ => None,
    }
}

/// How it ended, and why by its own word.
fn crashed(status: &ContainerStatus, ended: Option<&ContainerState>) -> Cause {
    let restarts = status.restart_count;
    let Some(ended) = ended.and_then(|state| state.terminated.as_ref()) else {
        let message = format!("container {} has been restarted {restarts} times", status.name);
        return Cause { reason: reasons::CRASH_LOOP, message };
    };
    let how = match ended.reason.as_deref() {
        Some("OOMKilled") => "was killed for using more memory than its limit".to_owned(),
        _ => format!("ended with code {}", ended.exit_code),
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

/// The line that says why, of the end of a log: an error's first one, or the last one of all.
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

/// What went wrong, of a line in JSON that says so.
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

/// Without what a terminal would take for a command. Of a chain of causes the last is what matters most.
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

/// The kubelet tells only by Events what a volume lacks; that it lacks something shows.
fn unmounted(pod: &Pod, now: Timestamp) -> Option<Cause> {
    let scheduled = condition(pod, "PodScheduled")?.last_transition_time.as_ref()?.0;
    let mut waits =
        containers(pod).filter_map(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    let starting = waits.any(|why| why == "ContainerCreating" || why == "PodInitializing");
    let no_sandbox =
        condition(pod, "PodReadyToStartContainers").is_some_and(|condition| condition.status == "False");
    (starting && no_sandbox && now.duration_since(scheduled) > MOUNTS).then(|| Cause {
        reason: reasons::VOLUMES_NOT_MOUNTED,
        message: "it has waited for its volumes for more than a minute: is there every Secret that it names?"
            .to_owned(),
    })
}
