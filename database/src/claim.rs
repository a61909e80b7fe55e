//! Claiming events: the first in line, each by one consumer at a time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use crate::error::Error;
use crate::event::EventId;
use crate::look::{self, DUE, Look, LookForDue, Seen};
use crate::mark::LowWaterMark;
use crate::operations::OperationName;
use crate::reclaim::MaxAttempts;
use crate::script::{COMMIT, HOLD, Script};
use crate::session::{Operation, Session};
use crate::time::{duration, milliseconds};
use crate::trace_parent::TraceParent;

/// The most events that one claim takes.
pub const LARGEST_CLAIM: usize = 1024;

/// How much a claim takes at the most, but at least one event.
#[derive(Debug, Clone, Copy)]
pub struct ClaimLimit {
    /// Events; at most [`LARGEST_CLAIM`].
    pub events: usize,
    /// Bytes of payloads.
    pub bytes: usize,
}

/// What a claim gave.
#[derive(Debug)]
pub struct Claims {
    /// The events, first in line first.
    pub events: Vec<Claimed>,
    /// Whether a limit ended it: there may be more to claim.
    pub more: bool,
}

/// How long a claim holds without being settled or extended; afterwards the event is free for others.
#[derive(Debug, Clone, Copy)]
pub struct Lease(pub(crate) Duration);

impl Lease {
    /// Exact to the microsecond, as the database's clock is.
    pub fn new(duration: Duration) -> Self {
        Self(duration)
    }
}

/// Who claims, as `Events.owner` and log lines name it (a pod's name, usually), and how often it tries an event.
#[derive(Debug, Clone)]
pub struct Owner {
    name: String,
    max_attempts: MaxAttempts,
}

impl Owner {
    /// The first 255 characters of `name`, the width of the column.
    pub fn new(name: &str, max_attempts: MaxAttempts) -> Self {
        Self { name: name.chars().take(255).collect(), max_attempts }
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
    /// The trace that it was created in.
    pub trace: Option<TraceParent>,
    /// Whether its last claim was not settled, so that it may be the one that its consumer died of: it is to be handled while
    /// nothing else is, or it takes others with it.
    pub alone: bool,
}

impl Session {
    /// Claims the events that are first in line, up to `limit`, skipping those that others are claiming at this moment; first
    /// of all those that [`Session::has_due`] saw, if it did.
    ///
    /// An event whose last claim was not settled ([`Claimed::alone`]) comes alone. Where no limit and no such event ended it,
    /// no more are due behind the mark; those before it are found soon.
    pub async fn claim(
        &mut self,
        mark: &mut LowWaterMark,
        owner: &Owner,
        lease: Lease,
        limit: ClaimLimit,
    ) -> Result<Claims, Error> {
        if limit.events == 0 {
            return Ok(Claims { events: Vec::new(), more: true });
        }
        let limit = ClaimLimit { events: limit.events.min(LARGEST_CLAIM), ..limit };
        if !mark.remembers() && mark.locking_look(Instant::now()).is_none() {
            self.has_due(mark).await?;
        }
        let these = mark.remembered(limit.events);
        if !these.is_empty() {
            let taken = self.run(&Claim { which: Which::These(&these), owner, lease, limit }).await?;
            mark.asked_for(these.len(), taken.left);
            if !taken.claims.events.is_empty() {
                let more = taken.claims.more || mark.remembers();
                return Ok(Claims { more, ..taken.claims });
            }
        }
        self.claim_in_line(mark, owner, lease, limit).await
    }

    async fn claim_in_line(
        &mut self,
        mark: &mut LowWaterMark,
        owner: &Owner,
        lease: Lease,
        limit: ClaimLimit,
    ) -> Result<Claims, Error> {
        let begun = Instant::now();
        let look = mark.locking_look(begun).unwrap_or_else(|| mark.look(begun));
        let taken = self.run(&Claim { which: Which::InLine(look), owner, lease, limit }).await;
        match &taken {
            Ok(taken) => mark.looked(look, taken.took, &taken.seen),
            Err(error) => mark.failed(look, begun.elapsed(), error),
        }
        taken.map(|taken| taken.claims)
    }

