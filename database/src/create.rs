//! Creating events: ids from the counter, rows and counter in one transaction, all of it in one packet.

mod insert;
mod plan;

use jiff::Timestamp;
use sqlx::mysql::MySqlConnection;

use crate::error::{Error, number};
use crate::event::{EventId, Priority};
use crate::holders::Held;
use crate::key::IdempotencyKey;
use crate::operations::OperationName;
use crate::script::{COMMIT, HOLD, Script};
use crate::session::{Database, Operation, Session};
use crate::trace_parent::TraceParent;

use insert::{insert, largest_payload};
use plan::{Plan, Remembered};

/// How often a creation is tried whose ids a program took that counts without a lock.
const TRIES: usize = 20;
/// How far ahead of the counter such ids are looked for. One that is farther is nobody's count: to move the counter there would
/// give away all that lie between, up to the end of its type.
const TAKEN_AHEAD: i64 = 1_000_000;

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
    /// A payload does not fit into what the server takes at once (`max_allowed_packet`). Nothing is stored.
    TooLarge {
        /// The largest that does, in bytes.
        limit: usize,
    },
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
        let mut skip_taken = false;
        for _ in 1..TRIES {
            match self.create_once(creations, skip_taken).await {
                // A program that reads the counter, inserts and then moves the counter, without a lock, was faster.
                Err(failure) if failure.refusal() == Some(number::DUPLICATE_ENTRY) => skip_taken = true,
                other => return other,
            }
        }
        self.create_once(creations, skip_taken).await
    }

    async fn create_once(&mut self, creations: &[Creation], skip_taken: bool) -> Result<Vec<Created>, Error> {
        let database = self.database.clone();
        let failure = match self.run(&Create { creations, skip_taken, database: &database }).await {
            Ok(created) => return Ok(created),
            Err(failure) => failure,
        };
        match (failure.refusal(), failure) {
            (Some(number::LOCK_WAIT_TIMEOUT), Error::Query { source, .. }) => {
                database.metrics().counter_was_held();
                Err(Error::CounterHeld { holders: database.holders(Held::Counter).await, source })
            }
            (Some(number::NULL_COLUMN), _) => Err(Error::RowMissing { table: "DBStatus" }),
            (Some(number::OUT_OF_RANGE), _) => Err(Error::CounterExhausted),
            (_, failure) => Err(failure),
        }
    }
}

struct Create<'a> {
    creations: &'a [Creation],
    /// Moves the counter past ids that other programs inserted without counting them. This happens in the transaction of the
    /// creation: between two transactions such a program writes the old value back, again and again if it is as fast.
    skip_taken: bool,
    database: &'a Database,
}

impl Operation for Create<'_> {
    const NAME: OperationName = OperationName::Create;
    const PATIENT: bool = true;
    type Output = Vec<Created>;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Vec<Created>, sqlx::Error> {
        // Of this connection: it was made before.
        let packet = self.database.packet();
        let keys: Vec<&str> =
            self.creations.iter().filter_map(|creation| Some(creation.key.as_ref()?.as_str())).collect();
        let (script, remembered) = if keys.is_empty() {
            let mut begin = Script::new("START TRANSACTION; ");
            if self.skip_taken {
                skip_taken(&mut begin);
            }
            (begin, Vec::new())
        } else {
            (Script::default(), look_up(&keys, self.skip_taken, connection).await?)
        };
        let plan = Plan::new(self.creations, remembered, largest_payload(packet));
        let first = match plan.events.len() {
            0 if keys.is_empty() => EventId::from_row(1),
            0 => {
                Script::new(COMMIT).execute(connection).await?;
                EventId::from_row(1)
            }
            _ => insert(script, &plan, packet, connection).await?,
        };
        Ok(plan.outcomes(first))
    }
}

/// Locks the counter, behind which all creations queue, and then reads what is known of the keys: nobody can add to it
/// before the commit.
async fn look_up(
    keys: &[&str],
    skip: bool,
    connection: &mut MySqlConnection,
) -> Result<Vec<Remembered>, sqlx::Error> {
    let mut lock = Script::new("START TRANSACTION; SELECT id FROM DBStatus FOR UPDATE; ");
    if skip {
        skip_taken(&mut lock);
    }
    lock.sql(HOLD);
    lock.rows(connection).await?;
    let mut script =
        Script::new("SELECT name, fingerprint, first_id, events FROM IdempotencyKeys WHERE name IN (");
    script.list(keys, |script, key| {
        script.bytes(key.as_bytes());
    });
    script.sql(")");
    let rows = script.rows(connection).await?;
    rows.iter().map(Remembered::from_row).collect()
}

/// Adds a statement that moves the counter past the events that other programs inserted right after it.
fn skip_taken(script: &mut Script) {
    script
        .sql(
            "UPDATE DBStatus SET id = GREATEST(id, COALESCE((SELECT MAX(taken.id) FROM Events AS taken \
             WHERE taken.id > DBStatus.id AND taken.id <= DBStatus.id + ",
        )
        .number(TAKEN_AHEAD)
        .sql("), 0)); ");
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::{Database as Server, Engine};

    use super::*;
    use crate::{DatabaseArgs, Metrics, Tls};

    /// The server ends it, with what it has locked.
    #[tokio::test]
    async fn a_creator_that_freezes_over_the_counter_holds_others_up_for_seconds() {
        for engine in Engine::all() {
            let server = Server::shared(engine).await;
            server.create_database("frozen").await;
            let args = DatabaseArgs {
                database_host: server.host().to_owned(),
                database_port: server.port(),
                database_name: "frozen".to_owned(),
                database_user: server.user().to_owned(),
                database_password_file: "/dev/null".into(),
                database_tls: Tls::Preferred,
                database_tls_ca_file: None,
            };
            let database = Database::new(args, Metrics::new(&prometheus::Registry::new()).unwrap());
            database.migrate().await.unwrap();
            let mut frozen = database.connect().await.unwrap();
            look_up(&["key"], false, &mut frozen).await.unwrap();
            let created = database.session().create(&[Creation::one(NewEvent::default())]).await.unwrap();
            assert!(matches!(created[0], Created::New(_)), "{engine:?}: {created:?}");
        }
    }
}
