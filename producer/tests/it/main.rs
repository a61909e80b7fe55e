//! The producer as its clients and its cluster meet it: a process before a real database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_input;
mod contract;
mod drain;
mod outage;
mod support;
