//! First step: what is there already, as the watches show it. Asks nobody.

use eventpipeline_crds::EventPipeline;
use kube::{Resource as _, ResourceExt as _};

use crate::inventory::{Inventory, Objects, PipelineKey};

/// What is there of a pipeline.
#[derive(Debug)]
pub(super) struct Existing {
    pub(super) key: PipelineKey,
    pub(super) uid: Option<String>,
    /// What carries the pipeline's label: its own objects, and what others made look so.
    pub(super) objects: Objects,
}

/// Reads what is there.
pub(super) fn dereference(inventory: &Inventory, pipeline: &EventPipeline) -> Existing {
    let key = PipelineKey { namespace: pipeline.namespace().unwrap_or_default(), name: pipeline.name_any() };
    let objects = inventory.of(&key);
    Existing { key, uid: pipeline.meta().uid.clone(), objects }
}
