//! Failures to apply objects, as part of the state of their components.

use eventpipeline_crds::conditions::{reasons, types};

use super::super::apply::Failure;
use super::Observed;
use super::component::{Component, State};
use crate::labels;

/// Adds the failures to apply the component's objects.
pub(super) fn with_failures(component: Component, observed: &Observed<'_>) -> Component {
    let all = observed.failures.map_or(&[][..], |failures| failures.all());
    // A failure that may be temporary is reported only if it persists.
    let counts = |failure: &&Failure| failure.is_refused() || observed.is_persistent;
    let own: Vec<&Failure> =
        all.iter().filter(|failure| type_of(failure.component()) == component.type_).filter(counts).collect();
    if own.is_empty() {
        return component;
    }
    let message = own.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (state, reason) = if own.iter().any(|failure| failure.is_taken()) {
        (State::Stalled, reasons::NAME_TAKEN)
    } else if own.iter().any(|failure| failure.is_invalid()) {
        (State::Stalled, reasons::OBJECT_REFUSED)
    } else {
        (State::Waiting, reasons::APPLY_FAILED)
    };
    Component { state, reason, not_ready: reason, message, ..component }
}

/// Returns the condition of the component that an object belongs to.
fn type_of(component: Option<&str>) -> &'static str {
    let is = |of: labels::Component| component == Some(of.into());
    if is(labels::Component::Schema) {
        types::SCHEMA_READY
    } else if is(labels::Component::Producer) || is(labels::Component::Wakeups) {
        types::PRODUCERS_READY
    } else if is(labels::Component::Consumer) {
        types::CONSUMERS_READY
    } else if is(labels::Component::Route) {
        types::ROUTE_ACCEPTED
    } else {
        types::DATABASE_READY
    }
}
