//! The statements that store new events.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::event::EventId;
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};
use crate::trace_parent::TraceParent;

use super::ids::Source;
use super::plan::{NewKey, Plan};
use super::types::{NewEvent, NotBefore};

/// Maximum size of one packet in bytes, even if the server accepts more.
const LARGEST_PACKET: usize = 8 * 1024 * 1024;
/// Size of a packet's other statements and keys, in bytes.
const SPARE: usize = 4096;
/// Size of an event's row without its payload, in bytes: times, trace, type and key.
const ROW: usize = 2000;

/// Returns the largest payload for a server whose packets have `packet` bytes. Payloads are sent as hexadecimal digits.
pub(super) fn largest_payload(packet: usize) -> usize {
    (packet.saturating_sub(SPARE) / 2).saturating_sub(ROW)
}

/// The counter's new value.
const LAST: &str = "LAST_INSERT_ID()";
/// The same right after the counter's update. It is NULL, which the id column refuses, if the counter has no row: the
/// server then remembers the value of an earlier transaction.
const COUNTED: &str = "IF(ROW_COUNT()=1,LAST_INSERT_ID(),NULL)";

/// The statements of one transaction, in packets that the server accepts.
struct Packets<'c> {
    connection: &'c mut MySqlConnection,
    batch: SqlBatch,
    limit: usize,
    /// True after the first packet, which opens the transaction.
    sent: bool,
}

impl Packets<'_> {
    /// Adds a statement. Sends the previous ones first if the packet would become too large.
    async fn add(&mut self, statement: &SqlBatch) -> Result<(), sqlx::Error> {
        if self.batch.len() > 0 && self.batch.len() + statement.len() > self.limit {
            self.batch.sql(HOLD);
            std::mem::take(&mut self.batch).execute(self.connection).await?;
            self.sent = true;
        }
        self.batch.append(statement).sql("; ");
        Ok(())
    }

    /// Sends the rest and the commit, and returns the first of `many` ids.
    async fn commit(mut self, source: Source, many: usize) -> Result<EventId, sqlx::Error> {
        let commit = if self.sent { COMMIT } else { "COMMIT" };
        match source {
            Source::Counter => {
                self.batch.sql("SELECT ").sql(LAST).sql(" AS last; ").sql(commit);
                let rows = self.batch.rows(self.connection).await?;
                let last: u64 = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("last")?;
                let before = last.saturating_sub(many as u64);
                Ok(EventId::from_row(i64::try_from(before).unwrap_or(i64::MAX).saturating_add(1)))
            }
            Source::Block(block) => {
                self.batch.sql(commit);
                self.batch.execute(self.connection).await?;
                Ok(EventId::from_row(block.id(0)))
            }
        }
    }
}

impl Source {
    /// Adds the statement that takes the ids of `many` events.
    fn take(self, batch: &mut SqlBatch, many: usize) {
        match self {
            Self::Counter => {
                batch.sql("UPDATE DBStatus SET id = LAST_INSERT_ID(id + ").count(many).sql("); ");
            }
            Self::Block(block) => {
                batch.sql("UPDATE IdBlocks SET used = used + ").count(many);
                batch.sql(" WHERE slot = ").number(block.slot).sql(" AND used = ").number(block.used);
                batch.sql(" AND last = ").number(block.last).sql("; ");
            }
        }
    }

    /// Adds the id of the event with this index among `many`. The first one is NULL, which the id column refuses, if no ids were
    /// taken.
    fn id(self, batch: &mut SqlBatch, index: usize, many: usize) {
        match (self, index) {
            (Self::Counter, 0) => batch.sql(COUNTED).sql("-").count(many - 1),
            (Self::Counter, _) => batch.sql(LAST).sql("-").count(many - 1 - index),
            (Self::Block(block), 0) => batch.sql("IF(ROW_COUNT()=1,").number(block.id(0)).sql(",NULL)"),
            (Self::Block(block), _) => batch.number(block.id(index)),
        };
    }
}

