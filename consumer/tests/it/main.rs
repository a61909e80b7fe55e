//! The consumer as its events meet it: a process before a real database and a word API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod crash;
mod drain;
mod handlers;
mod outage;
mod settings;
mod support;
