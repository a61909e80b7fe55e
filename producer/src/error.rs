//! Reasons why a request cannot be served now.

use eventpipeline_database::{Error, Outcome};
use eventpipeline_service::error_chain;
use tracing::error;

use crate::storage::Full;

/// The result of a request to the database.
pub(crate) type Answer<T> = Result<T, Unavailable>;

/// The service cannot serve the request now. The client may retry later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// Too many requests are being served.
    #[error("the service has more requests than it can handle")]
    Overloaded,
    /// The database did nothing and will not. Only the log has the cause.
    #[error("the database is not available; nothing was done")]
    Database,
    /// Another client's transaction has locked the event counter. The log names that client.
    #[error(
        "another transaction has locked the event counter (the row of DBStatus, or rows of IdBlocks) in the database; nothing was done"
    )]
    CounterLocked,
    /// The database's clock stepped, or differs from this program's, so that the age of events is uncertain.
    #[error(
        "the database's clock stepped within the last five minutes, or differs from the producer's by more than five minutes, \
         so the age of events is uncertain; nothing was removed"
    )]
    ClockUncertain,
    /// The database did not answer, or not in time. The request may have taken effect.
    #[error("the database did not answer in time; the request may or may not have taken effect")]
    Timeout,
    /// The database has no space for more events.
    #[error("the database's storage is full")]
    Full(Full),
}

impl From<Full> for Unavailable {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl From<&Error> for Unavailable {
    fn from(failure: &Error) -> Self {
        if failure.is_storage_full() {
            return Full { space: None }.into();
        }
        match (failure, failure.outcome()) {
            (Error::CounterHeld { .. }, _) => Self::CounterLocked,
            (Error::ClockStepped { .. } | Error::ClockDisagrees { .. }, _) => Self::ClockUncertain,
            (_, Outcome::NotDone) => Self::Database,
            (_, Outcome::Unknown) => Self::Timeout,
        }
    }
}

/// Converts the result of a read. Logs the cause of a failure, which clients do not see.
pub(crate) fn answer_to_read<T>(result: Result<T, Error>) -> Answer<T> {
    result.map_err(|failure| {
        error!(error = error_chain(&failure), "failed to read from the database");
        Unavailable::Database
    })
}

/// Converts the result of a change, which may have taken effect even if it failed. Logs the cause of a failure.
pub(crate) fn answer_to_change<T>(result: Result<T, Error>) -> Answer<T> {
    result.map_err(|failure| {
        let answer = Unavailable::from(&failure);
        error!(error = error_chain(&failure), "failed to change events: {answer}");
        answer
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_uncertain_clock_is_distinguished_from_an_unavailable_database() {
        for failure in [
            Error::ClockStepped { quiet: Duration::from_mins(5) },
            Error::ClockDisagrees { seconds: -864_000 },
        ] {
            assert_eq!(Unavailable::from(&failure), Unavailable::ClockUncertain);
        }
    }
}
