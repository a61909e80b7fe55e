//! The queue on MySQL: schema, migrations and every SQL statement of EventPipeline.
//!
//! Two tables, which programs in any language share (`migrations/0001_events.sql`). A [`Session`] is one connection with
//! the queue's operations on it:
//!
//! | operation | file | what it promises |
//! |---|---|---|
//! | [`Session::create`] | `create.rs` | distinct ids without gaps, committed in order, counted in the same transaction |
//! | [`Session::read`], [`Session::count`] | `read.rs` | the value once there is one; how many events were ever created |
//! | [`Session::claim`] | `claim.rs` | an event is claimed by one consumer at a time; its fence token grows |
//! | [`Session::complete`], [`Session::release`] | `settle.rs` | accepted only with the token of the last claim |
//! | [`Session::reclaim`] | `reclaim.rs` | what a crashed consumer left locked becomes free again |
//! | [`Database::migrate`], [`Session::check_schema`] | `schema.rs` | the schema that this version knows, and no other |
//! | [`watch`] | `health.rs` | says all along whether the database can be used |
//!
//! A `Session` belongs to one task and its futures are to be awaited to their end: a query dropped half-way leaves its
//! answer on the wire for the next one.

mod args;
mod claim;
mod create;
mod error;
mod event;
mod health;
mod read;
mod reclaim;
mod schema;
mod session;
mod settle;
mod statement;

pub use args::DatabaseArgs;
pub use claim::{Lease, SELECT_FREE};
pub use error::Error;
pub use event::{Claimed, Claimer, EventId, InvalidValue, NewEvent, Snapshot, Value};
pub use health::watch;
pub use session::{Database, Session};
pub use settle::Completion;
