//! Whether the database was there all along, so that a claim whose lease is over is one that its owner has abandoned.
//!
//! A lease runs on while the database is away, when nobody can extend it, and ends at once when the database's clock steps
//! forward. So keepers leave a pulse: the time of their last look. Whoever finds a gap in it begins the leases of all
//! claims anew before anybody may free one: their owners come back and settle them, and what has no owner is freed one lease
//! later. The pulse is in the database, so that a keeper that was started a moment ago knows of a gap, too.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;

use crate::claim::Lease;
use crate::event::EventId;
use crate::operations::OperationName;
use crate::script::{COMMIT, HOLD, Script};
use crate::session::Operation;
use crate::time::{NOW, milliseconds};

/// The shortest pause between looks that counts as a gap. A busy machine keeps a program waiting as long.
const SHORTEST_GAP: Duration = Duration::from_secs(1);
/// Claims of which one statement begins the leases anew.
const PIECE: usize = 4096;

/// How long nobody may have looked. Owners extend their leases when half of them is left at the latest.
fn tolerance(lease: Lease) -> i64 {
    milliseconds((lease.0 / 2).max(SHORTEST_GAP))
}

/// Adds a condition on the pulse: there is no gap before this moment, and the clock did not step back behind it.
pub(crate) fn steady(script: &mut Script, lease: Lease) -> &mut Script {
    script.sql("seen_at BETWEEN UTC_TIMESTAMP(6) - INTERVAL LEAST(tolerance_milliseconds, ");
    script.number(tolerance(lease)).sql(") * 1000 MICROSECOND AND UTC_TIMESTAMP(6) + INTERVAL 1 SECOND")
}

/// Leaves a pulse.
pub(crate) struct KeepPulse {
    pub(crate) lease: Lease,
}

/// What was found of it.
pub(crate) struct Pulse {
    /// The database's time, in microseconds since 1970.
    pub(crate) now: i64,
    /// How many leases were begun anew, where there was a gap.
    pub(crate) renewed: Option<usize>,
}

impl Operation for KeepPulse {
    const NAME: OperationName = OperationName::KeepPulse;
    type Output = Pulse;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<Pulse, sqlx::Error> {
        let rows = self.beat().rows(connection).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let now = row.try_get("now")?;
        if row.try_get("steady")? {
            return Ok(Pulse { now, renewed: None });
        }
        if row.try_get("missing")? {
            Script::new(
                "INSERT IGNORE INTO KeeperPulse (seen_at, tolerance_milliseconds) VALUES ('1970-01-01', 0)",
            )
            .execute(connection)
            .await?;
        }
        let renewed = self.begin_anew(connection).await?;
        Ok(Pulse { now, renewed })
    }
}

impl KeepPulse {
    /// Moves a steady pulse on where it is a quarter of its tolerance old or has a larger one, and tells whether it is steady.
    fn beat(&self) -> Script {
        let tolerance = tolerance(self.lease);
        let mut script =
            Script::new("UPDATE KeeperPulse SET tolerance_milliseconds = LEAST(tolerance_milliseconds, ");
        script.number(tolerance).sql("), seen_at = UTC_TIMESTAMP(6) WHERE ");
        steady(&mut script, self.lease).sql(" AND (tolerance_milliseconds > ").number(tolerance);
        script.sql(" OR seen_at < UTC_TIMESTAMP(6) - INTERVAL ").number(tolerance * 250);
        script.sql(" MICROSECOND); SELECT ").sql(NOW).sql(" AS now, COUNT(*) = 0 AS missing, COALESCE(MAX(");
        steady(&mut script, self.lease).sql("), 0) AS steady FROM KeeperPulse");
        script
    }

    /// The pulse is moved first: if the database is away once more before the commit, that is a gap again. Rows that are
    /// locked are being settled or extended.
    async fn begin_anew(&self, connection: &mut MySqlConnection) -> Result<Option<usize>, sqlx::Error> {
        let mut pulse = Script::new(
            "START TRANSACTION; UPDATE KeeperPulse SET seen_at = UTC_TIMESTAMP(6), tolerance_milliseconds = ",
        );
        steady(pulse.number(tolerance(self.lease)).sql(" WHERE NOT ("), self.lease).sql("); ").sql(HOLD);
        if pulse.execute(connection).await?.rows_affected() == 0 {
            // Another keeper was faster, and has committed.
            return Script::new(COMMIT).execute(connection).await.map(|_| None);
        }
        let claims = Script::new(
            "SELECT id FROM Events FORCE INDEX (state_due) WHERE state = 1 FOR UPDATE SKIP LOCKED",
        );
        let rows = claims.rows(connection).await?;
        let ids = rows.iter().map(|row| Ok(EventId::from_row(row.try_get("id")?)));
        let ids: Vec<EventId> = ids.collect::<Result<_, sqlx::Error>>()?;
        for piece in ids.chunks(PIECE) {
            self.renew(piece).execute(connection).await?;
        }
        Script::new(COMMIT).execute(connection).await?;
        Ok(Some(ids.len()))
    }

    /// Of a program that does not say how long its leases are, each has this keeper's at the least, and a day at the most.
    fn renew(&self, ids: &[EventId]) -> Script {
        let mut script = Script::new(
            "UPDATE Events SET due = IF(lease_milliseconds IS NULL, GREATEST(LEAST(due, UTC_TIMESTAMP(6) + INTERVAL 1 DAY), ",
        );
        script.in_future(self.lease.0);
        script.sql(
            "), UTC_TIMESTAMP(6) + INTERVAL lease_milliseconds * 1000 MICROSECOND), lease_until = due WHERE id IN (",
        );
        script.ids(ids).sql(")");
        script
    }
}
