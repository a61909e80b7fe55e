//! Creating events: ids from the counter, rows and counter in one transaction, all of it in one packet.

mod insert;
mod plan;

use jiff::Timestamp;
use sqlx::mysql::MySqlConnection;

use crate::error::{Error, number, number_of};
use crate::event::{EventId, Priority};
use crate::key::IdempotencyKey;
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{Operation, Session};
use crate::trace_parent::TraceParent;

use insert::insert;
use plan::{Plan, Remembered};

/// How often a creation is tried whose ids a program took that counts without a lock.
const TRIES: usize = 20;

/// An event to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewEvent {
    /// JSON text, stored as it is; the caller has checked that it is JSON.
    pub payload: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// When it may be claimed at the earliest; `None` and times in the past are at once.
    pub not_before: Option<NotBefore>,
}

/// A time before which an event is not to be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBefore {
    /// This time.
    At(Timestamp),
    /// So many seconds after the event's creation, by the database's clock. Unlike a time, it is the same in each repetition of a
    /// request.
    Delay(u32),
}

impl From<Timestamp> for NotBefore {
    fn from(time: Timestamp) -> Self {
        Self::At(time)
    }
}

/// Events that are created together, all or none, with consecutive ids.
#[derive(Debug, Clone)]
pub struct Creation {
    events: Vec<NewEvent>,
    key: Option<IdempotencyKey>,
    trace: Option<TraceParent>,
}

impl Creation {
    /// A single event.
    pub fn one(event: NewEvent) -> Self {
        Self { events: vec![event], key: None, trace: None }
    }

    /// Several events, in the order of their ids; `None` where there are none.
    pub fn many(events: Vec<NewEvent>) -> Option<Self> {
        (!events.is_empty()).then_some(Self { events, key: None, trace: None })
    }

    /// The same, to be made once however often it comes with this key.
    #[must_use]
    pub fn with_key(self, key: Option<IdempotencyKey>) -> Self {
        Self { key, ..self }
    }

    /// The same, made in a trace.
    #[must_use]
    pub fn with_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Its events; at least one.
    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }
}

/// Consecutive ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    first: EventId,
    many: usize,
}

impl Ids {
    /// The lowest.
    pub fn first(self) -> EventId {
        self.first
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(self) -> usize {
        self.many
    }

    /// All of them, ascending.
    pub fn iter(self) -> impl Iterator<Item = EventId> {
        (self.first.get()..).map(EventId::from_row).take(self.many)
    }
}

/// What became of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The events are stored.
    New(Ids),
    /// They were stored before, under the same key.
    Replayed(Ids),
    /// Other events were stored under the same key; these are not.
    KeyReused,
}

impl Session {
    /// Makes `creations` in one transaction and says, in the same order, what became of each.
    ///
    /// The counter's row stays locked from the first statement to the commit, so that ids are distinct, have no gaps,
    /// and become visible in order; the price is that transactions come one after another, which is why callers put
    /// many creations into one. All statements are one packet, so that no round trip of ours prolongs the lock; only
    /// idempotency keys cost one.
    pub async fn create(&mut self, creations: &[Creation]) -> Result<Vec<Created>, Error> {
        if creations.is_empty() {
            return Ok(Vec::new());
        }
        for _ in 1..TRIES {
            match self.run(&Create { creations }).await {
                Err(Error::Query { source, .. }) if number_of(&source) == Some(number::DUPLICATE_ENTRY) => {
                    // A program that reads the counter, inserts and then moves the counter, without a lock, was faster.
                    self.run(&SkipTaken).await?;
                }
                other => return other,
            }
        }
        self.run(&Create { creations }).await
    }
}

struct Create<'a> {
    creations: &'a [Creation],
}

impl Operation for Create<'_> {
    const NAME: OperationName = OperationName::Create;
    type Output = Vec<Created>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Created>, sqlx::Error> {
        let keys: Vec<&str> =
            self.creations.iter().filter_map(|creation| Some(creation.key.as_ref()?.as_str())).collect();
        let (script, remembered) = if keys.is_empty() {
            (Script::new("START TRANSACTION; "), Vec::new())
        } else {
            (Script::default(), look_up(&keys, connection).await?)
        };
        let plan = Plan::new(self.creations, remembered);
        let first = match plan.events.len() {
            0 => {
                Script::new("COMMIT").execute(connection).await?;
                EventId::from_row(1)
            }
            _ => insert(script, &plan, connection).await?,
        };
        Ok(plan.outcomes(first))
    }
}

/// Locks the counter, behind which all creations queue, and then reads what is known of the keys: nobody can add to it
/// before the commit.
async fn look_up(keys: &[&str], connection: &mut MySqlConnection) -> Result<Vec<Remembered>, sqlx::Error> {
    Script::new("START TRANSACTION; SELECT id FROM DBStatus FOR UPDATE").rows(connection).await?;
    let mut script =
        Script::new("SELECT name, fingerprint, first_id, events FROM IdempotencyKeys WHERE name IN (");
    script.list(keys, |script, key| {
        script.bytes(key.as_bytes());
    });
    script.sql(")");
    let rows = script.rows(connection).await?;
    rows.iter().map(Remembered::from_row).collect()
}

/// Moves the counter past every event there is.
struct SkipTaken;

impl Operation for SkipTaken {
    const NAME: OperationName = OperationName::SkipTaken;
    type Output = ();

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let skip = "UPDATE DBStatus SET id = GREATEST(id, (SELECT COALESCE(MAX(id), 0) FROM Events))";
        Script::new(skip).execute(connection).await?;
        Ok(())
    }
}
