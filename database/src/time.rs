//! The database's clock, in microseconds since 1970 (UTC).

use std::time::Duration;

use jiff::Timestamp;

use crate::script::Script;

/// The database's time, as microseconds.
pub(crate) const NOW: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

impl Script {
    /// Adds a point in time, as a `DATETIME(6)` in UTC.
    pub(crate) fn time(&mut self, time: Timestamp) -> &mut Self {
        self.time_at(time.as_microsecond())
    }

    /// Adds a point in time that was read as microseconds.
    pub(crate) fn time_at(&mut self, microseconds: i64) -> &mut Self {
        self.sql("TIMESTAMP'1970-01-01 00:00:00' + INTERVAL ").number(microseconds).sql(" MICROSECOND")
    }

    /// Adds a condition: `due` is at a place that was read, or behind it. None for the start.
    pub(crate) fn behind(&mut self, place: Option<i64>) -> &mut Self {
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

/// As SQL's intervals take it.
pub(crate) fn microseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// As columns hold durations that need not be exact.
pub(crate) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i32::MAX.into())
}

/// A duration that was read as microseconds; none where the clock went backwards.
pub(crate) fn duration(microseconds: i64) -> Duration {
    Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
}

/// A time that was read as microseconds. The column's range is some hours wider than the type's, whose ends stand for what is
/// beyond them: one row of another program must not make a page unreadable.
pub(crate) fn timestamp(microseconds: i64) -> Timestamp {
    let nearest = if microseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microseconds).unwrap_or(nearest)
}
