//! The database's clock beside this process's own, for those who are to delete by its word.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::SignedDuration;
use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;
use tracing::warn;

use crate::error::Error;
use crate::operations::OperationName;
use crate::script::Script;
use crate::session::{Operation, Session};
use crate::time::{NOW, microseconds};

/// What is no drift and no slow answer, but a step.
const STEP: Duration = Duration::from_secs(30);
/// How long nothing is deleted after a step.
const QUIET: Duration = Duration::from_mins(5);
/// How far the database's clock may be from this process's without anybody having seen it step.
const MOST_OFFSET: Duration = Duration::from_mins(5);

/// What this process has seen of the database's clock. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// The database's time in microseconds since 1970, and when that was.
    last: Option<(i64, Instant)>,
    last_step: Option<Instant>,
    /// The sum of all steps, in microseconds.
    stepped: i64,
}

/// A look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    /// How far it has stepped since the last look, in microseconds; 0 where that is no step.
    step: i64,
    /// How far it is before this process's clock, in microseconds.
    offset: i64,
    /// How far it has stepped forward since the process began, all steps together.
    ahead: Duration,
    quiet: bool,
}

impl Seen {
    fn look(&mut self, database: i64, now: Instant, wall: i64) -> Sight {
        let step = self.last.map_or(0, |(before, at)| {
            let went = microseconds(now.saturating_duration_since(at));
            Some(database.saturating_sub(before).saturating_sub(went))
                .filter(|step| step.unsigned_abs() > STEP.as_micros().try_into().unwrap_or(u64::MAX))
                .unwrap_or_default()
        });
        self.last = Some((database, now));
        if step != 0 {
            self.last_step = Some(now);
            self.stepped = self.stepped.saturating_add(step);
        }
        Sight {
            step,
            offset: database.saturating_sub(wall),
            ahead: crate::time::duration(self.stepped),
            quiet: self.last_step.is_some_and(|at| now.saturating_duration_since(at) < QUIET),
        }
    }
}

impl Session {
    /// The database's time by which something may be deleted that is `older_than`, in microseconds since 1970.
    ///
    /// Its clock must not have stepped lately, and agree with this process's. Where it has stepped forward, what was
    /// finished before looks older than it is: it is kept longer by as much.
    pub(crate) async fn cutoff(&mut self, older_than: Duration) -> Result<i64, Error> {
        let now = self.run(&ReadClock).await?;
        let sight = self.saw_clock(now);
        let offset = SignedDuration::from_micros(sight.offset);
        if sight.quiet {
            return Err(Error::ClockStepped { quiet: QUIET });
        }
        if offset.unsigned_abs() > MOST_OFFSET {
            return Err(Error::ClockDisagrees { seconds: offset.as_secs() });
        }
        Ok(now.saturating_sub(microseconds(older_than.saturating_add(sight.ahead))))
    }

    /// The database has just answered with its time, `database`. Shows that as metrics, and says when it has stepped.
    pub(crate) fn saw_clock(&self, database: i64) -> Sight {
        let wall = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default().as_microsecond();
        let seen = &self.database.clock.0;
        let sight = seen.lock().unwrap_or_else(PoisonError::into_inner).look(database, Instant::now(), wall);
        let offset_seconds = SignedDuration::from_micros(sight.offset).as_secs_f64();
        self.database.metrics.clock(offset_seconds, sight.step != 0);
        if sight.step != 0 {
            let step_seconds = SignedDuration::from_micros(sight.step).as_secs();
            warn!(
                step_seconds,
                offset_seconds,
                "the database's clock stepped by {step_seconds} s: nothing is removed for {} s",
                QUIET.as_secs()
            );
        }
        sight
    }
}

struct ReadClock;

impl Operation for ReadClock {
    const NAME: OperationName = OperationName::ReadClock;
    type Output = i64;

    async fn attempt(&self, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        let mut read = Script::new("SELECT ");
        read.sql(NOW).sql(" AS now");
        read.rows(connection).await?.first().ok_or(sqlx::Error::RowNotFound)?.try_get("now")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// Looks every ten seconds of a process whose own clock is right, at a clock that is so many seconds ahead.
    fn looks<const N: usize>(ahead: [i64; N]) -> [Sight; N] {
        let (mut seen, begun) = (Seen::default(), Instant::now());
        let mut wall = 1_795_000_000 * SECOND;
        let mut at = begun;
        ahead.map(|ahead| {
            at += Duration::from_secs(10);
            wall += 10 * SECOND;
            seen.look(wall + ahead * SECOND, at, wall)
        })
    }

    #[test]
    fn what_is_seen_first_is_no_step_and_neither_is_drift() {
        for sight in looks([1000, 1020, 1040, 1030]) {
            assert!(sight.step == 0 && !sight.quiet && sight.ahead.is_zero(), "{sight:?}");
        }
        assert_eq!(looks([-7])[0].offset, -7 * SECOND);
    }

    #[test]
    fn what_a_forward_step_adds_to_the_age_of_events_is_known_until_it_is_taken_back() {
        let day = 86_400;
        let [_, forward, still, back] = looks([0, day, day, 0]);
        assert_eq!((forward.step, forward.ahead.as_secs(), forward.quiet), (day * SECOND, 86_400, true));
        assert_eq!((still.step, still.ahead.as_secs(), still.quiet), (0, 86_400, true));
        assert_eq!((back.step, back.ahead.as_secs(), back.quiet), (-day * SECOND, 0, true));
    }

    #[test]
    fn after_a_step_it_is_quiet_for_a_while() {
        let mut ahead = [60; 40];
        ahead[0] = 0;
        let looks = looks(ahead);
        assert!(looks[1..=30].iter().all(|sight| sight.quiet));
        assert!(looks[31..].iter().all(|sight| !sight.quiet));
    }
}
