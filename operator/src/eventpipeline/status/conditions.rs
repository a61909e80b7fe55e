//! Conditions that keep the time of their last transition.

use eventpipeline_crds::EventPipelineStatus;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

pub(super) const TRUE: &str = "True";
pub(super) const FALSE: &str = "False";
pub(super) const UNKNOWN: &str = "Unknown";

/// A builder of conditions that knows the previous ones.
pub(super) struct Conditions<'a> {
    previous: &'a [Condition],
    generation: Option<i64>,
    now: Timestamp,
    set: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(
        previous: Option<&'a EventPipelineStatus>,
        generation: Option<i64>,
        now: Timestamp,
    ) -> Self {
        let previous = previous.map_or(&[][..], |previous| &previous.conditions);
        Self { previous, generation, now, set: Vec::new() }
    }

    pub(super) fn set(&mut self, type_: &str, status: &str, reason: &str, message: &str) {
        let before = self.previous.iter().find(|condition| condition.type_ == type_);
        let last_transition_time = match before {
            Some(before) if before.status == status => before.last_transition_time.clone(),
            // In whole seconds, as the API server stores them.
            _ => Time(Timestamp::from_second(self.now.as_second()).unwrap_or(self.now)),
        };
        self.set.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: self.generation,
            last_transition_time,
        });
    }

    /// Keeps the previous condition. Returns whether one exists.
    pub(super) fn keep(&mut self, type_: &str) -> bool {
        let before = self.previous.iter().find(|condition| condition.type_ == type_);
        self.set.extend(before.cloned());
        before.is_some()
    }

    /// Returns the conditions.
    pub(super) fn finish(self) -> Vec<Condition> {
        self.set
    }

    /// Returns the conditions, and the previous ones of other types.
    pub(super) fn finish_keeping_others(self) -> Vec<Condition> {
        let Self { previous, mut set, .. } = self;
        let others = previous.iter().filter(|before| !set.iter().any(|now| now.type_ == before.type_));
        let others: Vec<_> = others.cloned().collect();
        set.extend(others);
        set
    }
}

/// Returns the condition of this type.
pub(super) fn find<'a>(status: &'a EventPipelineStatus, type_: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}
