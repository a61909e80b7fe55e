//! Calls that read and write Leases.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::core::Status;
use tokio::time::timeout;

/// Timeout of a call.
const LIMIT: Duration = Duration::from_secs(5);

/// Reason why a Lease could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to {action} the Lease")]
    Call { action: &'static str, source: Box<kube::Error> },
    #[error("failed to {action} the Lease: no answer within {} s", LIMIT.as_secs())]
    Timeout { action: &'static str },
}

impl Error {
    /// Returns whether the Lease may have been written despite the error.
    pub(super) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Call { action, source } => {
                *action != "read" && !matches!(source.as_ref(), kube::Error::Api(status) if status.code < 500)
            }
            Self::Timeout { action } => *action != "read",
        }
    }

    pub(super) fn is(&self, reason: impl Fn(&Status) -> bool) -> bool {
        matches!(self, Self::Call { source, .. } if matches!(source.as_ref(), kube::Error::Api(status) if reason(status)))
    }
}

/// Runs a call within the timeout. `action` is the verb in error messages.
pub(super) async fn call<T>(
    action: &'static str,
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match timeout(LIMIT, call).await {
        Ok(result) => result.map_err(|source| Error::Call { action, source: Box::new(source) }),
        Err(_) => Err(Error::Timeout { action }),
    }
}

/// Turns a lost race for the Lease into `None`.
pub(super) fn won(written: Result<Lease, Error>) -> Result<Option<Lease>, Error> {
    match written {
        Ok(lease) => Ok(Some(lease)),
        Err(error) if error.is(|status| status.code == 409) => Ok(None),
        Err(error) => Err(error),
    }
}
