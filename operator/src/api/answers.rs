//! Detects an API server that fails every call.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventpipeline_service::error_chain;
use tokio::time::Instant;

use super::Error;

/// Minimum number of consecutive failures.
const MIN_FAILURES: u32 = 3;
/// Age at which a failure means nothing any more. Failed pipelines are retried at least every five minutes, so a failure
/// without a later call is that of a pipeline that was deleted.
const STALE: Duration = Duration::from_mins(10);

/// The failures since the last successful call. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Option<Failures>>>);

#[derive(Debug)]
struct Failures {
    since: Instant,
    number: u32,
    last: String,
    last_at: Instant,
}

impl Answers {
    /// Records the result of a call. A refusal of this particular request counts as success, because the API
    /// server works.
    pub(super) fn note(&self, error: Option<&Error>) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = error.filter(|error| is_failure(error)) else {
            *failures = None;
            return;
        };
        let now = Instant::now();
        let failures = failures.get_or_insert_with(|| Failures {
            since: now,
            number: 0,
            last: String::new(),
            last_at: now,
        });
        failures.number = failures.number.saturating_add(1);
        failures.last = error_chain(error);
        failures.last_at = now;
    }

    /// Returns the last error if every call has failed for at least `bound`.
    pub(crate) fn failing_for(&self, bound: Duration) -> Option<String> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = |failures: &&Failures| {
            failures.number >= MIN_FAILURES
                && failures.since.elapsed() >= bound
                && failures.last_at.elapsed() < STALE
        };
        failures.as_ref().filter(current).map(|failures| failures.last.clone())
    }
}

fn is_failure(error: &Error) -> bool {
    match error {
        Error::Refused { .. } if error.namespace_is_terminating() => false,
        Error::Refused { status, .. } => matches!(status.code, 401 | 403 | 408 | 429 | 500..),
        Error::Request { .. } | Error::Timeout { .. } => true,
        Error::NotLeader { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::core::response::{StatusCause, StatusDetails};

    use super::*;

    fn refused(code: u16) -> Error {
        let status = Status { code, message: "no".to_owned(), ..Status::default() };
        Error::Refused { action: "apply".to_owned(), status: Box::new(status) }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_count_until_a_call_is_answered() {
        let (answers, minute) = (Answers::default(), Duration::from_mins(1));
        for _ in 0..MIN_FAILURES {
            answers.note(Some(&refused(503)));
        }
        assert_eq!(answers.failing_for(minute), None);
        tokio::time::advance(minute).await;
        assert_eq!(answers.failing_for(minute).unwrap(), "failed to apply: no");
        // An API server that refuses one object works.
        answers.note(Some(&refused(422)));
        assert_eq!(answers.failing_for(Duration::ZERO), None);
    }

    /// Its pipelines are deleted with it, so no later call would replace the failure.
    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_being_deleted_is_no_failure() {
        let answers = Answers::default();
        let cause = StatusCause {
            reason: "NamespaceTerminating".to_owned(),
            message: String::new(),
            field: String::new(),
        };
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: vec![cause],
            retry_after_seconds: 0,
        };
        let status = Status { code: 403, details: Some(details), ..Status::default() };
        for _ in 0..MIN_FAILURES {
            answers
                .note(Some(&Error::Refused { action: "apply".to_owned(), status: Box::new(status.clone()) }));
        }
        assert_eq!(answers.failing_for(Duration::ZERO), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_without_a_later_call_expire() {
        let answers = Answers::default();
        for _ in 0..MIN_FAILURES {
            answers.note(Some(&refused(503)));
        }
        assert!(answers.failing_for(Duration::ZERO).is_some());
        tokio::time::advance(STALE).await;
        assert_eq!(answers.failing_for(Duration::ZERO), None);
    }
}