    /// Whether anything is due: one cheap statement, for those who have nothing else to do. What it sees is what the next
    /// claim asks for.
    pub async fn has_due(&mut self, mark: &mut LowWaterMark) -> Result<bool, Error> {
        let begun = Instant::now();
        let look = mark.look(begun);
        match self.run(&LookForDue(look)).await {
            Ok(seen) => {
                mark.looked(look, begun.elapsed(), &seen);
                mark.remember(seen.ids);
                Ok(mark.remembers())
            }
            Err(error) => {
                mark.failed(look, begun.elapsed(), &error);
                Err(error)
            }
        }
    }
}

/// What a claim reads of an event, besides its payload.
///
/// `COALESCE`, because of `INSERT INTO Events VALUES (1, '', 0)`: MySQL (9.7.4) leaves the times of such a row at zero, of which it
/// computes nothing, instead of at their defaults.
const COLUMNS: &str = "SELECT id, token, attempts, lost_claims > 0 AS alone, LENGTH(payload) AS bytes, traceparent, \
     COALESCE(TIMESTAMPDIFF(MICROSECOND, created_at, UTC_TIMESTAMP(6)), 0) AS age, \
     COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place";

/// The locking read. Its order is the index's order: a sort would lock every pending event before the first is given,
/// and leave nothing for the next consumer.
pub(crate) fn select_due(script: &mut Script, look: Look, limit: usize) {
    script.sql(COLUMNS).sql(DUE).along(look);
    script.sql(" ORDER BY due, id LIMIT ").count(limit).sql(" FOR UPDATE SKIP LOCKED");
}

/// The locking read of events that were seen to be due.
fn select_these(script: &mut Script, ids: &[EventId]) {
    script.sql(COLUMNS).sql(" FROM Events FORCE INDEX (PRIMARY) WHERE id IN (").ids(ids);
    script.sql(") AND state = 0 AND due <= UTC_TIMESTAMP(6) FOR UPDATE SKIP LOCKED");
}

/// Which events a claim is for.
#[derive(Debug, Clone, Copy)]
enum Which<'a> {
    InLine(Look),
    /// In line.
    These(&'a [EventId]),
}

struct Claim<'a> {
    which: Which<'a>,
    owner: &'a Owner,
    lease: Lease,
    limit: ClaimLimit,
}

struct Taken {
    claims: Claims,
    seen: Seen,
    /// Payloads beyond the limit: these are free again with the commit.
    left: Vec<EventId>,
    /// How long it took to find them.
    took: Duration,
}

impl Operation for Claim<'_> {
    const NAME: OperationName = OperationName::Claim;
    type Output = Taken;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Taken, sqlx::Error> {
        let begun = Instant::now();
        let (now, mut rows) = look::now(self.select().rows(connection).await?)?;
        let took = begun.elapsed();
        if let Which::These(ids) = self.which {
            let places: HashMap<_, _> = ids.iter().zip(0..).collect();
            rows.sort_by_cached_key(|row| id(row).ok().and_then(|id| places.get(&id).copied()));
        }
        let found = rows.len();
        let mut rest = rows.split_off(within(self.limit.bytes, &rows)?);
        rest.splice(0..0, rows.split_off(together(&rows)?));
        let more = found == self.limit.events || !rest.is_empty();
        let mut events = rows.iter().map(claimed).collect::<Result<Vec<_>, _>>()?;
        let cut = rows.last().filter(|_| more).map(|row| row.try_get("place")).transpose()?;
        let payloads = self.mark(&rows, &events)?.rows(connection).await?;
        add_payloads(&mut events, &payloads)?;
        let left = rest.iter().map(id).collect::<Result<_, _>>()?;
        let seen = Seen { now, cut, ids: Vec::new() };
        Ok(Taken { claims: Claims { events, more }, seen, left, took })
    }
}

