//! First step: what is there already, as the watches show it. Asks nobody.

use eventpipeline_crds::{EventPipeline, GroupStatus};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{Resource as _, ResourceExt as _};

use super::build::meta::VOLUME;
use crate::cache::{Kind as _, ObjectCache, Objects, PipelineKey};
use crate::queue_stats::Observation;

/// What is there of a pipeline.
#[derive(Debug)]
pub(super) struct Existing {
    pub(super) key: PipelineKey,
    pub(super) uid: Option<String>,
    /// What carries the pipeline's label: its own objects, and what others made look so.
    pub(super) objects: Objects,
    /// What was decided of the groups of consumers, as the status has it.
    pub(super) groups: Vec<GroupStatus>,
    /// When a producer has said that the database lacks the schema that it needs, if the last one asked has.
    pub(super) schema_is_old: Option<Timestamp>,
}

/// How long a schema Job has ended for when a schema that lacks something is not its doing: somebody has put another
/// state of the database in place. Much longer than producers take to see a new schema, and no hurry where another run
/// would not help either.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);

impl Existing {
    /// Whether what this schema Job has done is not there any more.
    pub(super) fn schema_is_lost(&self, job: &Job) -> bool {
        let ended = job.status.as_ref().and_then(|status| status.completion_time.as_ref());
        match (self.schema_is_old, ended) {
            (Some(seen), Some(ended)) => seen.duration_since(ended.0) >= SETTLED,
            _ => false,
        }
    }

    /// The volume that the database is on: uid of its claim. While there is no claim, that of the last one that the schema
    /// was made for.
    pub(super) fn volume(&self) -> Option<String> {
        let of = |kind| self.objects.iter().filter(move |((of, _), _)| *of == kind).map(|(_, record)| record);
        let claim = of(PersistentVolumeClaim::NAME).map(|record| record.uid().to_owned()).next();
        claim.or_else(|| {
            let jobs = of(Job::NAME).filter(|record| record.belongs_to(self.uid.as_deref()));
            jobs.filter_map(|record| record.snapshot::<Job>())
                .find_map(|job| job.annotations().get(VOLUME).cloned())
        })
    }

    /// Size in the claim template of the database's StatefulSet.
    pub(super) fn first_size(&self) -> Option<String> {
        let mut stateful_sets = self.objects.iter().filter(|((kind, _), _)| *kind == StatefulSet::NAME);
        let (_, record) = stateful_sets.find(|(_, record)| record.belongs_to(self.uid.as_deref()))?;
        let templates = record.snapshot::<StatefulSet>()?.spec?.volume_claim_templates?;
        let mut requests = templates.into_iter().next()?.spec?.resources?.requests?;
        Some(requests.remove("storage")?.0)
    }
}

/// Reads what is there.
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
