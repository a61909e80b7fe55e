//! Why a request could not be served now.

use eventpipeline_database::{Error, Outcome};

use crate::storage::Full;

/// The service cannot do it at the moment; trying again later is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// More requests wait than the service takes on.
    #[error("the service has more requests than it can take on")]
    Overloaded,
    /// The database did not do it, and will not. The cause is in the log, not in the answer.
    #[error("the database is not available; nothing was done")]
    Database,
    /// The same, because of a transaction that is not ours. Whose is in the log.
    #[error(
        "another transaction has locked the counter of events (the row of DBStatus) in the database; nothing was done"
    )]
    CounterHeld,
    /// No answer, or none in time. It may have happened all the same.
    #[error("the database gave no answer in time; the request may or may not have taken effect")]
    Late,
    /// No room for further events.
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
            return Full { room: None }.into();
        }
        match (failure, failure.outcome()) {
            (Error::CounterHeld { .. }, _) => Self::CounterHeld,
            (_, Outcome::NotDone) => Self::Database,
            (_, Outcome::Unknown) => Self::Late,
        }
    }
}
