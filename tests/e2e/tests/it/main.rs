//! What a user of EventPipeline relies on, on a real cluster: `make e2e`.

mod crashes;
mod lifecycle;
mod refusals;
mod roles;
mod suspend;
mod traffic;
