//! Context of the control loop.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::events::{Recorder, Reporter};

use super::Guarded;
use super::backoff::Backoff;
use super::metrics::ControllerMetrics;
use crate::api::{Cluster, FIELD_MANAGER};
use crate::cache::{ObjectCache, PipelineKey};
use crate::eventpipeline::{Caches, Operator, Rollouts, UserIds};
use crate::leadership::Custodian;
use crate::queue_stats::Observations;
use crate::routes::Routes;

/// Context of the control loop.
pub(crate) struct Context {
    pub(super) cluster: Cluster,
    pub(super) cache: Arc<ObjectCache>,
    pub(super) observations: Arc<Observations>,
    pub(super) routes: Arc<Routes>,
    pub(super) operator: Operator,
    pub(super) metrics: ControllerMetrics,
    backoff: Backoff<PipelineKey>,
}

impl Context {
    /// `image` is the image of pipelines that set none, and `user_ids` are the users of their pods. `reporter` is the reporting instance of Events.
    pub(crate) fn new(
        cluster: Cluster,
        custodian: Custodian,
        rollouts: Rollouts,
        (image, user_ids): (String, UserIds),
        reporter: String,
        metrics: ControllerMetrics,
    ) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(reporter) };
        let recorder = Recorder::new(cluster.client(), reporter);
        let cache = Arc::new(ObjectCache::default());
        let observations = Arc::new(Observations::default());
        let routes = Arc::new(Routes::default());
        let caches = Caches {
            objects: Arc::clone(&cache),
            observations: Arc::clone(&observations),
            routes: Arc::clone(&routes),
        };
        let operator =
            Operator::new(cluster.clone(), custodian, caches, rollouts, (image, user_ids), recorder);
        Self { cluster, cache, observations, routes, operator, metrics, backoff: Backoff::default() }
    }

    /// Drops the state of pipelines that no longer exist.
    pub(super) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.operator.retain(&known);
        self.backoff.retain(&known);
    }

    /// Counts a failed reconciliation. Returns the pause before the next one.
    pub(super) fn failed(&self, object: &Guarded) -> Duration {
        self.backoff.failed(key(object))
    }

    /// Returns the number of consecutive failures.
    pub(super) fn failures(&self, object: &Guarded) -> u32 {
        self.backoff.failures(&key(object))
    }

    pub(super) fn succeeded(&self, object: &Guarded) {
        self.backoff.succeeded(&key(object));
    }
}

pub(super) fn key(object: &Guarded) -> PipelineKey {
    PipelineKey::of(object)
}
