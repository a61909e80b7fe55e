//! Times of the database's clock, in microseconds since 1970 (UTC).

use std::time::Duration;

use jiff::Timestamp;

use crate::sql_batch::SqlBatch;

/// The database's time in microseconds.
pub(crate) const NOW: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

impl SqlBatch {
    /// Adds a time as a `DATETIME(6)` in UTC.
    pub(crate) fn time(&mut self, time: Timestamp) -> &mut Self {
        self.time_at(time.as_microsecond())
    }

    /// Adds a time that was read in microseconds.
    pub(crate) fn time_at(&mut self, microseconds: i64) -> &mut Self {
        self.sql("TIMESTAMP'1970-01-01 00:00:00' + INTERVAL ").number(microseconds).sql(" MICROSECOND")
    }

    /// Adds a condition: `due` is at or after a position that was read. Adds none for `None`.
    pub(crate) fn starting_at(&mut self, place: Option<i64>) -> &mut Self {
        match place {
            Some(place) => self.sql(" AND due >= ").time_at(place),
            None => self,
        }
    }

    /// Adds the time that is `later` than now.
    pub(crate) fn in_future(&mut self, later: Duration) -> &mut Self {
        self.sql("UTC_TIMESTAMP(6) + INTERVAL ").number(microseconds(later)).sql(" MICROSECOND")
    }
}

/// Converts a duration for SQL's intervals.
pub(crate) fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Converts a duration for columns that need no higher precision.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i32::MAX.into())
}

/// Converts a duration that was read in microseconds; zero if the clock went backwards.
pub(crate) fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
}

/// Converts a time that was read in microseconds. The column's range exceeds the type's by some hours; times in these hours
/// become the type's limits, so that a row of another program cannot make a page unreadable.
pub(crate) fn timestamp(microseconds: i64) -> Timestamp {
    let nearest = if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microseconds).unwrap_or(nearest)
}
