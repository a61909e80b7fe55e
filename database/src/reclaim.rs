//! Frees the events of crashed consumers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::contention::Contention;
use crate::error::Error;
use crate::event::EventId;
use crate::event_key::KeyNumber;
use crate::keys::{Leaving, LockedNext, key_of_dead, leave};
use crate::lanes::{free, lane_of_type};
use crate::low_water_mark::LowWaterMark;
use crate::operations::OperationName;
use crate::owner::{Lease, MaxAttempts};
use crate::pulse::{UpdatePulse, steady};
use crate::session::{Operation, Session};
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};

/// Maximum number of claims that one call frees or gives up.
pub const LARGEST_RECLAIM: usize = 512;

/// The position of a released event: the one it had before, by its creation or its `not_before`. `GREATEST` of NULL is
/// NULL.
macro_rules! place {
    () => {
        "COALESCE(GREATEST(created_at - INTERVAL priority MINUTE, \
         COALESCE(not_before, created_at - INTERVAL priority MINUTE)), UTC_TIMESTAMP(6))"
    };
}
pub(crate) use place;

/// The result of a reclaim of expired leases.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Number of claims whose leases were renewed instead, because their owners may have been unable to extend them: the
    /// database was unavailable, its clock stepped, or no reclaimer was running. Nothing was reclaimed then.
    pub renewed: Option<usize>,
    /// Events that are free again.
    pub freed: Vec<EventId>,
    /// Events that were given up, because their consumers repeatedly crash or hang.
    pub dead: Vec<EventId>,
}

impl Session {
    /// Frees claimed events whose leases have expired, at most [`LARGEST_RECLAIM`] per call. Gives up those that have had as
    /// many attempts as their claim allows, or `max_attempts` if the claim does not state a limit.
    ///
    /// A claim without a lease belongs to a classic program. Its age is unknown, so its lease, `unknown_age`, begins when
    /// this method first sees it.
    ///
    /// Call this at least four times per `unknown_age`, the caller's own lease. A longer pause counts as an outage of the
    /// database, after which all leases begin again (`pulse.rs`).
    pub async fn reclaim(
        &mut self,
        mark: &mut LowWaterMark,
        unknown_age: Lease,
        max_attempts: MaxAttempts,
    ) -> Result<Reclaimed, Error> {
        let pulse = self.run(&UpdatePulse { lease: unknown_age }).await?;
        self.observe_clock(pulse.now);
        if pulse.renewed.is_some() {
            return Ok(Reclaimed { renewed: pulse.renewed, ..Reclaimed::default() });
        }
        let begun = Instant::now();
        let from = mark.start(begun);
        let reclaimed =
            self.run(&Reclaim { from, unknown_age, max_attempts, contention: self.contention() }).await;
        match &reclaimed {
            Ok(found) => mark.walked(from, found.took, found.last_due),
            Err(error) => mark.walk_failed(from, begun.elapsed(), error),
        }
        reclaimed.map(|found| found.reclaimed)
    }
}

struct Reclaim {
    from: Option<i64>,
    unknown_age: Lease,
    max_attempts: MaxAttempts,
    contention: Contention,
}

struct Found {
    reclaimed: Reclaimed,
    /// End of the last of the expired leases.
    last_due: Option<i64>,
    /// Duration of the locking read.
    took: Duration,
}

/// Selects the claims whose leases have expired, in the order of the index. Skips locked rows.
///
/// The pulse is a condition of the same statement, so that a frozen server that executes it late finds nothing.
pub(crate) fn overdue(from: Option<i64>, lease: Lease) -> SqlBatch {
    let mut select = SqlBatch::new(
        "START TRANSACTION; SELECT id, attempts, max_attempts, key_number, lease_until IS NULL AS unleased, \
         COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', due), 0) AS place \
         FROM Events FORCE INDEX (state_due) WHERE state = 1 AND due < UTC_TIMESTAMP(6) \
         AND (SELECT COUNT(*) FROM KeeperPulse WHERE ",
    );
    steady(&mut select, lease).sql(") > 0");
    select
        .starting_at(from)
        .sql(" ORDER BY due, id LIMIT ")
        .count(LARGEST_RECLAIM)
        .sql(" FOR UPDATE SKIP LOCKED");
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
        let mut keys = HashMap::new();
        for row in rows {
            let id = EventId::from_row(row.try_get("id")?);
            let most: Option<i32> = row.try_get("max_attempts")?;
            let most = most.map_or_else(|| i64::from(self.max_attempts.get()), i64::from);
            if row.try_get("unleased")? {
                unleased.push(id);
            } else if i64::from(row.try_get::<i32, _>("attempts")?) >= most {
                reclaimed.dead.push(id);
                if let Some(number) = row.try_get("key_number")? {
                    keys.insert(id, KeyNumber::from_row(number));
                }
            } else {
                reclaimed.freed.push(id);
            }
        }
        let mut batch = self.settle(&reclaimed, &unleased);
        if !keys.is_empty() {
            batch.execute(connection).await?;
            let leaving = Leaving::of_dead(keys, connection).await?;
            batch = leave(&leaving, LockedNext::Leave, &self.contention, connection).await?;
        }
        batch.sql(COMMIT);
        batch.execute(connection).await?;
        Ok(Found { reclaimed, last_due, took })
    }
}

impl Reclaim {
    /// Increments the token as well, which fences off the previous owner before another consumer claims the event.
    fn settle(&self, reclaimed: &Reclaimed, unleased: &[EventId]) -> SqlBatch {
        let mut batch = SqlBatch::default();
        if !reclaimed.freed.is_empty() {
            batch.sql(
                "UPDATE Events SET lease_until = NULL, lease_milliseconds = NULL, max_attempts = NULL, \
                 token = token + 1, \
                 lost_claims = lost_claims + 1, freed_at = UTC_TIMESTAMP(6), due = ",
            );
            batch.sql(place!()).sql(", processing = ").sql(free!()).sql(", lane = ").sql(lane_of_type!());
            batch.sql(" WHERE id IN (");
            batch.ids(&reclaimed.freed).sql("); ");
        }
        if !reclaimed.dead.is_empty() {
            batch.sql(
                "UPDATE Events SET processing = 3, lease_until = NULL, token = token + 1, key_number = ",
            );
            batch.sql(key_of_dead!()).sql(
                ", due = UTC_TIMESTAMP(6), done_at = UTC_TIMESTAMP(6), error = CONCAT('claimed ', attempts, \
                 ' times, the last time by ', COALESCE(owner, 'a program without leases'), ', which did not settle it in its lease') WHERE id IN (",
            );
            batch.ids(&reclaimed.dead).sql("); ");
        }
        if !unleased.is_empty() {
            // The row's owner is the one of an earlier claim, because a classic program does not set it.
            batch.sql("UPDATE Events SET owner = NULL, max_attempts = NULL, lease_milliseconds = NULL, lease_until = ");
            batch.in_future(self.unknown_age.0);
            batch.sql(", due = ").in_future(self.unknown_age.0).sql(" WHERE id IN (");
            batch.ids(unleased).sql("); ");
        }
        batch
    }
}
