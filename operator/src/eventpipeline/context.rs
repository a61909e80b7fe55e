//! State that the reconciliations of all pipelines share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::runtime::events::Recorder;

use super::rollouts::Rollouts;
use super::validate::UserIds;
use super::{apply, scale};
use crate::api::Cluster;
use crate::cache::{ObjectCache, PipelineKey};
use crate::leadership::Custodian;
use crate::queue_stats::Observations;
use crate::routes::Routes;

/// Caches that other tasks update. Reconciliations only read them.
pub(crate) struct Caches {
    /// Objects of the pipelines.
    pub(crate) objects: Arc<ObjectCache>,
    /// Last observation of each pipeline's queue.
    pub(crate) observations: Arc<Observations>,
    /// Owners of hosts and paths.
    pub(crate) routes: Arc<Routes>,
}

/// State that the reconciliations of all pipelines share.
pub(crate) struct Operator {
    pub(super) cluster: Cluster,
    pub(super) custodian: Custodian,
    /// Pipelines that another installation manages, each with the Lease of that installation.
    left: Mutex<HashMap<PipelineKey, String>>,
    pub(super) cache: Arc<ObjectCache>,
    pub(super) observations: Arc<Observations>,
    pub(super) routes: Arc<Routes>,
    pub(super) last_applied: apply::LastApplied,
    pub(super) scales: scale::ScaleMemory,
    pub(super) rollouts: Rollouts,
    /// Image of pipelines that set none.
    pub(super) image: String,
    pub(super) user_ids: UserIds,
    pub(super) recorder: Recorder,
}

impl Operator {
    /// Creates the state of a process that has not reconciled any pipeline yet. `image` is the image of
    /// pipelines that set none, and `user_ids` are the users of their pods.
    pub(crate) fn new(
        cluster: Cluster,
        custodian: Custodian,
        caches: Caches,
        rollouts: Rollouts,
        (image, user_ids): (String, UserIds),
        recorder: Recorder,
    ) -> Self {
        let Caches { objects, observations, routes } = caches;
        Self {
            cluster,
            custodian,
            left: Mutex::default(),
            cache: objects,
            observations,
            routes,
            last_applied: apply::LastApplied::default(),
            scales: scale::ScaleMemory::default(),
            rollouts,
            image,
            user_ids,
            recorder,
        }
    }

    /// Drops the state of pipelines that no longer exist.
    pub(crate) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.observations.retain(&known);
        self.scales.retain(&known);
        self.routes.retain(&known);
        self.rollouts.retain(&known);
        self.left().retain(|pipeline, _| known(pipeline));
        self.last_applied.retain(known);
    }

    /// Returns the number of pipelines that are restarting their pods, and of those that wait for their turn.
    pub(crate) fn rollouts(&self) -> (usize, usize) {
        self.rollouts.counts()
    }

    /// Returns the number of pipelines in scope that another installation manages.
    pub(crate) fn left_to_others(&self) -> usize {
        self.left().len()
    }

    /// Records that the installation with this Lease manages the pipeline. Returns whether that is new.
    pub(super) fn leave(&self, pipeline: PipelineKey, lease: &str) -> bool {
        self.left().insert(pipeline, lease.to_owned()).is_none_or(|before| before != lease)
    }

    /// Records that this installation manages the pipeline.
    pub(super) fn take(&self, pipeline: &PipelineKey) {
        self.left().remove(pipeline);
    }

    fn left(&self) -> MutexGuard<'_, HashMap<PipelineKey, String>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
