//! Handlers of the classic paths.

pub(super) mod create;
pub(super) mod read;
mod single_event;
