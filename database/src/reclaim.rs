//! Freeing what crashed consumers left locked.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::claim::Lease;
use crate::error::Error;
use crate::event::EventId;
use crate::mark::LowWaterMark;
use crate::operations::OperationName;
use crate::pulse::{KeepPulse, steady};
use crate::script::{COMMIT, HOLD, Script};
use crate::session::{Operation, Session};

/// The most claims that one call frees or gives up.
pub const LARGEST_RECLAIM: usize = 512;

/// Where an event stands in line that was given back: where it stood before, by its creation or its own time. `GREATEST` of
/// NULL is NULL.
macro_rules! place {
    () => {
        "COALESCE(GREATEST(created_at - INTERVAL priority MINUTE, \
         COALESCE(not_before, created_at - INTERVAL priority MINUTE)), UTC_TIMESTAMP(6))"
    };
}
pub(crate) use place;

/// How often an event is tried before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAttempts(NonZeroU32);

impl MaxAttempts {
    /// `None` for 0: an event is tried at least once.
    pub fn new(attempts: u32) -> Option<Self> {
        NonZeroU32::new(attempts).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// What became of claims whose lease has run out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// How many claims got a whole lease anew instead, because their owners may have had no way to extend it: the database
    /// was away, or its clock has stepped, or no keeper has looked. Nothing was reclaimed then.
    pub renewed: Option<usize>,
    /// Free again.
    pub freed: Vec<EventId>,
    /// Given up: whoever claims them dies or freezes.
    pub dead: Vec<EventId>,
}

impl Session {
    /// Frees claimed events whose lease has run out, up to [`LARGEST_RECLAIM`] at a time, and gives up those that were tried
    /// as often as their claim allows, or `max_attempts` times where it does not say.
    ///
    /// A claim without a lease is one of a program that knows only the classic columns. Nobody knows when it was made,
    /// so that its lease, `unknown_age`, begins the first time it is seen here.
    ///
    /// A keeper calls this each quarter of its lease, `unknown_age`, at least. Longer pauses count as ones in which the
    /// database was away, after which all leases begin anew (`pulse.rs`).
    pub async fn reclaim(
        &mut self,
        mark: &mut LowWaterMark,
        unknown_age: Lease,
        max_attempts: MaxAttempts,
    ) -> Result<Reclaimed, Error> {
        let pulse = self.run(&KeepPulse { lease: unknown_age }).await?;
        self.saw_clock(pulse.now);
        if pulse.renewed.is_some() {
            return Ok(Reclaimed { renewed: pulse.renewed, ..Reclaimed::default() });
        }
        let begun = Instant::now();
        let from = mark.start(begun);
        let reclaimed = self.run(&Reclaim { from, unknown_age, max_attempts }).await;
        match &reclaimed {
            Ok(found) => mark.walked(from, found.took, found.last_due),
            Err(error) => mark.not_walked(from, begun.elapsed(), error),
        }
        reclaimed.map(|found| found.reclaimed)
    }
}

struct Reclaim {
    from: Option<i64>,
    unknown_age: Lease,
    max_attempts: MaxAttempts,
}

struct Found {
    reclaimed: Reclaimed,
    /// The end of the last of the leases.
    last_due: Option<i64>,
    /// How long it took to find them.
    took: Duration,
}

/// The claims whose lease is over. The order is the index's; rows in use are skipped.
///
/// The pulse is a condition of the same statement: one that a frozen server executes after its pause finds nothing.
pub(crate) fn overdue(from: Option<i64>, lease: Lease) -> Script {
    let mut select = Script::new(
        "START TRANSACTION; SELECT id, attempts, max_attempts, lease_until IS NULL AS unleased, \
         COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place \
         FROM Events FORCE INDEX (state_due) WHERE state = 1 AND due < UTC_TIMESTAMP(6) \
         AND (SELECT COUNT(*) FROM KeeperPulse WHERE ",
    );
    steady(&mut select, lease).sql(") > 0");
    select.behind(from).sql(" ORDER BY due, id LIMIT ").count(LARGEST_RECLAIM).sql(" FOR UPDATE SKIP LOCKED");
    select
}

impl Operation for Reclaim {
    const NAME: OperationName = OperationName::Reclaim;
    type Output = Found;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Found, sqlx::Error> {
        let begun = Instant::now();
        let mut select = overdue(self.from, self.unknown_age);
        select.sql("; ").sql(HOLD);
        let rows = select.rows(connection).await?;
        let took = begun.elapsed();
        let last_due = rows.last().map(|row| row.try_get("place")).transpose()?;
        let mut unleased = Vec::new();
        let mut reclaimed = Reclaimed::default();
        for row in rows {
            let id = EventId::from_row(row.try_get("id")?);
            let most: Option<i32> = row.try_get("max_attempts")?;
            let most = most.map_or_else(|| i64::from(self.max_attempts.get()), i64::from);
            if row.try_get("unleased")? {
                unleased.push(id);
            } else if i64::from(row.try_get::<i32, _>("attempts")?) >= most {
                reclaimed.dead.push(id);
            } else {
                reclaimed.freed.push(id);
            }
        }
        self.settle(&reclaimed, &unleased).execute(connection).await?;
        Ok(Found { reclaimed, last_due, took })
    }
}

impl Reclaim {
    /// The token grows too, so that whoever held an event is fenced off before anybody else claims it.
    fn settle(&self, reclaimed: &Reclaimed, unleased: &[EventId]) -> Script {
        let mut script = Script::default();
        if !reclaimed.freed.is_empty() {
            script.sql(
                "UPDATE Events SET processing = 0, lease_until = NULL, lease_milliseconds = NULL, max_attempts = NULL, \
                 token = token + 1, \
                 lost_claims = lost_claims + 1, freed_at = UTC_TIMESTAMP(6), due = ",
            );
            script.sql(place!()).sql(" WHERE id IN (");
            script.ids(&reclaimed.freed).sql("); ");
        }
        if !reclaimed.dead.is_empty() {
            script.sql(
                "UPDATE Events SET processing = 3, lease_until = NULL, token = token + 1, \
                 due = UTC_TIMESTAMP(6), done_at = UTC_TIMESTAMP(6), error = CONCAT('claimed ', attempts, \
                 ' times, the last time by ', COALESCE(owner, 'a program without leases'), ', which did not settle it in its lease') WHERE id IN (",
            );
            script.ids(&reclaimed.dead).sql("); ");
        }
        if !unleased.is_empty() {
            // Whoever has claimed it knows no owner either: the one that stands there claimed it before.
            script.sql("UPDATE Events SET owner = NULL, max_attempts = NULL, lease_milliseconds = NULL, lease_until = ");
            script.in_future(self.unknown_age.0);
            script.sql(", due = ").in_future(self.unknown_age.0).sql(" WHERE id IN (");
            script.ids(unleased).sql("); ");
        }
        script.sql(COMMIT);
        script
    }
}
