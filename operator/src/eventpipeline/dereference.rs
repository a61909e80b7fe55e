//! First step: what is there already, as the watches show it. Asks nobody.

use eventpipeline_crds::{EventPipeline, GroupStatus};
use k8s_openapi::api::apps::v1::StatefulSet;
use kube::{Resource as _, ResourceExt as _};

use crate::inventory::{Inventory, Kind as _, Objects, PipelineKey};

/// What is there of a pipeline.
#[derive(Debug)]
pub(super) struct Existing {
    pub(super) key: PipelineKey,
    pub(super) uid: Option<String>,
    /// What carries the pipeline's label: its own objects, and what others made look so.
    pub(super) objects: Objects,
    /// What was decided of the groups of consumers, as the status has it.
    pub(super) groups: Vec<GroupStatus>,
}

impl Existing {
    /// Size in the claim template of the database's StatefulSet.
    pub(super) fn first_size(&self) -> Option<String> {
        let mut stateful_sets = self.objects.iter().filter(|((kind, _), _)| *kind == StatefulSet::NAME);
        let (_, record) = stateful_sets.find(|(_, record)| record.belongs_to(self.uid.as_deref()))?;
        let templates = record.essence::<StatefulSet>()?.spec?.volume_claim_templates?;
        let mut requests = templates.into_iter().next()?.spec?.resources?.requests?;
        Some(requests.remove("storage")?.0)
    }
}

/// Reads what is there.
pub(super) fn dereference(inventory: &Inventory, pipeline: &EventPipeline) -> Existing {
    let key = PipelineKey { namespace: pipeline.namespace().unwrap_or_default(), name: pipeline.name_any() };
    let objects = inventory.of(&key);
    let groups = pipeline.status.as_ref().map(|status| status.consumer_groups.clone()).unwrap_or_default();
    Existing { key, uid: pipeline.meta().uid.clone(), objects, groups }
}
