//! Decides whether a failed operation is retried, and after which pause.

use std::time::Duration;

use super::{OPERATION_LIMIT, Operation};
use crate::error::{Error, Unusable, number, number_of};

/// Period during which a transaction is retried that MySQL rolled back because of locks.
const LOCK_RETRIES: Duration = OPERATION_LIMIT;
/// Longest pause before such a retry. Random pauses keep the same transactions from colliding again.
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// Period during which a patient operation is retried that a demoted server refused.
const MOVE_RETRIES: Duration = Duration::from_secs(8);
/// Longest pause before such a retry.
const MOVE_PAUSE: Duration = Duration::from_millis(200);

/// Returns the longest pause before the next attempt of an operation that has run for `elapsed`, or `None` if it must not
/// be retried.
pub(super) fn pause<O: Operation>(failure: &Error, elapsed: Duration) -> Option<Duration> {
    let number = match failure {
        Error::Unusable { why: Unusable::ReadOnly, .. } => return after_move::<O>(elapsed),
        Error::Query { source, .. } => number_of(source)?,
        _ => return None,
    };
    match number {
        number::LOCK_WAIT_TIMEOUT if !O::RETRIES_LOCK_WAITS => None,
        number if number::is_conflict(number) => (elapsed < LOCK_RETRIES).then_some(LOCK_PAUSE),
        number if number::is_demotion(number) || number::is_loss(number) => after_move::<O>(elapsed),
        _ => None,
    }
}

fn after_move<O: Operation>(elapsed: Duration) -> Option<Duration> {
    (O::PATIENT && elapsed < MOVE_RETRIES).then_some(MOVE_PAUSE)
}

/// Returns whether an error shows that this server is not, or no longer, the primary.
pub(super) fn must_leave_server(source: &sqlx::Error) -> bool {
    match source {
        sqlx::Error::Io(_) => true,
        _ => number_of(source).is_some_and(number::is_demotion),
    }
}
