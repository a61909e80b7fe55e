//! Why pods are not ready, as their own status tells it. Pure.

use eventpipeline_crds::conditions::reasons;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod, PodCondition};
use kube::ResourceExt as _;

/// How long a pod may wait for its volumes before that is worth a word.
const MOUNTS: SignedDuration = SignedDuration::from_mins(1);
/// How much of what a program said last is told.
const LONGEST: usize = 300;

/// Why pods do not get on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// What keeps these pods from being ready: of several causes the first that is found in the order of names.
pub(super) fn of(pods: &[Pod], now: Timestamp) -> Option<Cause> {
    let mut pods: Vec<&Pod> = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
    pods.sort_by_key(|pod| pod.name_any());
    pods.into_iter().find_map(|pod| {
        let cause = unscheduled(pod)
            .or_else(|| containers(pod).find_map(container))
            .or_else(|| unmounted(pod, now))?;
        Some(Cause { message: format!("pod {}: {}", pod.name_any(), cause.message), ..cause })
    })
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
        "CrashLoopBackOff" => cause(reasons::CRASH_LOOP, crashed(status, status.last_state.as_ref())),
        _ if state.terminated.as_ref().is_some_and(|ended| ended.exit_code != 0) => {
            cause(reasons::CRASH_LOOP, crashed(status, Some(state)))
        }
        _ => None,
    }
}

/// How it ended, and the last line that it said.
fn crashed(status: &ContainerStatus, ended: Option<&ContainerState>) -> String {
    let restarts = status.restart_count;
    let Some(ended) = ended.and_then(|state| state.terminated.as_ref()) else {
        return format!("container {} has been restarted {restarts} times", status.name);
    };
    let how = match ended.reason.as_deref() {
        Some("OOMKilled") => "was killed for using more memory than its limit".to_owned(),
        _ => format!("ended with code {}", ended.exit_code),
    };
    let mut message = format!("container {} {how}, after {restarts} restarts", status.name);
    let said = ended.message.as_deref().unwrap_or_default();
    if let Some(line) = said.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        let line: String = line.chars().filter(|char| !char.is_control()).take(LONGEST).collect();
        message.push_str(": ");
        message.push_str(&line);
    }
    message
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
