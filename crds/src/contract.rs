//! Contracts between programs and the database.

use serde::{Deserialize, Serialize};

/// Contract between the programs of a group and the database.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum Contract {
    /// The program uses the current tables. It takes ids while it holds the lock of the counter, and claims
    /// events by `state` and `due` or with `SKIP LOCKED`.
    #[default]
    Current,
    /// The program only uses the columns `id`, `valor` and `processing`. For such consumers the database
    /// maintains an index of free events; for such producers, a trigger that keeps the counter from
    /// decreasing.
    Classic,
}
