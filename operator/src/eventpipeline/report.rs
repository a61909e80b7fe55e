//! Writes a pipeline's status, and Events for what somebody must act on or may wonder about.

use std::time::Duration;

use eventpipeline_crds::conditions::reasons;
use eventpipeline_crds::{EventPipeline, EventPipelineStatus};
use eventpipeline_service::chain;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::core::DeserializeGuard;
use kube::runtime::events::{Event, EventType};
use kube::{Resource as _, ResourceExt as _};
use tracing::warn;

use super::apply::PutRight;
use super::scale::Decision;
use super::status::News;
use super::{Operator, apply, status};
use crate::api;

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

/// Where a pipeline's state is reported.
pub(super) struct Report<'a> {
    operator: &'a Operator,
    object: &'a DeserializeGuard<EventPipeline>,
}

impl<'a> Report<'a> {
    pub(super) fn new(operator: &'a Operator, object: &'a DeserializeGuard<EventPipeline>) -> Self {
        Self { operator, object }
    }

    /// Says that it is seen: tools take a resource without conditions for one that is done.
    pub(super) async fn first_seen(&self) -> Result<(), Error> {
        self.write(&status::first_seen(self.generation(), Timestamp::now())).await
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

    /// Says that an object could not be written, if that is for somebody to act on.
    pub(super) async fn not_applied(&self, error: &apply::Error) -> Result<(), Error> {
        let Some(refusal) = error.refusal() else {
            // The API server is away or busy, and would hardly take a status either.
            return Ok(());
        };
        let (why, now) = (chain(error), Timestamp::now());
        if refusal.is_invalid() {
            let reason = reasons::OBJECT_REFUSED;
            return self.status(status::stalled(self.previous(), reason, &why, self.generation(), now)).await;
        }
        self.event(EventType::Warning, reasons::APPLY_FAILED, &why).await;
        self.write(&status::retrying(self.previous(), &why, self.generation(), now)).await
    }

    /// Writes the status if it differs from the one that is there; Events for what is new.
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
        if self.previous() == Some(status) {
            return Ok(());
        }
        let (namespace, name) = (self.object.namespace().unwrap_or_default(), self.object.name_any());
        self.operator.cluster.write_status(&namespace, &name, status).await.map_err(Error::Status)
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
            Ok(Err(error)) => warn!(error = chain(&error), reason, "failed to publish an Event"),
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
