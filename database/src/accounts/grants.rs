//! What each kind of program may do.

use super::Role::{self, Consumer, Producer};

/// Privileges on tables. `UPDATE` of events names its columns: a producer can't give an event its answer, and a consumer
/// can't change what was posted.
///
/// A locking read needs `UPDATE` or `DELETE` beside `SELECT`.
pub(super) const GRANTS: [(Role, &str, &str); 10] = [
    (Producer, "SELECT, UPDATE", "DBStatus"),
    (
        Producer,
        "SELECT, INSERT, DELETE, \
         UPDATE (processing, due, token, attempts, lease_until, error, done_at, not_before, freed_at, lost_claims)",
        "Events",
    ),
    (Producer, "SELECT, INSERT, DELETE", "IdempotencyKeys"),
    (Producer, "SELECT, UPDATE", "Ledger"),
    (Producer, "SELECT", "SchemaCompatibility"),
    (Producer, "SELECT", "_sqlx_migrations"),
    // Nothing that a consumer does removes an event: retention is the producers'.
    (
        Consumer,
        "SELECT, UPDATE (valor, processing, due, token, attempts, owner, lease_until, error, done_at, freed_at, \
         lease_milliseconds, max_attempts, lost_claims)",
        "Events",
    ),
    (Consumer, "SELECT, INSERT, UPDATE", "KeeperPulse"),
    (Consumer, "SELECT", "SchemaCompatibility"),
    (Consumer, "SELECT", "_sqlx_migrations"),
];
