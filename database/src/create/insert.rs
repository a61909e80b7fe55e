//! The statements that store new events.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::create::plan::{NewKey, Plan};
use crate::create::{NewEvent, NotBefore};
use crate::event::EventId;
use crate::script::{COMMIT, HOLD, Script};
use crate::trace_parent::TraceParent;

/// How many bytes one statement takes at the most, whatever the server would take.
const LARGEST_PACKET: usize = 8 * 1024 * 1024;
/// What a packet has besides an event's payload: the statements around it, and keys.
const SPARE: usize = 4096;
/// What an event's row has besides its payload, in bytes: its times and its trace.
const ROW: usize = 600;

/// The largest payload that a server takes which takes `packet` bytes at once. It is sent in hexadecimal digits.
pub(super) fn largest_payload(packet: usize) -> usize {
    (packet.saturating_sub(SPARE) / 2).saturating_sub(ROW)
}

/// The counter's new value.
const LAST: &str = "LAST_INSERT_ID()";
/// The same behind the update of the counter: NULL, which no id may be, where there was no row to update and what the server
/// remembers is of another transaction.
const COUNTED: &str = "IF(ROW_COUNT()=1,LAST_INSERT_ID(),NULL)";

/// Statements of one transaction, in packets that the server takes.
struct Packets<'c> {
    connection: &'c mut MySqlConnection,
    script: Script,
    limit: usize,
    /// Whether one was sent, so that the transaction is open.
    sent: bool,
}

impl Packets<'_> {
    /// Adds a statement, after those before it were sent where they do not fit together.
    async fn add(&mut self, statement: &Script) -> Result<(), sqlx::Error> {
        if self.script.len() > 0 && self.script.len() + statement.len() > self.limit {
            self.script.sql(HOLD);
            std::mem::take(&mut self.script).execute(self.connection).await?;
            self.sent = true;
        }
        self.script.append(statement).sql("; ");
        Ok(())
    }

    /// Sends the rest, with the commit, and gives the counter's value.
    async fn commit(mut self) -> Result<u64, sqlx::Error> {
        self.script.sql("SELECT ").sql(LAST).sql(" AS last; ");
        self.script.sql(if self.sent { COMMIT } else { "COMMIT" });
        let rows = self.script.rows(self.connection).await?;
        rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("last")
    }
}

/// Moves the counter, inserts the events and their keys, commits, and gives the first of the ids. `script` is what comes
/// before, in the same packet; the server takes `packet` bytes at once.
///
/// Ids are counted back from the counter's new value, which the server remembers for the connection: to read the counter's
/// row again would prolong its lock. With a trigger on it the update's own result does not tell the value.
pub(super) async fn insert(
    script: Script,
    plan: &Plan<'_>,
    packet: usize,
    connection: &mut MySqlConnection,
) -> Result<EventId, sqlx::Error> {
    let limit = packet.min(LARGEST_PACKET).saturating_sub(SPARE);
    // With keys the transaction is open already.
    let sent = script.len() == 0;
    let mut packets = Packets { connection, script, limit, sent };
    let mut after = plan.events.len();
    // In one packet with the first rows, which ask what became of it.
    let mut statement = Script::new("UPDATE DBStatus SET id = LAST_INSERT_ID(id + ");
    statement.count(after).sql("); ");
    for piece in pieces(&plan.events, limit) {
        rows(&mut statement, plan, piece, &mut after);
        packets.add(&std::mem::take(&mut statement)).await?;
    }
    if !plan.keys.is_empty() {
        statement.sql("INSERT INTO IdempotencyKeys (name, fingerprint, first_id, events) VALUES ");
        statement.list(&plan.keys, |script, key| new_key(script, key, plan.events.len()));
        packets.add(&statement).await?;
    }
    let last = packets.commit().await?;
    let before = last.saturating_sub(plan.events.len() as u64);
    Ok(EventId::from_row(i64::try_from(before).unwrap_or(i64::MAX).saturating_add(1)))
}

/// `events` in pieces that one statement of `limit` bytes takes.
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

/// The statement for a piece; `after` counts down how many events come behind the one that is added. Without a trace it is the one that it would be
/// if there were no traces, and likewise without a time before which an event is not to be claimed.
fn rows(script: &mut Script, plan: &Plan<'_>, piece: &[&NewEvent], after: &mut usize) {
    let scheduled = piece.iter().any(|event| event.not_before.is_some());
    script.sql("INSERT INTO Events (id, payload, priority, processing, due");
    script.sql(if scheduled { ", not_before" } else { "" });
    script.sql(if plan.traces.is_empty() { "" } else { ", traceparent" }).sql(") VALUES ");
    script.list(piece, |script, event| {
        let trace = plan.traces.get(plan.events.len() - *after);
        let last = if *after == plan.events.len() { COUNTED } else { LAST };
        *after -= 1;
        script.sql("(").sql(last).sql("-").count(*after).sql(",");
        values(script, event);
        if scheduled {
            match event.not_before {
                Some(time) => script.sql(",").not_before(time),
                None => script.sql(",NULL"),
            };
        }
        if let Some(trace) = trace {
            traceparent(script, trace.as_ref());
        }
        script.sql(")");
    });
}

/// What stands behind the id in an event's row.
fn values(script: &mut Script, event: &NewEvent) {
    match &event.payload {
        Some(payload) => script.text(payload),
        None => script.sql("NULL"),
    };
    let priority = event.priority.get();
    script.sql(",").number(priority).sql(",");
    match event.not_before {
        None if priority == 0 => script.sql("0,UTC_TIMESTAMP(6)"),
        None => script.sql("0,UTC_TIMESTAMP(6) - INTERVAL ").number(priority).sql(" MINUTE"),
        // Hidden from classic programs, who know no time before which an event is not to be taken.
        Some(time) => script
            .sql("IF(")
            .not_before(time)
            .sql(" > UTC_TIMESTAMP(6), 2, 0),GREATEST(")
            .not_before(time)
            .sql(", UTC_TIMESTAMP(6) - INTERVAL ")
            .number(priority)
            .sql(" MINUTE)"),
    };
}

impl Script {
    /// Adds the time before which an event is not to be claimed.
    fn not_before(&mut self, time: NotBefore) -> &mut Self {
        match time {
            NotBefore::At(time) => self.time(time),
            NotBefore::Delay(seconds) => self.in_future(Duration::from_secs(seconds.into())),
        }
    }
}

fn traceparent(script: &mut Script, trace: Option<&TraceParent>) {
    match trace {
        Some(trace) => script.sql(",").text(trace.as_str()),
        None => script.sql(",NULL"),
    };
}

fn new_key(script: &mut Script, key: &NewKey<'_>, events: usize) {
    script.sql("(").bytes(key.name.as_bytes()).sql(",").bytes(&key.fingerprint);
    script
        .sql(",")
        .sql(LAST)
        .sql("-")
        .count(events - 1 - key.events.offset)
        .sql(",")
        .count(key.events.many)
        .sql(")");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::create::Creation;

    /// The statement for events of two creations.
    fn statement(traces: [Option<TraceParent>; 2]) -> String {
        let creations = traces.map(|trace| Creation::one(NewEvent::default()).with_trace(trace));
        let plan = Plan::new(&creations, Vec::new(), 100);
        let (mut script, mut after) = (Script::default(), plan.events.len());
        rows(&mut script, &plan, &plan.events, &mut after);
        script.into_text()
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
