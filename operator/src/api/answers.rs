//! Whether the API server does what it is asked, or has failed each call for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventpipeline_service::error_chain;
use tokio::time::Instant;

use super::Error;

/// Calls in a row that fail before that says anything.
const FEW: u32 = 3;

/// The failures since the last call that succeeded. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers(Arc<Mutex<Option<Failures>>>);

#[derive(Debug)]
struct Failures {
    since: Instant,
    number: u32,
    last: String,
}

impl Answers {
    /// Counts a call. What the API server refuses for what it asks is an answer; what it refuses anybody like us, is not.
    pub(super) fn note(&self, error: Option<&Error>) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = error.filter(|error| is_failure(error)) else {
            *failures = None;
            return;
        };
        let failures = failures.get_or_insert_with(|| Failures {
            since: Instant::now(),
            number: 0,
            last: String::new(),
        });
        failures.number = failures.number.saturating_add(1);
        failures.last = error_chain(error);
    }

    /// What the last call failed for, if each of the last calls has failed for at least this long.
    pub(crate) fn failing_for(&self, bound: Duration) -> Option<String> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let long = |failures: &&Failures| failures.number >= FEW && failures.since.elapsed() >= bound;
        failures.as_ref().filter(long).map(|failures| failures.last.clone())
    }
}

fn is_failure(error: &Error) -> bool {
    match error {
        Error::Refused { status, .. } => matches!(status.code, 401 | 403 | 408 | 429 | 500..),
        Error::Request { .. } | Error::Timeout { .. } => true,
        Error::NotLeader { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn refused(code: u16) -> Error {
        let status = Status { code, message: "no".to_owned(), ..Status::default() };
        Error::Refused { action: "apply".to_owned(), status: Box::new(status) }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_count_until_a_call_is_answered() {
        let (answers, minute) = (Answers::default(), Duration::from_mins(1));
        for _ in 0..FEW {
            answers.note(Some(&refused(503)));
        }
        assert_eq!(answers.failing_for(minute), None);
        tokio::time::advance(minute).await;
        assert_eq!(answers.failing_for(minute).unwrap(), "failed to apply: no");
        // A refusal of one object says that the API server works.
        answers.note(Some(&refused(422)));
        assert_eq!(answers.failing_for(Duration::ZERO), None);
    }
}
