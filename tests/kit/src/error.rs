//! The errors of the kit.

use std::{fmt::Write as _, io, path::PathBuf, time::Duration};

/// The message of [`crate::or_panic`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the program `{program}` is missing, neither in {} nor on PATH: {remedy}", folder.display())]
    Missing { program: &'static str, folder: PathBuf, remedy: &'static str },

    #[error("failed to {action}")]
    Io { action: String, source: io::Error },

    #[error("failed to {action}")]
    Sql { action: String, source: sqlx::Error },

    #[error("`{command}` failed:\n{output}")]
    Command { command: String, output: String },

    #[error("{name} ended unexpectedly ({status}); the end of its log:\n{log}")]
    Ended { name: &'static str, status: String, log: String },

    #[error("{name} did not get ready within {} s; the end of its log:\n{log}", within.as_secs())]
    NotReady { name: &'static str, within: Duration, log: String },

    #[error("{name} did not stop within {} s of being asked to; the end of its log:\n{log}", within.as_secs())]
    NotStopped { name: &'static str, within: Duration, log: String },

    #[error("it did not happen within {} s", within.as_secs())]
    NotHappened { within: Duration },

    #[error("{name} did not log {text:?}; it logged:\n{log}")]
    NotLogged { name: &'static str, text: String, log: String },

    #[error("{name} has been stopped: call `restart` first")]
    Stopped { name: &'static str },
}

impl Error {
    /// Names the action that the database refused.
    pub(crate) fn sql(action: String) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Sql { action, source }
    }

    /// Names the action that the operating system refused.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

/// Returns the error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
