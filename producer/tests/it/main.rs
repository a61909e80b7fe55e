//! The producer as its clients and its cluster meet it: a process before a real database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod batch;
mod connections;
mod contract;
mod drain;
mod ends;
mod events;
mod failover;
mod fuzz;
mod keys;
mod ledger;
mod metrics;
mod options;
mod outage;
mod overload;
mod prefer;
mod public;
mod refused;
mod retention;
mod schemathesis;
mod slow;
mod storage;
mod support;
mod traces;
mod unread;
mod wakeups;
