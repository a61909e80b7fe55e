//! First step: reads the existing objects from the object cache, without any request.

use eventpipeline_crds::{EventPipeline, GroupStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{Resource as _, ResourceExt as _};

use super::build::meta::VOLUME;
use crate::cache::{Kind as _, ObjectCache, Objects, PipelineKey};
use crate::queue_stats::Observation;

/// The existing objects of a pipeline.
#[derive(Debug)]
pub(super) struct Existing {
    pub(super) key: PipelineKey,
    pub(super) uid: Option<String>,
    /// Objects with the pipeline's label: its own, and those of others that carry the same label.
    pub(super) objects: Objects,
    /// Scaling decisions for the groups of consumers, as recorded in the status.
    pub(super) groups: Vec<GroupStatus>,
    /// Time at which a producer reported that the database lacks the schema it needs, if the last response said
    /// so.
    pub(super) schema_is_old: Option<Timestamp>,
}

/// Minimum time since the end of the schema Job for a missing schema to mean that another state of the
/// database was restored. It is much longer than producers take to notice a new schema, and long enough that
/// a Job that can't help is not repeated quickly.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);

impl Existing {
    /// Returns whether the work of this schema Job is lost.
    pub(super) fn schema_is_lost(&self, job: &Job) -> bool {
        let ended = job.status.as_ref().and_then(|status| status.completion_time.as_ref());
        match (self.schema_is_old, ended) {
            (Some(seen), Some(ended)) => seen.duration_since(ended.0) >= SETTLED,
            _ => false,
        }
    }

    /// Returns the uid of the claim of the database's volume. Without a claim, returns that of the volume
    /// that the schema was last created on.
    pub(super) fn volume(&self) -> Option<String> {
        let of = |kind| self.objects.iter().filter(move |((of, _), _)| *of == kind).map(|(_, record)| record);
        let claim = of(PersistentVolumeClaim::NAME).map(|record| record.uid().to_owned()).next();
        claim.or_else(|| {
            let jobs = of(Job::NAME).filter(|record| record.belongs_to(self.uid.as_deref()));
            jobs.filter_map(|record| record.snapshot::<Job>())
                .find_map(|job| job.annotations().get(VOLUME).cloned())
        })
    }

    /// Returns the size in the claim template of the database's StatefulSet.
    pub(super) fn first_size(&self) -> Option<String> {
        let mut stateful_sets = self.objects.iter().filter(|((kind, _), _)| *kind == StatefulSet::NAME);
        let (_, record) = stateful_sets.find(|(_, record)| record.belongs_to(self.uid.as_deref()))?;
        let templates = record.snapshot::<StatefulSet>()?.spec?.volume_claim_templates?;
        let mut requests = templates.into_iter().next()?.spec?.resources?.requests?;
        Some(requests.remove("storage")?.0)
    }
}

/// Reads the existing objects.
pub(super) fn dereference(
    cache: &ObjectCache,
    pipeline: &EventPipeline,
    seen: Option<&Observation>,
) -> Existing {
    let key = PipelineKey::of(pipeline);
    let objects = cache.of(&key);
    let groups = pipeline.status.as_ref().map(|status| status.consumer_groups.clone()).unwrap_or_default();
    let schema_is_old = seen.filter(|seen| seen.schema_is_old).map(|seen| seen.at);
    Existing { key, uid: pipeline.meta().uid.clone(), objects, groups, schema_is_old }
}
