//! What reconciles share.

use std::sync::OnceLock;
use std::time::Duration;

use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};

use super::Guarded;
use super::backoff::Backoff;
use super::metrics::Metrics;
use crate::api::{Cluster, FIELD_MANAGER};
use crate::eventpipeline::Operator;

/// What reconciles share.
pub(crate) struct Context {
    pub(super) cluster: Cluster,
    pub(super) operator: Operator,
    pub(super) metrics: Metrics,
    backoff: Backoff<ObjectRef<Guarded>>,
    store: OnceLock<Store<Guarded>>,
}

impl Context {
    /// `image`: what pipelines run that name no other; `reporter`: who says so in Events.
    pub(crate) fn new(cluster: Cluster, image: String, reporter: String, metrics: Metrics) -> Self {
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance: Some(reporter) };
        let recorder = Recorder::new(cluster.client(), reporter);
        let operator = Operator::new(cluster.clone(), image, recorder);
        Self { cluster, operator, metrics, backoff: Backoff::default(), store: OnceLock::new() }
    }

    /// From now on, failures of pipelines that are not in the store are forgotten.
    pub(super) fn follow(&self, store: Store<Guarded>) {
        // The first store stays: there is one controller.
        let _ = self.store.set(store);
    }

    /// How long to wait before the next try.
    pub(super) fn failed(&self, object: &Guarded) -> Duration {
        self.backoff.failed(ObjectRef::from_obj(object), |other| {
            self.store.get().is_some_and(|store| store.get(other).is_some())
        })
    }

    pub(super) fn succeeded(&self, object: &Guarded) {
        self.backoff.succeeded(&ObjectRef::from_obj(object));
    }
}
