//! `/v1`: events in full, and many at once.

pub(super) mod batch;
pub(super) mod event;
pub(super) mod events;
mod shape;
pub(super) mod stats;
