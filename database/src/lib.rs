//! The queue on MySQL: schema, migrations and every SQL statement of EventPipeline.
//!
//! Programs in any language share its two main tables (`migrations/0001_events.sql`). A [`Session`] is one connection with
//! the queue's operations:
//!
//! | operation | file | guarantee |
//! |---|---|---|
//! | [`Session::create`] | `create.rs` | distinct ids, counted in the same transaction as their events; a key creates its events once |
//! | [`Session::claim`] | `claim.rs` | one consumer at a time claims an event; its fence token grows |
//! | [`Session::complete`], [`Session::fail`], [`Session::release`], [`Session::extend`] | `settle.rs` | accepted only with the token of the current claim |
//! | [`Session::reclaim`] | `reclaim.rs`, `pulse.rs` | claims of crashed consumers are freed or given up; an outage or a step of the database's clock frees none |
//! | [`Session::retry`], [`Session::cancel`] | `transition.rs` | changes at a user's request, if the event's state allows them |
//! | [`Session::remove`] | `remove.rs`, `cutoff.rs` | finished events are removed in short transactions and stay counted; never by a wrong clock |
//! | [`Session::reusable_bytes`], [`Error::is_storage_full`] | `storage_full.rs` | the space left for events |
//! | [`Session::read`], [`Session::event`], [`Session::list`], [`Session::stats`] | `read.rs`, `list.rs`, `stats.rs` | committed data only |
//! | [`Database::migrate`], [`Session::check_schema`] | `schema.rs` | a program uses only a schema that it is compatible with |
//! | [`Database::apply_lanes`], [`Session::lane`] | `lanes.rs`, `lane.rs` | an event with a type waits in the lane of its type, also after a change |
//! | [`Database::apply_key_rules`] | `keys.rs` | events with the same key are handled in the order of their creation |
//! | [`Database::grant`], [`Database::retire`] | `accounts.rs` | each kind of program has a user with exactly the privileges it needs |
//! | [`watch`] | `health.rs` | continuous reports whether the database is usable |
//!
//! A `Session` belongs to one task. Await its futures to their end: the answer of a query that is dropped half-way remains on
//! the wire, where the next query would read it.

mod accounts;
mod args;
mod claim;
mod classic;
mod clock;
mod contention;
mod create;
mod cutoff;
mod error;
mod event;
mod event_key;
mod event_type;
mod fenced;
#[cfg(test)]
mod fuzz;
mod health;
mod holders;
mod id_block;
mod key;
mod keys;
mod lane;
mod lanes;
mod list;
mod low_water_mark;
mod metrics;
mod operations;
mod owner;
mod payload;
mod pulse;
mod query_plans;
mod read;
mod reclaim;
mod remove;
mod role;
mod scan;
mod schema;
mod session;
mod settle;
mod sql_batch;
mod state_column;
mod stats;
mod storage_full;
#[cfg(test)]
mod test_database;
mod time;
mod trace_parent;
mod transition;

pub use accounts::{Account, Generation};
pub use args::{DatabaseArgs, Tls, name};
pub use claim::{ClaimLimit, Claimed, Claims, Isolation};
pub use classic::Classic;
pub use create::{Created, Creation, Ids, NewEvent, NotBefore};
pub use error::{Error, Holders, Outcome, PartlySettled, Refused, Unusable};
pub use event::{Event, EventId, Finished, InvalidValue, Priority, Snapshot, State, Value};
pub use event_key::{EventKey, InvalidEventKey};
pub use event_type::{EventType, InvalidType, TypePattern};
pub use health::watch;
pub use id_block::CREATED_EVENTS;
pub use key::{IdempotencyKey, InvalidKey};
pub use keys::{InvalidKeyRules, KeyRules, OnDead};
pub use lane::Lane;
pub use lanes::{InvalidLanes, Lanes};
pub use list::{Cursor, InvalidCursor, Listing};
pub use low_water_mark::LowWaterMark;
pub use metrics::Metrics;
pub use owner::{Lease, MaxAttempts, Owner};
pub use payload::json_of;
pub use query_plans::HotStatement;
pub use reclaim::{LARGEST_RECLAIM, Reclaimed};
pub use remove::{LARGEST_REMOVAL, Removal};
pub use role::Role;
pub use scan::LARGEST_CLAIM;
pub use session::{Database, Session};
pub use settle::{Completion, Failure, Next};
pub use stats::{LaneStats, Stats, TypeStats};
pub use trace_parent::TraceParent;
pub use transition::Transition;
