//! What Kubernetes says in Events alone: why an object gets no pod, and why a volume is not made.
//!
//! A Deployment has a condition for that. A StatefulSet, a Job and a claim have none, and their Events are asked for only while
//! they wait: nobody watches the Events of a whole cluster.

use std::collections::BTreeMap;

use eventpipeline_service::error_chain;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use tracing::debug;

use super::dereference::Existing;
use super::resources::{Applied, Resources};
use crate::api::Cluster;
use crate::cache::Kind as _;

/// What is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The database's StatefulSet.
    StatefulSet,
    /// The schema Job.
    Job,
    /// The claim of the database's volume.
    Claim,
}

/// What is said.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    said: BTreeMap<Source, String>,
    /// Whether more may be said soon, of which no watch tells.
    pub(super) awaited: bool,
}

impl Words {
    /// The last words of that source.
    pub(super) fn of(&self, source: Source) -> Option<&str> {
        self.said.get(&source).map(String::as_str)
    }
}

impl FromIterator<(Source, String)> for Words {
    fn from_iter<I: IntoIterator<Item = (Source, String)>>(said: I) -> Self {
        Self { said: said.into_iter().collect(), awaited: false }
    }
}

/// An object that waits: its uid, and the reason of the Events that say why.
struct Waiting {
    source: Source,
    uid: String,
    reason: &'static str,
}

/// Asks for what is said of the objects that wait.
pub(super) async fn ask(cluster: &Cluster, existing: &Existing, applied: &Resources<Applied>) -> Words {
    let waiting = [
        applied.mysql_stateful_set.as_ref().and_then(without_pod),
        without_pods(&applied.schema_job),
        unbound(existing, applied),
    ];
    let mut words = Words::default();
    for Waiting { source, uid, reason } in waiting.into_iter().flatten() {
        words.awaited = true;
        match cluster.last_event(&existing.key.namespace, &uid, reason).await {
            Ok(Some(said)) => {
                words.said.insert(source, said);
            }
            Ok(None) => {}
            // The condition says less, and no more is lost.
            Err(error) => {
                debug!(error = error_chain(&error), "failed to read the Events of an object that waits")
            }
        }
    }
    words
}

fn without_pod(stateful_set: &StatefulSet) -> Option<Waiting> {
    let pods = stateful_set.status.as_ref().map_or(0, |status| status.replicas);
    let uid = stateful_set.metadata.uid.clone()?;
    (pods == 0).then_some(Waiting { source: Source::StatefulSet, uid, reason: "FailedCreate" })
}

fn without_pods(job: &Job) -> Option<Waiting> {
    let status = job.status.as_ref();
    let active = status.and_then(|status| status.active).unwrap_or_default();
    let ended = status.and_then(|status| status.conditions.as_ref()).is_some_and(|conditions| {
        let ends = |type_: &str| matches!(type_, "Complete" | "Failed");
        conditions.iter().any(|condition| ends(&condition.type_) && condition.status == "True")
    });
    let uid = job.metadata.uid.clone()?;
    (active == 0 && !ended).then_some(Waiting { source: Source::Job, uid, reason: "FailedCreate" })
}

fn unbound(existing: &Existing, applied: &Resources<Applied>) -> Option<Waiting> {
    let key = (PersistentVolumeClaim::NAME, applied.mysql_claim.as_ref()?.name.clone());
    let record = existing.objects.get(&key)?;
    let phase = record.snapshot::<PersistentVolumeClaim>()?.status?.phase?;
    let uid = record.uid().to_owned();
    (phase == "Pending").then_some(Waiting { source: Source::Claim, uid, reason: "ProvisioningFailed" })
}
