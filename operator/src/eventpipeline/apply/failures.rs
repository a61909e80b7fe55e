//! Failures to apply objects, and their meaning.

use std::fmt;

use eventpipeline_service::error_chain;

use super::credentials;
use crate::api::{self, Verdict};
use crate::cache::ObjectKey;

/// The cause of a failure.
#[derive(Debug)]
pub(crate) enum Why {
    /// An object of another owner has the name.
    Taken,
    /// The Deployment's `replicas` must be handed over, and its current value is not known yet.
    NotObserved,
    /// The API server refused the call or did not answer.
    Call(api::Error),
    /// The object can't be converted from or to JSON.
    Json(serde_json::Error),
    /// The content of a Secret could not be generated.
    Credentials(credentials::Error),
}

/// An object that could not be applied.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(super) object: ObjectKey,
    /// The component that the object belongs to, by its label.
    pub(super) component: Option<String>,
    pub(super) why: Why,
}

/// The objects that could not be applied in one reconciliation.
#[derive(Debug, Default)]
pub(crate) struct Failures(pub(super) Vec<Failure>);

impl Failure {
    /// Returns the component that the object belongs to, by its label.
    pub(in crate::eventpipeline) fn component(&self) -> Option<&str> {
        self.component.as_deref()
    }

    /// Returns whether an object of another owner has the name.
    pub(in crate::eventpipeline) fn is_taken(&self) -> bool {
        matches!(self.why, Why::Taken)
    }

    /// Returns whether the spec asks for an object that the API server considers invalid.
    pub(in crate::eventpipeline) fn is_invalid(&self) -> bool {
        self.status().is_some_and(|status| matches!(status.code, 400 | 422)) && self.is_refused()
    }

    /// Returns whether retrying fails until a user changes something.
    pub(in crate::eventpipeline) fn is_refused(&self) -> bool {
        match &self.why {
            Why::Taken => true,
            Why::Call(error) => error.verdict() == Verdict::Refused,
            Why::NotObserved | Why::Json(_) | Why::Credentials(_) => false,
        }
    }

    fn status(&self) -> Option<&kube::core::Status> {
        match &self.why {
            Why::Call(error) => error.status(),
            _ => None,
        }
    }

    fn namespace_is_terminating(&self) -> bool {
        matches!(&self.why, Why::Call(error) if error.namespace_is_terminating())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = &self.object;
        match &self.why {
            Why::Taken => write!(
                formatter,
                "{kind} {name} belongs to another owner and is left unchanged; delete it or rename the pipeline"
            ),
            Why::NotObserved => write!(formatter, "{kind} {name} has not been observed yet"),
            Why::Call(error) => formatter.write_str(&error_chain(error)),
            Why::Json(error) => {
                write!(formatter, "{kind} {name} could not be converted from or to JSON: {error}")
            }
            Why::Credentials(error) => {
                write!(
                    formatter,
                    "the content of {kind} {name} could not be generated: {}",
                    error_chain(error)
                )
            }
        }
    }
}

impl Failures {
    /// Returns a single failure.
    #[cfg(test)]
    pub(in crate::eventpipeline) fn of(object: ObjectKey, component: &str, why: Why) -> Self {
        Self(vec![Failure { object, component: Some(component.to_owned()), why }])
    }

    /// Returns each failure.
    pub(in crate::eventpipeline) fn all(&self) -> &[Failure] {
        &self.0
    }

    /// Returns whether the pipeline's namespace is being deleted. It accepts no new objects, and the pipeline
    /// is deleted with it.
    pub(in crate::eventpipeline) fn namespace_is_terminating(&self) -> bool {
        self.0.iter().any(Failure::namespace_is_terminating)
    }

    /// Returns whether every retry fails until a user changes something.
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
