//! Tests of the consumer as a process, with real databases and HTTP servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod connections;
mod crash;
mod drain;
mod failures;
mod http;
mod idle;
mod journal;
mod keys;
mod lanes;
mod locks;
mod metrics;
mod outage;
mod server;
mod settings;
mod support;
mod traces;
mod wakeups;
mod words;
