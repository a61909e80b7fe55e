//! The reclaimers' pulse, which shows whether the database was continuously available.
//!
//! A lease expires although its owner cannot extend it while the database is unavailable, and also if the database's clock
//! steps forward. Therefore reclaimers store the time of their last check. A reclaimer that finds a gap renews the leases of all
//! claims before any of them may be reclaimed: their owners return and settle them, and claims without an owner are
//! reclaimed one lease later. The pulse is stored in the database, so that a newly started reclaimer also notices a gap.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::event::EventId;
use crate::operations::OperationName;
use crate::owner::Lease;
use crate::session::Operation;
use crate::sql_batch::{COMMIT, HOLD, SqlBatch};
use crate::time::{NOW, milliseconds};

/// Shortest pause between two checks that counts as a gap. A busy machine may delay a program by as much.
const SHORTEST_GAP: Duration = Duration::from_secs(1);
/// Number of claims that one statement renews.
const PIECE: usize = 4096;

/// Returns the longest pause that is not a gap, in milliseconds. Owners extend their leases when half of them remains.
fn tolerance(lease: Lease) -> i64 {
    milliseconds((lease.0 / 2).max(SHORTEST_GAP))
}

/// Adds a condition on the pulse: no gap precedes this moment, and the clock did not step back.
pub(crate) fn steady(batch: &mut SqlBatch, lease: Lease) -> &mut SqlBatch {
    batch.sql("seen_at BETWEEN UTC_TIMESTAMP(6) - INTERVAL LEAST(tolerance_milliseconds, ");
    batch.number(tolerance(lease)).sql(") * 1000 MICROSECOND AND UTC_TIMESTAMP(6) + INTERVAL 1 SECOND")
}

/// Updates the pulse, and renews all leases after a gap.
pub(crate) struct UpdatePulse {
    pub(crate) lease: Lease,
}

/// The result of an update of the pulse.
pub(crate) struct Pulse {
    /// The database's time, in microseconds since 1970.
    pub(crate) now: i64,
    /// Number of renewed leases if there was a gap.
    pub(crate) renewed: Option<usize>,
}

impl Operation for UpdatePulse {
    const NAME: OperationName = OperationName::UpdatePulse;
    type Output = Pulse;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Pulse, sqlx::Error> {
        let rows = self.beat().rows(connection).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let now = row.try_get("now")?;
        if row.try_get("steady")? {
            return Ok(Pulse { now, renewed: None });
        }
        if row.try_get("missing")? {
            SqlBatch::new(
                "INSERT IGNORE INTO KeeperPulse (seen_at, tolerance_milliseconds) VALUES ('1970-01-01', 0)",
            )
            .execute(connection)
            .await?;
        }
        let renewed = self.renew_all(connection).await?;
        Ok(Pulse { now, renewed })
    }
}

impl UpdatePulse {
    /// Updates a steady pulse if it is older than a quarter of its tolerance or has a larger one. Selects whether it is steady.
    fn beat(&self) -> SqlBatch {
        let tolerance = tolerance(self.lease);
        let mut batch =
            SqlBatch::new("UPDATE KeeperPulse SET tolerance_milliseconds = LEAST(tolerance_milliseconds, ");
        batch.number(tolerance).sql("), seen_at = UTC_TIMESTAMP(6) WHERE ");
        steady(&mut batch, self.lease).sql(" AND (tolerance_milliseconds > ").number(tolerance);
        batch.sql(" OR seen_at < UTC_TIMESTAMP(6) - INTERVAL ").number(tolerance * 250);
        batch.sql(" MICROSECOND); SELECT ").sql(NOW).sql(" AS now, COUNT(*) = 0 AS missing, COALESCE(MAX(");
        steady(&mut batch, self.lease).sql("), 0) AS steady FROM KeeperPulse");
        batch
    }

    /// Renews all leases. Updates the pulse first: an outage before the commit is then another gap. Locked rows are skipped,
    /// because they are being settled or extended.
    async fn renew_all(&self, connection: &mut MySqlConnection) -> Result<Option<usize>, sqlx::Error> {
        let mut pulse = SqlBatch::new(
            "START TRANSACTION; UPDATE KeeperPulse SET seen_at = UTC_TIMESTAMP(6), tolerance_milliseconds = ",
        );
        steady(pulse.number(tolerance(self.lease)).sql(" WHERE NOT ("), self.lease).sql("); ").sql(HOLD);
        if pulse.execute(connection).await?.rows_affected() == 0 {
            // Another reclaimer was faster and has committed.
            return SqlBatch::new(COMMIT).execute(connection).await.map(|_| None);
        }
        let claims = SqlBatch::new(
            "SELECT id FROM Events FORCE INDEX (state_due) WHERE state = 1 FOR UPDATE SKIP LOCKED",
        );
        let rows = claims.rows(connection).await?;
        let ids = rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?)));
        let ids: Vec<EventId> = ids.collect::<Result<_, sqlx::Error>>()?;
        for piece in ids.chunks(PIECE) {
            self.renew(piece).execute(connection).await?;
        }
        SqlBatch::new(COMMIT).execute(connection).await?;
        Ok(Some(ids.len()))
    }

    /// Renews leases. A lease of unknown length becomes at least as long as this reclaimer's, and at most a day.
    fn renew(&self, ids: &[EventId]) -> SqlBatch {
        let mut batch = SqlBatch::new(
            "UPDATE Events SET due = IF(lease_milliseconds IS NULL, GREATEST(LEAST(due, UTC_TIMESTAMP(6) + INTERVAL 1 DAY), ",
        );
        batch.in_future(self.lease.0);
        batch.sql(
            "), UTC_TIMESTAMP(6) + INTERVAL lease_milliseconds * 1000 MICROSECOND), lease_until = due WHERE id IN (",
        );
        batch.ids(ids).sql(")");
        batch
    }
}
