//! The process that claims events, and the terms of its claims.

use std::num::NonZeroU32;
use std::time::Duration;

/// The period for which a claim holds without being settled or extended. Afterwards other consumers may claim the event.
#[derive(Debug, Clone, Copy)]
pub struct Lease(pub(crate) Duration);

impl Lease {
    /// Creates a lease. The database's clock keeps it to the microsecond.
    pub fn new(duration: Duration) -> Self {
        Self(duration)
    }
}

/// Maximum number of attempts at an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAttempts(NonZeroU32);

impl MaxAttempts {
    /// Returns `None` for 0: each event gets at least one attempt.
    pub fn new(attempts: u32) -> Option<Self> {
        NonZeroU32::new(attempts).map(Self)
    }

    /// Returns the number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// The claiming process: its name in `Events.owner` and in log lines (usually the pod's), and its limit of attempts.
#[derive(Debug, Clone)]
pub struct Owner {
    pub(crate) name: String,
    pub(crate) max_attempts: MaxAttempts,
}

impl Owner {
    /// Creates an owner with the first 255 characters of `name`, the width of the column.
    pub fn new(name: &str, max_attempts: MaxAttempts) -> Self {
        Self { name: name.chars().take(255).collect(), max_attempts }
    }
}
