//! What objects that could not be written mean for the part that they are of.

use eventpipeline_crds::conditions::{reasons, types};

use super::super::apply::Failure;
use super::Seen;
use super::parts::{Part, State};
use crate::labels::Component;

/// The part, if it lacks no object; otherwise what it lacks.
pub(super) fn with(part: Part, seen: &Seen<'_>) -> Part {
    let all = seen.failures.map_or(&[][..], |failures| failures.all());
    // What may succeed by itself is for nobody to act on, unless it goes on.
    let counts = |failure: &&Failure| failure.is_refused() || seen.again_and_again;
    let own: Vec<&Failure> =
        all.iter().filter(|failure| type_of(failure.component()) == part.type_).filter(counts).collect();
    if own.is_empty() {
        return part;
    }
    let message = own.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (state, reason) = if own.iter().any(|failure| failure.is_taken()) {
        (State::Stalled, reasons::NAME_TAKEN)
    } else if own.iter().any(|failure| failure.is_invalid()) {
        (State::Stalled, reasons::OBJECT_REFUSED)
    } else {
        (State::Waiting, reasons::APPLY_FAILED)
    };
    Part { state, reason, not_ready: reason, message, ..part }
}

/// The condition of the part that an object is of, by its component.
fn type_of(component: Option<&str>) -> &'static str {
    let is = |of: Component| component == Some(of.into());
    if is(Component::Schema) {
        types::SCHEMA_READY
    } else if is(Component::Producer) || is(Component::Wakeups) {
        types::PRODUCERS_READY
    } else if is(Component::Consumer) {
        types::CONSUMERS_READY
    } else if is(Component::Route) {
        types::ROUTE_ACCEPTED
    } else {
        types::DATABASE_READY
    }
}
