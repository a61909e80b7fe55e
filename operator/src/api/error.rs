//! Errors of calls, and what they mean for the next attempt.

use kube::core::Status;

use super::LIMIT;

/// Cause of a refusal, `NamespaceTerminatingCause` in k8s.io/api/core/v1.
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server returned an error status.
    #[error("failed to {action}: {}", status.message)]
    Refused { action: String, status: Box<Status> },
    /// The API server could not be reached, or its response could not be read.
    #[error("failed to {action}")]
    Request { action: String, source: Box<kube::Error> },
    /// Another operator leads now.
    #[error("failed to {action}: this operator does not lead")]
    NotLeader { action: String },
    /// The API server did not answer in time.
    #[error("failed to {action}: no answer within {} s", LIMIT.as_secs())]
    Timeout { action: String },
}

/// Meaning of a failed call for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same call would be refused again until something is changed.
    Refused,
    /// The same call may succeed later, and other calls may succeed now.
    Later,
    /// The API server is unreachable or overloaded. Other calls would fail as well.
    Away,
}

impl Error {
    /// Returns what the error means for the next attempt.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { status, .. } => match status.code {
                // Too many requests, or a request that arrived too slowly.
                408 | 429 => Verdict::Away,
                _ if self.conflict() => Verdict::Later,
                400..500 => Verdict::Refused,
                // For example, an admission webhook does not answer.
                _ => Verdict::Later,
            },
            // The cause may be an admission webhook for this kind.
            Self::Timeout { .. } => Verdict::Later,
            Self::Request { .. } | Self::NotLeader { .. } => Verdict::Away,
        }
    }

    /// Returns whether the object has another UID or version than expected.
    pub(crate) fn conflict(&self) -> bool {
        let names_uid = |status: &Status| {
            let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
            status.code == 422 && causes.iter().any(|cause| cause.field == "metadata.uid")
        };
        self.is(|status| status.code == 409 || names_uid(status))
    }

    /// Returns the error status, if the API server returned one.
    pub(crate) fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Returns whether an apply without force failed because another manager owns the field with another
    /// value.
    pub(super) fn owned_by_others(&self) -> bool {
        self.is(|status| {
            let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
            status.code == 409 && causes.iter().any(|cause| cause.reason == "FieldManagerConflict")
        })
    }

    pub(super) fn is(&self, reason: impl Fn(&Status) -> bool) -> bool {
        matches!(self, Self::Refused { status, .. } if reason(status))
    }

    /// Returns whether the namespace is being deleted. It accepts no new objects.
    pub(crate) fn namespace_is_terminating(&self) -> bool {
        self.is(|status| {
            let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
            causes.iter().any(|cause| cause.reason == NAMESPACE_TERMINATING)
        })
    }

    /// Returns whether the object does not exist.
    pub(crate) fn not_found(&self) -> bool {
        // A server that does not know the path at all answers without a reason, so only the code counts.
        self.is(|status| status.code == 404)
    }

    /// Returns whether the API server does not serve the kind, because its definition is not installed.
    pub(crate) fn not_served(&self) -> bool {
        // The details name a missing object or namespace.
        self.is(|status| status.code == 404 && status.details.as_ref().is_none_or(|it| it.kind.is_empty()))
    }
}
