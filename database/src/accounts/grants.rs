//! Privileges of each kind of program.

use crate::role::Role::{self, Consumer, Producer};

/// Privileges on tables. `INSERT` and `UPDATE` of events name their columns: a producer can set no event's value, and a
/// consumer cannot change a payload.
///
/// A locking read needs `UPDATE` or `DELETE` in addition to `SELECT`.
pub(super) const GRANTS: [(Role, &str, &str); 20] = [
    (Producer, "SELECT, UPDATE", "DBStatus"),
    (Producer, "SELECT, UPDATE", "IdBlocks"),
    (
        Producer,
        "SELECT, INSERT (id, payload, priority, processing, due, traceparent, not_before, type, lane, event_key, \
         key_number, blocked), DELETE, \
         UPDATE (processing, due, token, attempts, lease_until, error, done_at, not_before, freed_at, lost_claims, lane, \
         key_number, blocked)",
        "Events",
    ),
    (Producer, "SELECT, INSERT, DELETE", "IdempotencyKeys"),
    (Producer, "SELECT, UPDATE", "Ledger"),
    (Producer, "SELECT", "Lanes"),
    (Producer, "SELECT", "LaneTypes"),
    (Producer, "SELECT, INSERT, UPDATE, DELETE", "EventKeys"),
    (Producer, "SELECT", "KeySettings"),
    (Producer, "SELECT", "SchemaCompatibility"),
    (Producer, "SELECT", "_sqlx_migrations"),
    // Consumers remove no events: retention is the producers' task.
    (
        Consumer,
        "SELECT, UPDATE (valor, processing, due, token, attempts, owner, lease_until, error, done_at, freed_at, \
         lease_milliseconds, max_attempts, lost_claims, lane, key_number, blocked)",
        "Events",
    ),
    (Consumer, "SELECT", "Lanes"),
    (Consumer, "SELECT", "LaneTypes"),
    (Consumer, "SELECT, UPDATE", "LaneCursors"),
    (Consumer, "SELECT, INSERT, UPDATE, DELETE", "EventKeys"),
    (Consumer, "SELECT", "KeySettings"),
    (Consumer, "SELECT, INSERT, UPDATE", "KeeperPulse"),
    (Consumer, "SELECT", "SchemaCompatibility"),
    (Consumer, "SELECT", "_sqlx_migrations"),
];

/// Privileges of producers that name no columns. MySQL requires those of the visible columns, MariaDB those of all.
pub(super) const CLASSIC_INSERT: &str = "INSERT (valor, token, attempts, owner, lease_until, error, created_at, done_at, state, freed_at, \
     lease_milliseconds, max_attempts, lost_claims)";

/// Privileges that show the holder of the counter's lock, but no texts of statements.
pub(super) const DIAGNOSES: [(Role, &str, &str); 2] = [
    (
        Producer,
        "SELECT (ENGINE, THREAD_ID, OBJECT_SCHEMA, OBJECT_NAME, LOCK_TYPE, LOCK_STATUS)",
        "performance_schema.data_locks",
    ),
    (
        Producer,
        "SELECT (THREAD_ID, PROCESSLIST_ID, PROCESSLIST_USER, PROCESSLIST_HOST, PROCESSLIST_TIME)",
        "performance_schema.threads",
    ),
];
