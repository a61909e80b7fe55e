//! Tests of the producer as a process with a real database.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod bad_input;
mod batch;
mod connections;
mod contract;
mod drain;
mod ends;
mod event_keys;
mod events;
mod examples;
mod failover;
mod fuzz;
mod keys;
mod linger;
mod metrics;
mod openapi;
mod options;
mod outage;
mod overload;
mod prefer;
mod public;
mod queue_stats;
mod refused;
mod retention;
mod schemathesis;
mod slow;
mod storage;
mod support;
mod traces;
mod types;
mod unread;
mod wakeups;
