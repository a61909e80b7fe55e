//! What a user of EventPipeline relies on, on a real cluster: `make e2e`.

mod crashes;
mod lifecycle;
mod monitoring;
mod refusals;
mod roles;
mod rollouts;
mod scale_in;
mod suspend;
mod traffic;
