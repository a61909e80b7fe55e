//! The queue on MySQL: schema, migrations and every SQL statement of EventPipeline.
//!
//! Two tables, which programs in any language share (`migrations/0001_events.sql`). A [`Session`] is one connection with
//! the queue's operations on it:
//!
//! | operation | file | what it promises |
//! |---|---|---|
//! | [`Session::create`] | `create.rs` | distinct ids without gaps, committed in order, counted in the same transaction; a key creates once |
//! | [`Session::claim`] | `claim.rs` | an event is claimed by one consumer at a time; its fence token grows |
//! | [`Session::complete`], [`Session::fail`], [`Session::release`], [`Session::extend`] | `settle.rs` | accepted only with the token of the last claim |
//! | [`Session::reclaim`] | `reclaim.rs`, `pulse.rs` | what a crashed consumer left locked becomes free again, or is given up; not because the database was away or its clock stepped |
//! | [`Session::retry`], [`Session::cancel`] | `change.rs` | what people ask for, where the event's state allows it |
//! | [`Session::remove`] | `remove.rs`, `clock.rs` | finished events go, in short transactions, and stay counted; not by a clock that is wrong |
//! | [`Session::reusable_bytes`], [`Error::is_storage_full`] | `full.rs` | what is left for events, and that nothing is |
//! | [`Session::read`], [`Session::event`], [`Session::list`], [`Session::stats`] | `read.rs`, `list.rs`, `stats.rs` | what is committed |
//! | [`Database::migrate`], [`Session::check_schema`] | `schema.rs` | a schema that this version can use, and no other |
//! | [`Database::grant`], [`Database::retire`] | `accounts.rs` | each kind of program has a user with the grants it needs |
//! | [`watch`] | `health.rs` | says all along whether the database can be used |
//!
//! A `Session` belongs to one task and its futures are to be awaited to their end: a query dropped half-way leaves its
//! answer on the wire for the next one.

mod accounts;
mod args;
mod caution;
mod change;
mod claim;
mod classic;
mod clock;
mod create;
mod error;
mod event;
mod fenced;
mod full;
mod health;
mod holders;
mod hot;
mod key;
mod list;
mod look;
mod mark;
mod metrics;
mod operations;
mod payload;
mod pulse;
mod read;
mod reclaim;
mod remove;
mod schema;
mod script;
mod session;
mod settle;
mod stats;
mod time;
mod trace_parent;

pub use accounts::{Account, Generation, Role};
pub use args::{DatabaseArgs, Tls, name};
pub use change::Transition;
pub use claim::{ClaimLimit, Claimed, Claims, LARGEST_CLAIM, Lease, Owner};
pub use classic::Classic;
pub use create::{Created, Creation, Ids, NewEvent, NotBefore};
pub use error::{Error, Outcome};
pub use event::{Event, EventId, Finished, InvalidValue, Priority, Snapshot, State, Value};
pub use health::watch;
pub use holders::Holders;
pub use hot::HotStatement;
pub use key::{IdempotencyKey, InvalidKey};
pub use list::{Cursor, InvalidCursor, Listing};
pub use mark::LowWaterMark;
pub use metrics::Metrics;
pub use payload::json_of;
pub use reclaim::{LARGEST_RECLAIM, MaxAttempts, Reclaimed};
pub use remove::{LARGEST_REMOVAL, Removal};
pub use session::{Database, Session, Unusable};
pub use settle::{Completion, Failure, Next, PartlySettled, Refused};
pub use stats::Stats;
pub use trace_parent::TraceParent;
