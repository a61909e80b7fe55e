//! Objects that could not be written, and what each failure means.

use std::fmt;

use eventpipeline_service::error_chain;

use super::credentials;
use crate::api::{self, Verdict};
use crate::cache::ObjectKey;

/// Why an object could not be written.
#[derive(Debug)]
pub(crate) enum Why {
    /// An object of that name is there, and is not the pipeline's.
    Taken,
    /// The number of its pods is to be left to somebody else, and is not known yet.
    NotSeenYet,
    /// The API server said no, or nothing.
    Call(api::Error),
    /// It makes no sense as JSON.
    Json(serde_json::Error),
    /// What is to be in a Secret could not be made.
    Credentials(credentials::Error),
}

/// An object that could not be written.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(super) object: ObjectKey,
    /// What it is for, by its label.
    pub(super) component: Option<String>,
    pub(super) why: Why,
}

/// All that could not be written in one go.
#[derive(Debug, Default)]
pub(crate) struct Failures(pub(super) Vec<Failure>);

impl Failure {
    /// What it is for, by its label.
    pub(in crate::eventpipeline) fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    /// Whether the name is taken by an object of somebody else.
    pub(in crate::eventpipeline) fn is_taken(&self) -> bool {
        matches!(self.why, Why::Taken)
    }

    /// Whether the spec asks for an object that the API server does not accept.
    pub(in crate::eventpipeline) fn is_invalid(&self) -> bool {
        self.status().is_some_and(|status| matches!(status.code, 400 | 422)) && self.is_refused()
    }

    /// Whether the next try fails as well until somebody changes something.
    pub(in crate::eventpipeline) fn is_refused(&self) -> bool {
        match &self.why {
            Why::Taken => true,
            Why::Call(error) => error.verdict() == Verdict::Refused,
            Why::NotSeenYet | Why::Json(_) | Why::Credentials(_) => false,
        }
    }

    fn status(&self) -> Option<&kube::core::Status> {
        match &self.why {
            Why::Call(error) => error.status(),
            _ => None,
        }
    }

    fn namespace_goes(&self) -> bool {
        let details = self.status().and_then(|status| status.details.as_ref());
        details.is_some_and(|it| it.causes.iter().any(|cause| cause.reason == NAMESPACE_TERMINATING))
    }
}

/// As Kubernetes names that cause (`NamespaceTerminatingCause` in k8s.io/api/core/v1).
const NAMESPACE_TERMINATING: &str = "NamespaceTerminating";

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = &self.object;
        match &self.why {
            Why::Taken => write!(
                formatter,
                "{kind} {name} belongs to somebody else and is left as it is: remove it, or give the pipeline another name"
            ),
            Why::NotSeenYet => write!(formatter, "{kind} {name} has not been seen yet"),
            Why::Call(error) => formatter.write_str(&error_chain(error)),
            Why::Json(error) => {
                write!(formatter, "{kind} {name} could not be read or written as JSON: {error}")
            }
            Why::Credentials(error) => {
                write!(formatter, "the data of {kind} {name} could not be made: {}", error_chain(error))
            }
        }
    }
}

impl Failures {
    /// One, of an object of that component.
    #[cfg(test)]
    pub(in crate::eventpipeline) fn of(object: ObjectKey, component: &str, why: Why) -> Self {
        Self(vec![Failure { object, component: Some(component.to_owned()), why }])
    }

    /// Each of them.
    pub(in crate::eventpipeline) fn all(&self) -> &[Failure] {
        &self.0
    }

    /// Whether the pipeline's namespace goes: it takes no new objects, and the pipeline goes with it.
    pub(in crate::eventpipeline) fn namespace_goes(&self) -> bool {
        self.0.iter().any(Failure::namespace_goes)
    }

    /// Whether all of them wait for somebody to change something.
    pub(in crate::eventpipeline) fn are_refusals(&self) -> bool {
        self.0.iter().all(Failure::is_refused)
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, failure) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failures {}
