//! One attempt at an event, from its handler to the settlement.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Next, TraceParent, Value};
use eventpipeline_service::{KeyValue, Span, Tracer};
use futures::FutureExt as _;

use crate::handlers::{Handler, HandlerError};
use crate::in_flight::BufferedEvent;
use crate::journal::{Failed, Journal};
use crate::metrics::EventMetrics;
use crate::retry::{RetryPolicy, Verdict};

/// Runs the handler for events, one attempt at a time.
#[derive(Debug)]
pub(crate) struct Attempts {
    pub(crate) handler: Handler,
    /// Timeout of the handler.
    pub(crate) limit: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) metrics: EventMetrics,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tracer: Tracer,
}

/// A claim and its outcome, which a settler writes to the database.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) claim: Claimed,
    pub(crate) outcome: Outcome,
}

/// The outcome of a claim.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The attempt succeeded.
    Complete {
        value: Value,
        /// Time when the event arrived from the database.
        arrived: Instant,
        /// Duration of the attempt.
        took: Duration,
    },
    /// The attempt failed.
    Fail { error: String, next: Next },
    /// There was no attempt, or it was cut off; another consumer makes it.
    Release,
}

/// The reason why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Handler(HandlerError),
    #[error("the handler panicked")]
    Panic,
    #[error("the handler did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
}

impl Attempts {
    /// Returns whether the handler answers at once, without waiting for anything.
    pub(crate) fn are_immediate(&self) -> bool {
        matches!(self.handler, Handler::Words)
    }

    /// Makes one attempt at an event.
    pub(crate) async fn make(&self, event: BufferedEvent) -> Settlement {
        let BufferedEvent { mut claim, arrived } = event;
        let started = Instant::now();
        let mut span = self.span(&claim);
        if let Some(span) = &span {
            // Requests of the handler continue this span, which links to the creation of the event.
            claim.trace = TraceParent::new(&span.traceparent());
        }
        let outcome = match within(self.limit, self.handler.handle(&claim)).await {
            Ok(value) => {
                let took = started.elapsed();
                self.metrics.handled(took);
                Outcome::Complete { value, arrived, took }
            }
            Err(failure) => {
                let took = started.elapsed();
                self.metrics.attempt_failed(took);
                if let Some(span) = &mut span {
                    span.failed(failure.kind());
                }
                self.failed(&claim, took, &failure)
            }
        };
        // Free up to 64 KiB that are no longer needed.
        claim.payload = None;
        Settlement { claim, outcome }
    }

    /// Starts the attempt's span with a link to the event's creation, by OpenTelemetry's messaging
    /// conventions.
    fn span(&self, claim: &Claimed) -> Option<Span> {
        self.tracer.process("process events", claim.trace.as_ref().map(TraceParent::as_str), || {
            vec![
                KeyValue::new("messaging.system", "eventpipeline"),
                KeyValue::new("messaging.destination.name", "events"),
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.message.id", claim.id.to_string()),
                KeyValue::new("eventpipeline.attempt", i64::from(claim.attempt)),
            ]
        })
    }

    fn failed(&self, claim: &Claimed, took: Duration, failure: &Failure) -> Outcome {
        let next = self.retry.next(claim.attempt, failure.verdict(), rand::random());
        let error = eventpipeline_service::error_chain(failure);
        self.journal.failed(&Failed { claim, took, error: &error, next: &next });
        let error = match failure.detail() {
            Some(detail) => format!("{error}: {detail}"),
            None => error,
        };
        Outcome::Fail { error, next }
    }
}

impl Failure {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Handler(error) => error.verdict(),
            Self::Panic | Self::Timeout(_) => Verdict::Retry,
        }
    }

    /// Returns the name of the failure in spans.
    fn kind(&self) -> &'static str {
        match self {
            Self::Handler(_) => "handler",
            Self::Panic => "panic",
            Self::Timeout(_) => "timeout",
        }
    }

    /// Returns details that are stored with the event but not logged.
    fn detail(&self) -> Option<&str> {
        match self {
            Self::Handler(error) => error.detail(),
            Self::Panic | Self::Timeout(_) => None,
        }
    }
}

/// Returns the handler's value, or a failure if it panics or takes longer than `limit`.
async fn within(
    limit: Duration,
    handling: impl Future<Output = Result<Value, HandlerError>>,
) -> Result<Value, Failure> {
    match tokio::time::timeout(limit, AssertUnwindSafe(handling).catch_unwind()).await {
        Ok(Ok(handled)) => handled.map_err(Failure::Handler),
        Ok(Err(_)) => Err(Failure::Panic),
        Err(_) => Err(Failure::Timeout(limit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_panic_is_a_failure_that_is_retried() {
        let failure = within(LIMIT, async { panic!("out of luck") }).await.unwrap_err();
        assert_eq!(failure.to_string(), "the handler panicked");
        assert_eq!(failure.verdict(), Verdict::Retry);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_a_failure_that_is_retried() {
        let failure = within(LIMIT, std::future::pending()).await.unwrap_err();
        assert_eq!(failure.to_string(), "the handler did not answer within 30 s");
        assert_eq!(failure.verdict(), Verdict::Retry);
    }

    #[tokio::test]
    async fn the_value_of_a_handler_is_passed_on() {
        let value = Value::new("palavra").unwrap();
        assert_eq!(within(LIMIT, async { Ok(value.clone()) }).await.unwrap(), value);
    }
}
