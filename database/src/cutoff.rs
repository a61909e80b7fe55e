//! The completion time before which events may be removed, if the database's clock can be trusted.

use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;
use tracing::warn;

use crate::clock::{Observation, QUIET};
use crate::error::Error;
use crate::operations::OperationName;
use crate::session::{Operation, Session};
use crate::sql_batch::SqlBatch;
use crate::time::{NOW, microseconds};

/// Largest tolerated difference between the database's clock and this process's.
const MAX_OFFSET: Duration = Duration::from_mins(5);

impl Session {
    /// Returns the time, in microseconds since 1970, before which an event must have been finished to be `older_than`.
    ///
    /// The database's clock must not have stepped recently, and must agree with this process's. After a step forward,
    /// events that were finished before it seem older than they are. They are kept longer by the length of the step.
    ///
    /// # Errors
    /// Returns [`Error::ClockStepped`] or [`Error::ClockDisagrees`] if the clock cannot be trusted.
    pub(crate) async fn cutoff(&mut self, older_than: Duration) -> Result<i64, Error> {
        let now = self.run(&ReadClock).await?;
        let observation = self.observe_clock(now);
        if observation.quiet {
            return Err(Error::ClockStepped { quiet: QUIET });
        }
        let offset = SignedDuration::from_micros(observation.offset);
        if offset.unsigned_abs() > MAX_OFFSET {
            return Err(Error::ClockDisagrees { seconds: offset.as_secs() });
        }
        Ok(now.saturating_sub(microseconds(older_than.saturating_add(observation.ahead))))
    }

    /// Records the database's time, with which it has just answered. Exports it as metrics and logs steps.
    pub(crate) fn observe_clock(&self, database: i64) -> Observation {
        let wall = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default().as_microsecond();
        let observation = self.database.clock.observe(database, wall);
        let offset_seconds = SignedDuration::from_micros(observation.offset).as_secs_f64();
        self.database.metrics.clock(offset_seconds, observation.step != 0);
        if observation.step != 0 {
            let step_seconds = SignedDuration::from_micros(observation.step).as_secs();
            warn!(
                step_seconds,
                offset_seconds,
                "the database's clock stepped by {step_seconds} s: nothing is removed for {} s",
                QUIET.as_secs()
            );
        }
        observation
    }
}

struct ReadClock;

impl Operation for ReadClock {
    const NAME: OperationName = OperationName::ReadClock;
    type Output = i64;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        let mut read = SqlBatch::new("SELECT ");
        read.sql(NOW).sql(" AS now");
        read.rows(connection).await?.first().ok_or(sqlx::Error::RowNotFound)?.try_get("now")
    }
}
