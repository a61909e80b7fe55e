//! Writes a pipeline's status, and Events about what a user must act on or may want to know.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eventpipeline_crds::conditions::reasons;
use eventpipeline_crds::{EventPipeline, EventPipelineStatus};
use eventpipeline_service::error_chain;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Event, EventType};
use kube::{Resource as _, ResourceExt as _};
use tracing::warn;

use super::apply::Reverted;
use super::context::Operator;
use super::scale::Decision;
use super::status;
use super::status::News;
use crate::api;
use crate::leadership::ASSIGNED;

/// Maximum size of an Event's note in bytes.
const LONGEST_NOTE: usize = 1000;
/// Reason of Events about reverted changes.
const REVERTED: &str = "Reverted";
const EVENT_LIMIT: Duration = Duration::from_secs(10);

/// A report that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The status could not be written.
    #[error("failed to write the status")]
    Status(#[source] api::Error),
}

impl Error {
    /// Returns whether the pipeline has changed since it was read.
    pub(super) fn is_outdated(&self) -> bool {
        let Self::Status(error) = self;
        error.conflict()
    }
}

/// The report on a pipeline.
pub(super) struct Report<'a> {
    operator: &'a Operator,
    object: &'a DeserializeGuard<EventPipeline>,
    version: Mutex<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(operator: &'a Operator, object: &'a DeserializeGuard<EventPipeline>) -> Self {
        let version = Mutex::new(object.meta().resource_version.clone().unwrap_or_default());
        Self { operator, object, version }
    }

    /// Writes a first status, which names this installation. Tools consider a resource without conditions as
    /// ready, and other installations adopt a pipeline that names none. If several write at once, one wins.
    pub(super) async fn first_seen(&self) -> Result<(), Error> {
        let first = || status::first_seen(self.generation(), Timestamp::now());
        let status = self.signed(self.previous().cloned().unwrap_or_else(first));
        self.put(&status).await
    }

    /// Reports that another installation manages the pipeline.
    pub(super) async fn left_to(&self, lease: &str, why: &str) {
        let meta = self.object.meta();
        let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
        let why = format!(
            "the pipeline is managed by the operator of Lease {lease} and ignored by this one: {why}; to assign it, set the \
             annotation {ASSIGNED} to NAMESPACE/NAME of a Lease"
        );
        warn!(namespace, name, lease, "EventPipeline {name}: {why}");
        self.event(EventType::Warning, "ManagedByAnother", &why).await;
    }

    fn signed(&self, status: EventPipelineStatus) -> EventPipelineStatus {
        EventPipelineStatus { managed_by: self.operator.custodian.me().cloned(), ..status }
    }

    /// Reports that the author must change the spec.
    pub(super) async fn invalid(&self, why: &str) -> Result<(), Error> {
        self.status(status::stalled(
            self.previous(),
            reasons::INVALID_SPEC,
            why,
            self.generation(),
            Timestamp::now(),
        ))
        .await
    }

    /// Writes the status if it has changed. Publishes Events about stalls, storage, types of events, and
    /// conditions that changed.
    pub(super) async fn status(&self, status: EventPipelineStatus) -> Result<(), Error> {
        if let Some((reason, why)) = status::begins_to_stall(self.previous(), &status) {
            self.event(EventType::Warning, reason, why).await;
        }
        let of_storage = status::storage_news(self.previous(), &status);
        let of_types = status::types_news(self.previous(), &status);
        for (is_bad, reason, what) in of_storage.into_iter().chain(of_types) {
            let type_ = if is_bad { EventType::Warning } else { EventType::Normal };
            self.event(type_, reason, what).await;
        }
        for News { type_, reason, note } in status::news(self.previous(), &status) {
            self.event(type_, reason, &note).await;
        }
        self.write(&status).await
    }

    /// Publishes Events about changes of the number of consumers.
    pub(super) async fn scaling(&self, decisions: &[Decision]) {
        for (reason, what) in status::scaling_news(self.previous(), decisions) {
            self.event(EventType::Normal, reason, &what).await;
        }
    }

    /// Publishes Events about changes by other clients that were reverted.
    pub(super) async fn reverted(&self, changes: Vec<Reverted>) {
        for Reverted { kind, name, what } in changes {
            let note = format!("{kind} {name} {what}");
            // Without a related object, Events with different notes would be aggregated into one.
            let about = ObjectReference {
                kind: Some(kind.to_owned()),
                namespace: self.object.namespace(),
                name: Some(name),
                ..ObjectReference::default()
            };
            self.event_with(EventType::Normal, REVERTED, &note, Some(about)).await;
        }
    }

    async fn write(&self, status: &EventPipelineStatus) -> Result<(), Error> {
        let status = &self.signed(status.clone());
        if self.previous() == Some(status) {
            return Ok(());
        }
        self.put(status).await
    }

    async fn put(&self, status: &EventPipelineStatus) -> Result<(), Error> {
        let version = self.version().clone();
        let written = self.operator.cluster.write_status(self.object.meta(), &version, status).await;
        if let Some(now) = written.map_err(Error::Status)? {
            *self.version() = now;
        }
        Ok(())
    }

    /// Version of the pipeline as it was last read or written.
    fn version(&self) -> MutexGuard<'_, String> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes an Event. If that fails it is only logged, because the status reports the same.
    async fn event(&self, type_: EventType, reason: &str, why: &str) {
        self.event_with(type_, reason, why, None).await;
    }

    async fn event_with(
        &self,
        type_: EventType,
        reason: &str,
        why: &str,
        secondary: Option<ObjectReference>,
    ) {
        let note =
            why.char_indices().take_while(|(at, _)| *at < LONGEST_NOTE).map(|(_, char)| char).collect();
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Reconcile".to_owned(),
            secondary,
        };
        let pipeline = self.object.object_ref(&());
        let published = self.operator.recorder.publish(&event, &pipeline);
        match tokio::time::timeout(EVENT_LIMIT, published).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(error = error_chain(&error), reason, "failed to publish an Event"),
            Err(_) => warn!(reason, "failed to publish an Event: the API server did not answer in time"),
        }
    }

    /// Returns the status that an operator wrote, and not the API server's default.
    pub(super) fn previous(&self) -> Option<&EventPipelineStatus> {
        let status = self.object.0.as_ref().ok()?.status.as_ref();
        status.filter(|status| !status.conditions.is_empty())
    }

    fn generation(&self) -> Option<i64> {
        self.object.meta().generation
    }
}
