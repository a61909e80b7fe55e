//! Handlers of the paths below `/v1`.

pub(super) mod event;
mod event_batch;
mod event_body;
pub(super) mod events;
mod list;
mod new_event;
mod purge;
pub(super) mod stats;

pub(crate) use stats::StatsBody;
