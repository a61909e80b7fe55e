//! Reasons that Kubernetes reports in Events only: why an object gets no pod, and why a volume is not
//! provisioned.
//!
//! A Deployment has a condition for that. A StatefulSet, a Job and a claim have none. Their Events are
//! requested only while they are pending, because watching the Events of a whole cluster would be too
//! expensive.

use std::collections::BTreeMap;

use eventpipeline_service::error_chain;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use tracing::debug;

use super::dereference::Existing;
use super::resources::Applied;
use crate::api::Cluster;
use crate::cache::Kind as _;
use crate::pods;

/// An object that Events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The database's StatefulSet.
    StatefulSet,
    /// The schema Job.
    Job,
    /// The claim of the database's volume.
    Claim,
    /// A pod whose image can't be pulled. Only an Event tells that a pull Secret does not exist.
    Image,
}

/// The latest Event of each pending object.
#[derive(Debug, Clone, Default)]
pub(super) struct PendingEvents {
    messages: BTreeMap<Source, String>,
    /// True if any object is pending. No watch reports new Events about it.
    pub(super) any: bool,
}

impl PendingEvents {
    /// Returns the message of the latest Event about the object.
    pub(super) fn of(&self, source: Source) -> Option<&str> {
        self.messages.get(&source).map(String::as_str)
    }
}

impl FromIterator<(Source, String)> for PendingEvents {
    fn from_iter<I: IntoIterator<Item = (Source, String)>>(messages: I) -> Self {
        Self { messages: messages.into_iter().collect(), any: false }
    }
}

/// A pending object.
struct Pending {
    source: Source,
    uid: String,
    reason: &'static str,
}

/// Requests the latest Events about the pending objects.
pub(super) async fn read(cluster: &Cluster, existing: &Existing, applied: &Applied) -> PendingEvents {
    let pending = [
        applied.mysql_stateful_set.as_ref().and_then(without_pod),
        without_pods(&applied.schema_job),
        unbound(existing, applied),
        without_image(existing),
    ];
    let mut events = PendingEvents::default();
    for Pending { source, uid, reason } in pending.into_iter().flatten() {
        events.any = true;
        match cluster.last_event(&existing.key.namespace, &uid, reason).await {
            Ok(Some(message)) => {
                events.messages.insert(source, message);
            }
            Ok(None) => {}
            // The condition is less specific, and nothing else is lost.
            Err(error) => {
                debug!(error = error_chain(&error), "failed to read the Events of a pending object");
            }
        }
    }
    events
}

fn without_pod(stateful_set: &StatefulSet) -> Option<Pending> {
    let pods = stateful_set.status.as_ref().map_or(0, |status| status.replicas);
    let uid = stateful_set.metadata.uid.clone()?;
    (pods == 0).then_some(Pending { source: Source::StatefulSet, uid, reason: "FailedCreate" })
}

fn without_pods(job: &Job) -> Option<Pending> {
    let status = job.status.as_ref();
    let active = status.and_then(|status| status.active).unwrap_or_default();
    let ended = status.and_then(|status| status.conditions.as_ref()).is_some_and(|conditions| {
        let ends = |type_: &str| matches!(type_, "Complete" | "Failed");
        conditions.iter().any(|condition| ends(&condition.type_) && condition.status == "True")
    });
    let uid = job.metadata.uid.clone()?;
    (active == 0 && !ended).then_some(Pending { source: Source::Job, uid, reason: "FailedCreate" })
}

fn unbound(existing: &Existing, applied: &Applied) -> Option<Pending> {
    let key = (PersistentVolumeClaim::NAME, applied.data_volume.as_ref()?.claim.clone());
    let record = existing.objects.get(&key)?;
    let phase = record.snapshot::<PersistentVolumeClaim>()?.status?.phase?;
    let uid = record.uid().to_owned();
    (phase == "Pending").then_some(Pending { source: Source::Claim, uid, reason: "ProvisioningFailed" })
}

fn without_image(existing: &Existing) -> Option<Pending> {
    let pods = pods::not_ready(&existing.objects);
    let uid = pods.iter().find(|pod| waits_for_image(pod))?.metadata.uid.clone()?;
    Some(Pending { source: Source::Image, uid, reason: "FailedToRetrieveImagePullSecret" })
}

fn waits_for_image(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let mut reasons =
        containers.filter_map(|container| container.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    reasons.any(|reason| matches!(reason, "ErrImagePull" | "ImagePullBackOff"))
}
