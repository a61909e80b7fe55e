//! What reconciles share.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::events::{Recorder, Reporter};

use super::Guarded;
use super::backoff::Backoff;
use super::metrics::Metrics;
use crate::api::{Cluster, FIELD_MANAGER};
use crate::eventpipeline::{Operator, Rollouts, Seen};
use crate::figures::Figures;
use crate::inventory::{Inventory, PipelineKey};
use crate::leadership::Custodian;
use crate::routes::Routes;

/// What reconciles share.
pub(crate) struct Context {
    pub(super) cluster: Cluster,
    pub(super) inventory: Arc<Inventory>,
    pub(super) figures: Arc<Figures>,
    pub(super) routes: Arc<Routes>,
    pub(super) operator: Operator,
    pub(super) metrics: Metrics,
    backoff: Backoff<PipelineKey>,
}

impl Context {
    /// `image`: what pipelines run that name no other; `reporter`: who says so in Events.
    pub(crate) fn new(
        cluster: Cluster,
        custodian: Custodian,
        rollouts: Rollouts,
        image: String,
        reporter: String,
        metrics: Metrics,
    ) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(reporter) };
        let recorder = Recorder::new(cluster.client(), reporter);
        let inventory = Arc::new(Inventory::default());
        let figures = Arc::new(Figures::default());
        let routes = Arc::new(Routes::default());
        let seen = Seen {
            inventory: Arc::clone(&inventory),
            figures: Arc::clone(&figures),
            routes: Arc::clone(&routes),
        };
        let operator = Operator::new(cluster.clone(), custodian, seen, rollouts, image, recorder);
        Self { cluster, inventory, figures, routes, operator, metrics, backoff: Backoff::default() }
    }

    /// Forgets the pipelines that are not known any more.
    pub(super) fn retain(&self, known: impl Fn(&PipelineKey) -> bool) {
        self.operator.retain(&known);
        self.backoff.retain(&known);
    }

    /// How long to wait before the next try.
    pub(super) fn failed(&self, object: &Guarded) -> Duration {
        self.backoff.failed(key(object))
    }

    /// How often it has failed in a row.
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