/// Takes ids, inserts the events and their keys, and commits. Returns the first id. `batch` precedes these statements in the
/// same packet; `packet` is the server's packet size in bytes.
///
/// Ids from the counter are computed backwards from its new value, which the server remembers for the connection. Reading the
/// counter's row again would prolong its lock, and a trigger on it hides the value from the update's own result.
pub(super) async fn insert(
    batch: SqlBatch,
    plan: &Plan<'_>,
    source: Source,
    packet: usize,
    connection: &mut MySqlConnection,
) -> Result<EventId, sqlx::Error> {
    let limit = packet.min(LARGEST_PACKET).saturating_sub(SPARE);
    // With keys the transaction is already open.
    let sent = batch.len() == 0;
    let mut packets = Packets { connection, batch, limit, sent };
    let many = plan.events.len();
    for statement in plan.types.find_lanes().into_iter().chain(plan.event_keys.join()) {
        packets.add(&statement).await?;
    }
    // The update goes into the packet of the first rows, which check its result.
    let mut statement = SqlBatch::default();
    source.take(&mut statement, many);
    let mut before = 0;
    for piece in pieces(&plan.events, limit) {
        rows(&mut statement, plan, source, piece, &mut before);
        packets.add(&std::mem::take(&mut statement)).await?;
    }
    if !plan.keys.is_empty() {
        statement.sql("INSERT INTO IdempotencyKeys (name, fingerprint, first_id, events) VALUES ");
        statement.list(sorted(&plan.keys), |batch, key| new_key(batch, key, source, many));
        packets.add(&statement).await?;
    }
    packets.commit(source, many).await
}

/// Returns the keys in one order for all sessions: different orders of locks would cause deadlocks.
fn sorted<'a, 'k>(keys: &'a [NewKey<'k>]) -> Vec<&'a NewKey<'k>> {
    let mut keys: Vec<_> = keys.iter().collect();
    keys.sort_unstable_by_key(|key| key.name);
    keys
}

/// Splits `events` into pieces that fit a statement of `limit` bytes.
fn pieces<'a>(mut events: &'a [&'a NewEvent], limit: usize) -> impl Iterator<Item = &'a [&'a NewEvent]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |event: &&NewEvent| {
            bytes += 2 * event.payload.as_ref().map_or(0, String::len) + ROW;
            bytes <= limit
        };
        let many = events.iter().copied().take_while(fits).count().max(1);
        let (piece, rest) = events.split_at_checked(many)?;
        events = rest;
        Some(piece)
    })
}

/// Adds the insert statement of a piece. `before` counts the events that precede the one being added. Columns for traces, for
/// `not_before`, for types and for keys are named only if an event needs them.
fn rows(batch: &mut SqlBatch, plan: &Plan<'_>, source: Source, piece: &[&NewEvent], before: &mut usize) {
    let scheduled = piece.iter().any(|event| event.not_before.is_some());
    batch.sql("INSERT INTO Events (id, payload, priority, processing, due");
    batch.sql(if scheduled { ", not_before" } else { "" });
    batch.sql(if plan.types.is_empty() { "" } else { ", type, lane" });
    batch.sql(if plan.event_keys.is_empty() { "" } else { ", event_key, key_number, blocked" });
    batch.sql(if plan.traces.is_empty() { "" } else { ", traceparent" }).sql(") VALUES ");
    batch.list(piece, |batch, event| {
        let index = std::mem::replace(before, *before + 1);
        source.id(batch.sql("("), index, plan.events.len());
        batch.sql(",");
        values(batch, event);
        plan.event_keys.due(batch.sql(","), index, |batch| due(batch, event));
        if scheduled {
            match event.not_before {
                Some(time) => batch.sql(",").not_before(time),
                None => batch.sql(",NULL"),
            };
        }
        if !plan.types.is_empty() {
            plan.types.values(batch, event.event_type.as_ref());
        }
        if !plan.event_keys.is_empty() {
            plan.event_keys.values(batch, index);
        }
        if let Some(trace) = plan.traces.get(index) {
            traceparent(batch, trace.as_ref());
        }
        batch.sql(")");
    });
}

