//! Calls that failed, and what that means for the next try.

use kube::core::Status;

use super::LIMIT;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The API server says no.
    #[error("failed to {action}: {}", status.message)]
    Refused { action: String, status: Box<Status> },
    /// The API server could not be asked or understood.
    #[error("failed to {action}")]
    Request { action: String, source: Box<kube::Error> },
    /// Another operator works now.
    #[error("failed to {action}: this operator does not lead")]
    NotLeader { action: String },
    /// The API server did not answer in time.
    #[error("failed to {action}: no answer within {} s", LIMIT.as_secs())]
    Timeout { action: String },
}

/// What a failed call means for the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same call would be refused again: somebody must change something.
    Refused,
    /// The same call may succeed later, and other calls may succeed now.
    Later,
    /// The API server is away or busy: other calls would fare no better.
    Away,
}

impl Error {
    /// Whether the call was refused, or only failed this time.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Refused { status, .. } => match status.code {
                // Too many requests, or a request that arrived too slowly.
                408 | 429 => Verdict::Away,
                _ if self.conflict() => Verdict::Later,
                400..500 => Verdict::Refused,
                // Such as an admission webhook that does not answer.
                _ => Verdict::Later,
            },
            // May be an admission webhook of this kind of object.
            Self::Timeout { .. } => Verdict::Later,
            Self::Request { .. } | Self::NotLeader { .. } => Verdict::Away,
        }
    }

    /// The object is not the one, or not in the version, that was meant.
    pub(crate) fn conflict(&self) -> bool {
        let names_uid = |status: &Status| {
            let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
            status.code == 422 && causes.iter().any(|cause| cause.field == "metadata.uid")
        };
        self.is(|status| status.code == 409 || names_uid(status))
    }

    /// What the API server answered, if it did.
    pub(crate) fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether an apply without force was refused because somebody else owns the field with another value.
    pub(super) fn owned_by_others(&self) -> bool {
        self.is(|status| {
            let causes = status.details.as_ref().map_or(&[][..], |details| &details.causes);
            status.code == 409 && causes.iter().any(|cause| cause.reason == "FieldManagerConflict")
        })
    }

    pub(super) fn is(&self, reason: impl Fn(&Status) -> bool) -> bool {
        matches!(self, Self::Refused { status, .. } if reason(status))
    }

    /// Nothing of that name is there.
    pub(crate) fn not_found(&self) -> bool {
        // By the code: a server that does not know the path at all answers without a reason.
        self.is(|status| status.code == 404)
    }

    /// The API server does not know the kind: its definition is not installed.
    pub(crate) fn not_served(&self) -> bool {
        // An object or a namespace that is not there is named in the details.
        self.is(|status| status.code == 404 && status.details.as_ref().is_none_or(|it| it.kind.is_empty()))
    }
}
