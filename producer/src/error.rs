//! Why a request could not be served now.

use crate::storage::Full;

/// The service cannot do it at the moment; trying again later is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    /// More requests wait than the service takes on.
    #[error("the service has more requests than it can take on")]
    Overloaded,
    /// The database did not do it. The cause is in the log, not in the answer.
    #[error("the database is not available")]
    Database,
    /// No answer in time. It may have happened all the same.
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
