//! Writes a pipeline's status, and Events for what somebody must act on or may wonder about.

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

use super::apply::PutRight;
use super::context::Operator;
use super::scale::Decision;
use super::status;
use super::status::News;
use crate::api;
use crate::leadership::ASSIGNED;

/// An Event's note may have 1 kB.
const LONGEST_NOTE: usize = 1000;
/// Reason of an Event about what was undone.
const REVERTED: &str = "Reverted";
const EVENT_LIMIT: Duration = Duration::from_secs(10);

/// What could not be reported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The status.
    #[error("the status could not be written")]
    Status(#[source] api::Error),
}

impl Error {
    /// Whether the pipeline has changed meanwhile.
    pub(super) fn is_outdated(&self) -> bool {
        let Self::Status(error) = self;
        error.conflict()
    }
}

/// Where a pipeline's state is reported.
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

    /// Says that it is seen, and by whom: tools take a resource without conditions for one that is done, and other
    /// installations one without a name for one that is theirs to take. Of those that do so at once one is the first.
    pub(super) async fn first_seen(&self) -> Result<(), Error> {
        let first = || status::first_seen(self.generation(), Timestamp::now());
        let status = self.signed(self.previous().cloned().unwrap_or_else(first));
        self.put(&status).await
    }

    /// Says that another installation looks after it.
    pub(super) async fn left_to(&self, lease: &str, why: &str) {
        let meta = self.object.meta();
        let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
        let why = format!(
            "the operator of Lease {lease} looks after it, and this one stands back: {why}; to choose, annotate the pipeline \
             with {ASSIGNED}=NAMESPACE/NAME of a Lease"
        );
        warn!(namespace, name, lease, "EventPipeline {name}: {why}");
        self.event(EventType::Warning, "ManagedByAnother", &why).await;
    }

    fn signed(&self, status: EventPipelineStatus) -> EventPipelineStatus {
        EventPipelineStatus { managed_by: self.operator.custodian.me().cloned(), ..status }
    }

    /// Says that the author must change the spec.
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

    /// Writes the status if it differs from the one that is there; Events when somebody should look, for the room that is left,
    /// and for what is new.
    pub(super) async fn status(&self, status: EventPipelineStatus) -> Result<(), Error> {
        if let Some((reason, why)) = status::begins_to_stall(self.previous(), &status) {
            self.event(EventType::Warning, reason, why).await;
        }
        if let Some((is_bad, reason, what)) = status::storage_news(self.previous(), &status) {
            let type_ = if is_bad { EventType::Warning } else { EventType::Normal };
            self.event(type_, reason, what).await;
        }
        for News { type_, reason, note } in status::news(self.previous(), &status) {
            self.event(type_, reason, &note).await;
        }
        self.write(&status).await
    }

    /// Events for what is new about the number of consumers.
    pub(super) async fn scaling(&self, decisions: &[Decision]) {
        for (reason, what) in status::scaling_news(self.previous(), decisions) {
            self.event(EventType::Normal, reason, &what).await;
        }
    }

    /// Events for what others did and was undone.
    pub(super) async fn put_right(&self, undone: Vec<PutRight>) {
        for PutRight { kind, name, what } in undone {
            let note = format!("{kind} {name} {what}");
            // Events that differ in their note alone become one.
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

    /// The pipeline's version as far as it was read or written here.
    fn version(&self) -> MutexGuard<'_, String> {
        self.version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An Event that is lost is only logged: the status says the same.
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
            Err(_) => warn!(reason, "failed to publish an Event: no answer from the API server"),
        }
    }

    fn previous(&self) -> Option<&EventPipelineStatus> {
        self.object.0.as_ref().ok()?.status.as_ref()
    }

    fn generation(&self) -> Option<i64> {
        self.object.meta().generation
    }
}
