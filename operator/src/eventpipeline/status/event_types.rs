//! The types of pending events, and the groups that take them. Pure.

use std::collections::BTreeSet;

use eventpipeline_crds::conditions::{reasons, types};
use eventpipeline_crds::{ConsumerGroup, Contract, EventPipelineStatus};

use super::conditions::{Conditions, FALSE, TRUE, UNKNOWN, find};
use crate::queue_stats::{Observation, QueueStats, Unknown};

/// Maximum number of types that the message names.
const MOST_NAMED: usize = 5;
const TAKEN: &str = "every waiting event has a group that takes its type";

/// The groups without `types`, which take the events of the default lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum DefaultLane {
    /// No group has `types`, and the groups take all events.
    #[default]
    Only,
    /// Other groups have `types`, and a group takes all events that these leave.
    Taken,
    /// All of them are `Classic` and take only events without a type.
    Classic,
    /// There are none.
    NotTaken,
}

impl DefaultLane {
    /// Returns the kind of the groups that take the events of the default lane. Suspended groups count.
    pub(crate) fn of(groups: &[ConsumerGroup]) -> Self {
        let takers = || groups.iter().filter(|group| group.types.is_none());
        if takers().any(|group| group.contract == Contract::Current) {
            if takers().count() == groups.len() { Self::Only } else { Self::Taken }
        } else if takers().next().is_some() {
            Self::Classic
        } else {
            Self::NotTaken
        }
    }

    /// Returns whether a group takes the events of this type, or those without a type.
    fn takes(self, type_: Option<&str>) -> bool {
        match self {
            Self::Only | Self::Taken => true,
            Self::Classic => type_.is_none(),
            Self::NotTaken => false,
        }
    }
}

/// Returns the types of pending events that no group takes. `None` stands for events without a type.
fn not_taken(queue: &QueueStats, default_lane: DefaultLane) -> BTreeSet<Option<&str>> {
    let waiting = queue.types.iter().filter(|stats| stats.lane.is_none() && stats.pending > 0);
    let types = waiting.map(|stats| stats.type_.as_deref());
    types.filter(|type_| !default_lane.takes(*type_)).collect()
}

/// Returns status, reason and message of the condition. The message contains no numbers that change often.
fn verdict(
    queue: &Result<QueueStats, Unknown>,
    default_lane: DefaultLane,
) -> (&'static str, &'static str, String) {
    if default_lane == DefaultLane::Only {
        return (TRUE, reasons::EVERY_TYPE_TAKEN, TAKEN.to_owned());
    }
    let queue = match queue {
        Ok(queue) => queue,
        Err(why @ Unknown::NoProducer) => return (UNKNOWN, reasons::NO_PRODUCER, why.to_string()),
        Err(why @ Unknown::NoAnswer(_)) => return (UNKNOWN, reasons::QUEUE_STATS_NOT_READ, why.to_string()),
    };
    let not_taken = not_taken(queue, default_lane);
    if not_taken.is_empty() {
        (TRUE, reasons::EVERY_TYPE_TAKEN, TAKEN.to_owned())
    } else {
        (FALSE, reasons::TYPE_NOT_TAKEN, message(&not_taken))
    }
}

/// Names the types that no group takes, and what to do.
fn message(not_taken: &BTreeSet<Option<&str>>) -> String {
    let types: Vec<_> = not_taken.iter().flatten().collect();
    let names: Vec<_> = types.iter().take(MOST_NAMED).map(|type_| format!("{type_:?}")).collect();
    let more = if types.len() > MOST_NAMED { " and others" } else { "" };
    let noun = if types.len() == 1 { "type" } else { "types" };
    let names = names.join(", ");
    let add = "add a group without `types`";
    match (types.is_empty(), not_taken.contains(&None)) {
        (true, _) => format!("no group takes the waiting events without a type: {add}"),
        (false, untyped) => {
            let and = if untyped { ", and those without a type" } else { "" };
            format!(
                "no group takes the waiting events of the {noun} {names}{more}{and}: add the {noun} to `types` of a \
                 group, or {add} whose `contract` is `Current`"
            )
        }
    }
}

/// Sets the condition. Until the first observation the previous one stays.
pub(super) fn set_condition(
    conditions: &mut Conditions<'_>,
    observation: Option<&Observation>,
    default_lane: DefaultLane,
) {
    let (status, reason, message) = match observation {
        Some(observation) => verdict(&observation.queue, default_lane),
        None if default_lane == DefaultLane::Only => (TRUE, reasons::EVERY_TYPE_TAKEN, TAKEN.to_owned()),
        None if conditions.keep(types::TYPES_TAKEN) => return,
        None => (UNKNOWN, reasons::FIRST_SEEN, "the queue has not been observed yet".to_owned()),
    };
    conditions.set(types::TYPES_TAKEN, status, reason, &message);
}

/// Returns whether the observation changes the condition.
pub(super) fn is_news(
    shown: &EventPipelineStatus,
    observation: &Observation,
    default_lane: DefaultLane,
) -> bool {
    let (status, reason, _) = verdict(&observation.queue, default_lane);
    let condition = find(shown, types::TYPES_TAKEN);
    condition.is_none_or(|condition| condition.status != status || condition.reason != reason)
}

/// Returns an Event when events begin to wait that no group takes, and when all are taken again: whether it is a
/// warning, its reason and its message.
pub(in super::super) fn news<'a>(
    previous: Option<&EventPipelineStatus>,
    status: &'a EventPipelineStatus,
) -> Option<(bool, &'a str, &'a str)> {
    let now = find(status, types::TYPES_TAKEN)?;
    let before = previous.and_then(|previous| find(previous, types::TYPES_TAKEN));
    let was_bad = before.is_some_and(|before| before.status == FALSE);
    let (is_bad, recovered) = (now.status == FALSE, was_bad && now.status == TRUE);
    ((is_bad && !was_bad) || recovered).then_some((is_bad, now.reason.as_str(), now.message.as_str()))
}
