//! Errors and the exit codes that scripts rely on.

use std::error::Error as _;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::duration::rounded_up;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The pipeline refused the request; the detail says why.
    #[error("{detail}")]
    Refused {
        detail: String,
        /// Invalid line of the request's body, from 1.
        line: Option<u64>,
    },
    #[error("{detail}")]
    NotFound { detail: String },
    #[error("{many} of {all} events were not changed; the first: {first}")]
    NotAll { many: usize, all: usize, first: String },
    #[error("event {id} is {state}{}", why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoValue { id: u64, state: String, why: Option<String> },
    #[error("the pipeline is overloaded: {detail}")]
    Overloaded { detail: String },
    #[error("failed to reach the pipeline at {host}: check --url, and that the pipeline runs")]
    Unreachable { host: String, source: reqwest::Error },
    #[error("failed to reach the pipeline at {host}: a proxy in front of it returns {status}")]
    BadGateway { host: String, status: reqwest::StatusCode },
    #[error("the response of {host} is not from a pipeline: check --url")]
    NotAPipeline { host: String },
    #[error("event {id} has no value after {}", rounded_up(*waited))]
    WaitOver { id: u64, waited: Duration },
    #[error("{host} is not ready after {}: {why}", rounded_up(*waited))]
    NotReady { host: String, waited: Duration, why: String },
    #[error("event {id} got the value {answered:?}, but reading it returns {read:?}")]
    Differs { id: u64, answered: String, read: String },
    /// A file of events, some of which may be created.
    #[error(
        "{place}: {}; {created} events are created, those of the lines before line {next}: repeat the command with \
         --idempotency-key {key} to create the rest and none of them again",
        chain(why)
    )]
    Batch {
        /// The file and the invalid line.
        place: String,
        why: Box<Self>,
        created: u64,
        /// The first line whose event may not be created.
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

/// Returns the error and its sources in one line. A source that its error already ends with is not repeated.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.ends_with(&cause) {
            // Writing to a string does not fail.
            let _ = write!(text, ": {cause}");
        }
        source = error.source();
    }
    text
}
