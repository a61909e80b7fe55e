//! What the programs of a group know of the tables.

use serde::{Deserialize, Serialize};

/// What the programs of a group know of the tables.
#[derive(schemars::JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[schemars(inline)]
pub enum Contract {
    /// The tables as they are: ids are taken under the counter's lock, events are claimed by `state` and `due` or with
    /// `SKIP LOCKED`.
    #[default]
    Current,
    /// The columns `id`, `valor` and `processing` alone. While there is such a group the database keeps an index of free
    /// events for consumers, or a trigger that lets the counter only grow for producers.
    Classic,
}
