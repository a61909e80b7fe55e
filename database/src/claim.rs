//! Claiming events: the first in line, each by one consumer at a time.

mod cursor;

use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::error::Error;
use crate::event::EventId;
use crate::script::Script;
use crate::session::{Operation, Session};
use crate::time::duration;

pub use cursor::ClaimCursor;

/// The most events that one claim takes.
pub const LARGEST_CLAIM: usize = 1024;

/// How long a claim holds without being settled or extended; afterwards the event is free for others.
#[derive(Debug, Clone, Copy)]
pub struct Lease(pub(crate) Duration);

impl Lease {
    /// Exact to the microsecond, as the database's clock is.
    pub fn new(duration: Duration) -> Self {
        Self(duration)
    }
}

/// Who claims, as `Events.owner` and log lines name it: a pod's name, usually.
#[derive(Debug, Clone)]
pub struct Claimer(String);

impl Claimer {
    /// The first 255 characters of `name`, the width of the column.
    pub fn new(name: &str) -> Self {
        Self(name.chars().take(255).collect())
    }
}

/// A claimed event. Whoever holds it may settle it while its fence token is the event's last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which event.
    pub id: EventId,
    /// The fence token of this claim.
    pub token: i64,
    /// How often the event was claimed, this claim included, without claims that were given back unbegun.
    pub attempt: i32,
    /// The JSON text it was created with.
    pub payload: Option<String>,
    /// How long before this claim it was created.
    pub age: Duration,
}

impl Session {
    /// Claims up to `limit` of the events that are first in line, skipping those that others are claiming at this
    /// moment. `limit` is at most [`LARGEST_CLAIM`].
    ///
    /// Fewer than `limit` means that no more are due behind the cursor; those before it are found soon. No transaction
    /// stays open.
    pub async fn claim(
        &mut self,
        cursor: &mut ClaimCursor,
        claimer: &Claimer,
        lease: Lease,
        limit: usize,
    ) -> Result<Vec<Claimed>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let from = cursor.start(Instant::now());
        let claim = Claim { from, claimer, lease, limit: limit.min(LARGEST_CLAIM) };
        let claims = self.run(&claim).await?;
        cursor.walked(from, claims.took, claims.last_due);
        Ok(claims.events)
    }

    /// Whether anything is due: one cheap statement, for those who have nothing else to do.
    pub async fn has_due(&mut self, cursor: &mut ClaimCursor) -> Result<bool, Error> {
        let from = cursor.start(Instant::now());
        let (due, took) = self.run(&HasDue { from }).await?;
        cursor.walked(from, took, None);
        Ok(due)
    }
}

/// Those that are due, in line. `FORCE INDEX`, because on a small table the optimizer prefers the primary key, and would
/// lock its way through the finished events.
const DUE: &str = " FROM Events FORCE INDEX (state_due) WHERE state = 0 AND due <= UTC_TIMESTAMP(6)";

/// The locking read. Its order is the index's order: a sort would lock every pending event before the first is given,
/// and leave nothing for the next consumer. `from` is in microseconds since 1970.
fn select_due(script: &mut Script, from: Option<i64>, limit: usize) {
    script.sql(
        "SELECT id, token, attempts, payload, \
         TIMESTAMPDIFF(MICROSECOND, created_at, UTC_TIMESTAMP(6)) AS age, \
         TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due) AS place",
    );
    script.sql(DUE);
    behind(script, from);
    script.sql(" ORDER BY due, id LIMIT ").count(limit).sql(" FOR UPDATE SKIP LOCKED");
}

fn behind(script: &mut Script, from: Option<i64>) {
    if let Some(from) = from {
        script.sql(" AND due >= ").time_at(from);
    }
}

/// The statement that [`Session::claim`] locks with, so that its plan can be looked at.
pub fn claim_statement(from_microseconds: Option<i64>, limit: usize) -> String {
    let mut script = Script::default();
    select_due(&mut script, from_microseconds, limit);
    script.into_text()
}

struct Claim<'a> {
    from: Option<i64>,
    claimer: &'a Claimer,
    lease: Lease,
    limit: usize,
}

struct Claims {
    events: Vec<Claimed>,
    /// The last event's place in line.
    last_due: Option<i64>,
    /// How long it took to find them.
    took: Duration,
}

impl Operation for Claim<'_> {
    const NAME: &'static str = "claim events";
    type Output = Claims;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Claims, sqlx::Error> {
        let begun = Instant::now();
        let mut select = Script::new("START TRANSACTION; ");
        select_due(&mut select, self.from, self.limit);
        let rows = select.rows(connection).await?;
        let took = begun.elapsed();
        let events = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
        let last_due = rows.last().map(|row| row.try_get("place")).transpose()?;
        self.mark(&events).execute(connection).await?;
        Ok(Claims { events, last_due, took })
    }
}

impl Claim<'_> {
    fn mark(&self, events: &[Claimed]) -> Script {
        let mut script = Script::default();
        if !events.is_empty() {
            script
                .sql("UPDATE Events SET processing = 1, token = token + 1, attempts = attempts + 1, due = ");
            script.in_future(self.lease.0).sql(", lease_until = ").in_future(self.lease.0);
            script.sql(", owner = ").text(&self.claimer.0);
            script.sql(" WHERE id IN (");
            script.ids(events.iter().map(|event| &event.id)).sql("); ");
        }
        script.sql("COMMIT");
        script
    }
}

/// The event as [`Claim::mark`] leaves it: its row is locked, so that exactly one is added.
fn claimed(row: &MySqlRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        id: EventId::from_row(row.try_get("id")?),
        token: row.try_get::<i64, _>("token")? + 1,
        attempt: row.try_get::<i32, _>("attempts")?.saturating_add(1),
        payload: row.try_get("payload")?,
        age: duration(row.try_get("age")?),
    })
}

struct HasDue {
    from: Option<i64>,
}

impl Operation for HasDue {
    const NAME: &'static str = "look for due events";
    type Output = (bool, Duration);

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<(bool, Duration), sqlx::Error> {
        let begun = Instant::now();
        let mut look = Script::new("SELECT 1");
        look.sql(DUE);
        behind(&mut look, self.from);
        look.sql(" LIMIT 1");
        let found = !look.rows(connection).await?.is_empty();
        Ok((found, begun.elapsed()))
    }
}
