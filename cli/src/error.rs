//! What can go wrong, and the exit codes that scripts rely on.

use std::error::Error as _;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::duration::rounded_up;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The pipeline says no; the text says what is wrong and what would be right.
    #[error("{detail}")]
    Refused {
        detail: String,
        /// The line of the request's body that is wrong, from 1.
        line: Option<u64>,
    },
    #[error("{detail}")]
    NotFound { detail: String },
    #[error("{many} of {all} events were not changed; the first: {first}")]
    NotAll { many: usize, all: usize, first: String },
    #[error("event {id} is {state}{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoValue { id: u64, state: String, why: Option<String> },
    #[error("the pipeline has no room at the moment: {detail}")]
    Overloaded { detail: String },
    #[error("failed to reach the pipeline at {host}: is --url right, and does it run?")]
    Unreachable { host: String, source: reqwest::Error },
    #[error("failed to reach the pipeline at {host}: a proxy in front of it answers {status}")]
    BadGateway { host: String, status: reqwest::StatusCode },
    #[error("the answer of {host} is not one of a pipeline: is --url right?")]
    NotAPipeline { host: String },
    #[error("event {id} has no value after {}", rounded_up(*waited))]
    WaitOver { id: u64, waited: Duration },
    #[error("{host} is not ready after {}: {why}", rounded_up(*waited))]
    NotReady { host: String, waited: Duration, why: String },
    #[error("event {id} was answered {answered:?}, but is read as {read:?}")]
    Differs { id: u64, answered: String, read: String },
    /// A file of events of which some may be created.
    #[error(
        "{place}: {}; {created} events are created, those of the lines before line {next}: repeat the command with \
         --idempotency-key {key} to create the rest and none of them again",
        chain(why)
    )]
    Batch {
        /// The file and the line that is at fault.
        place: String,
        why: Box<Self>,
        created: u64,
        /// The first line that may not be created.
        next: u64,
        key: String,
    },
    #[error("failed to read {path:?}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("nothing was removed: confirm with --yes")]
    NotConfirmed,
    #[error("failed to write")]
    Output(#[source] std::io::Error),
    #[error("failed to start")]
    Runtime(#[source] std::io::Error),
    #[error("failed to set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

impl Error {
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Batch { why, .. } => return why.exit_code(),
            Self::Refused { .. }
            | Self::NotAll { .. }
            | Self::NoValue { .. }
            | Self::NotAPipeline { .. }
            | Self::Differs { .. }
            | Self::Output(_)
            | Self::Runtime(_)
            | Self::Client(_) => 1,
            Self::Read { .. } | Self::NotConfirmed => 2,
            Self::NotFound { .. } => 3,
            Self::Overloaded { .. } | Self::Unreachable { .. } | Self::BadGateway { .. } => 4,
            Self::WaitOver { .. } | Self::NotReady { .. } => 5,
        })
    }
}

/// The error and all that led to it, in one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