fn id(row: &MySqlRow) -> Result<EventId, sqlx::Error> {
    row.try_get("id").map(EventId::from_row)
}

impl Claim<'_> {
    fn select(&self) -> Script {
        let mut select = Script::new("START TRANSACTION; ");
        select.now();
        match self.which {
            Which::InLine(look) => select_due(&mut select, look, self.limit.events),
            Which::These(ids) => select_these(&mut select, ids),
        }
        select.sql("; ").sql(HOLD);
        select
    }

    /// Marks the events, commits, and reads the payloads that they have.
    fn mark(&self, rows: &[MySqlRow], events: &[Claimed]) -> Result<Script, sqlx::Error> {
        let mut script = Script::default();
        if !events.is_empty() {
            script
                .sql("UPDATE Events SET processing = 1, token = token + 1, attempts = LEAST(attempts, 2147483646) + 1, due = ");
            script.in_future(self.lease.0).sql(", lease_until = ").in_future(self.lease.0);
            script.sql(", owner = ").text(&self.owner.name);
            script.sql(", lease_milliseconds = ").number(milliseconds(self.lease.0));
            script
                .sql(", max_attempts = ")
                .number(self.owner.max_attempts.get().min(i32::MAX.unsigned_abs()));
            script.sql(" WHERE id IN (");
            script.ids(events.iter().map(|event| &event.id)).sql("); ");
        }
        script.sql(COMMIT);
        let mut with_payload = Vec::new();
        for (row, event) in rows.iter().zip(events) {
            if bytes(row)?.is_some() {
                with_payload.push(&event.id);
            }
        }
        if !with_payload.is_empty() {
            script.sql("; SELECT id, payload FROM Events WHERE id IN (").ids(with_payload).sql(")");
        }
        Ok(script)
    }
}

/// The length of an event's payload; `None` where it has none.
fn bytes(row: &MySqlRow) -> Result<Option<usize>, sqlx::Error> {
    let bytes: Option<i64> = row.try_get("bytes")?;
    Ok(bytes.map(|bytes| usize::try_from(bytes).unwrap_or_default()))
}

/// How many of the events have payloads that are `limit` bytes at the most, together; at least one, if there is one. The
/// others are free again with the commit.
fn within(limit: usize, rows: &[MySqlRow]) -> Result<usize, sqlx::Error> {
    let mut sum = 0;
    for (index, row) in rows.iter().enumerate() {
        sum += bytes(row)?.unwrap_or_default();
        if sum > limit {
            return Ok(index.max(1));
        }
    }
    Ok(rows.len())
}

/// How many of the events may be handled together: those before the first that is to be alone, or that one.
fn together(rows: &[MySqlRow]) -> Result<usize, sqlx::Error> {
    for (index, row) in rows.iter().enumerate() {
        if row.try_get("alone")? {
            return Ok(index.max(1));
        }
    }
    Ok(rows.len())
}

fn add_payloads(events: &mut [Claimed], rows: &[MySqlRow]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut payloads = HashMap::with_capacity(rows.len());
    for row in rows {
        payloads.insert(EventId::from_row(row.try_get("id")?), row.try_get("payload")?);
    }
    for event in events {
        event.payload = payloads.remove(&event.id).flatten();
    }
    Ok(())
}

/// The event as [`Claim::mark`] leaves it, before its payload is read: its row is locked, so that exactly one is added.
fn claimed(row: &MySqlRow) -> Result<Claimed, sqlx::Error> {
    Ok(Claimed {
        id: EventId::from_row(row.try_get("id")?),
        token: row.try_get::<i64, _>("token")? + 1,
        attempt: row.try_get::<i32, _>("attempts")?.saturating_add(1),
        payload: None,
        age: duration(row.try_get("age")?),
        trace: row.try_get::<Option<&str>, _>("traceparent")?.and_then(TraceParent::new),
        alone: row.try_get("alone")?,
    })
}
