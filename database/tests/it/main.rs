//! The queue's operations on real servers. Every test runs on MySQL and on MariaDB.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod blocking;
mod blocks;
mod claim;
mod classic;
mod clock;
mod concurrency;
mod consumer;
mod create;
mod faults;
mod history;
mod idempotency;
mod key_programs;
mod key_races;
mod keys;
mod lane_changes;
mod locks;
mod model;
mod order;
mod outcomes;
mod plans;
mod races;
mod ranges;
mod reclaim;
mod removal;
mod reusable_space;
mod scans;
mod schema;
mod servers;
mod settle;
mod stand_in;
mod support;
mod tls;
mod traces;
mod types;