/// Adds the payload, the priority and `processing`.
fn values(batch: &mut SqlBatch, event: &NewEvent) {
    match &event.payload {
        Some(payload) => batch.text(payload),
        None => batch.sql("NULL"),
    };
    batch.sql(",").number(event.priority.get()).sql(",");
    // Classic programs know neither types, keys nor `not_before`, so they must not see such an event, or not until then.
    let free = if event.event_type.is_some() || event.key.is_some() { "2" } else { "0" };
    match event.not_before {
        None => batch.sql(free),
        Some(time) => batch.sql("IF(").not_before(time).sql(" > UTC_TIMESTAMP(6), 2, ").sql(free).sql(")"),
    };
}

/// Adds the position in the queue.
fn due(batch: &mut SqlBatch, event: &NewEvent) {
    let priority = event.priority.get();
    match event.not_before {
        None if priority == 0 => batch.sql("UTC_TIMESTAMP(6)"),
        None => batch.sql("UTC_TIMESTAMP(6) - INTERVAL ").number(priority).sql(" MINUTE"),
        Some(time) => batch
            .sql("GREATEST(")
            .not_before(time)
            .sql(", UTC_TIMESTAMP(6) - INTERVAL ")
            .number(priority)
            .sql(" MINUTE)"),
    };
}

impl SqlBatch {
    /// Adds the earliest time of a claim.
    fn not_before(&mut self, time: NotBefore) -> &mut Self {
        match time {
            NotBefore::At(time) => self.time(time),
            NotBefore::Delay(seconds) => self.in_future(Duration::from_secs(seconds.into())),
        }
    }
}

fn traceparent(batch: &mut SqlBatch, trace: Option<&TraceParent>) {
    match trace {
        Some(trace) => batch.sql(",").text(trace.as_str()),
        None => batch.sql(",NULL"),
    };
}

fn new_key(batch: &mut SqlBatch, key: &NewKey<'_>, source: Source, events: usize) {
    batch.sql("(").bytes(key.name.as_bytes()).sql(",").bytes(&key.fingerprint).sql(",");
    match source {
        Source::Counter => batch.sql(LAST).sql("-").count(events - 1 - key.events.offset),
        Source::Block(block) => batch.number(block.id(key.events.offset)),
    };
    batch.sql(",").count(key.events.many).sql(")");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create::plan::Limits;
    use crate::create::types::Creation;

    /// Returns the statement for the events of two creations.
    fn statement(traces: [Option<TraceParent>; 2]) -> String {
        let creations = traces.map(|trace| Creation::one(NewEvent::default()).with_trace(trace));
        let limits = Limits { largest_payload: 100, has_keys: true };
        let plan = Plan::new(&creations, Vec::new(), limits);
        let mut batch = SqlBatch::default();
        rows(&mut batch, &plan, Source::Counter, &plan.events, &mut 0);
        batch.into_text()
    }

    #[test]
    fn a_trace_is_named_only_where_there_is_one() {
        assert_eq!(
            statement([None, None]),
            "INSERT INTO Events (id, payload, priority, processing, due) VALUES \
             (IF(ROW_COUNT()=1,LAST_INSERT_ID(),NULL)-1,NULL,0,0,UTC_TIMESTAMP(6)),\
             (LAST_INSERT_ID()-0,NULL,0,0,UTC_TIMESTAMP(6))"
        );
        let trace = TraceParent::new("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let with = statement([None, trace]);
        assert!(
            with.starts_with(
                "INSERT INTO Events (id, payload, priority, processing, due, traceparent) VALUES "
            )
        );
        assert!(with.contains("-1,NULL,0,0,UTC_TIMESTAMP(6),NULL),(LAST_INSERT_ID()-0,"), "{with}");
    }

    #[test]
    fn a_statement_has_a_limit_in_bytes_and_nothing_is_left_out() {
        const MEBIBYTE: usize = 1024 * 1024;
        let sizes = [3, 2, 1, 5, 0, 0].map(|mebibytes| mebibytes * MEBIBYTE);
        let events = sizes.map(|size| NewEvent { payload: Some("x".repeat(size)), ..NewEvent::default() });
        let events: Vec<&NewEvent> = events.iter().collect();
        let pieces: Vec<_> = pieces(&events, 2 * 4 * MEBIBYTE).collect();
        assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), [1, 2, 1, 2]);
        assert_eq!(pieces.concat(), events);
        assert_eq!(super::pieces(&[], 1).count(), 0);
    }
}
