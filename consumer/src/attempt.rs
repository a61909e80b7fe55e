//! One attempt at an event: through its handler, to what is to be written down.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Next, TraceParent, Value};
use eventpipeline_service::{KeyValue, Span, Tracer};
use futures::FutureExt as _;

use crate::handlers::{Handler, HandlerError};
use crate::holdings::Held;
use crate::journal::{Failed, Journal};
use crate::metrics::{Metrics, Outcome};
use crate::retry::{RetryPolicy, Verdict};

/// Has events handled.
#[derive(Debug)]
pub(crate) struct Attempts {
    pub(crate) handler: Handler,
    /// How long a handler may take.
    pub(crate) limit: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) metrics: Metrics,
    pub(crate) journal: Arc<Journal>,
    pub(crate) tracer: Tracer,
}

/// What is to be written down about a claimed event.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) claim: Claimed,
    pub(crate) end: End,
}

/// How a claim ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The event has its answer.
    Answer {
        value: Value,
        /// When the event came from the database.
        arrived: Instant,
        /// How long the attempt took.
        took: Duration,
    },
    /// The attempt failed.
    Failure { error: String, next: Next },
    /// There was no attempt, or it was cut off: somebody else is to make it.
    GiveBack,
}

/// Why an attempt gave no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Handler(HandlerError),
    #[error("the handler panicked")]
    Panic,
    #[error("the handler gave no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
}

impl Attempts {
    /// Whether handlers answer at once, without waiting for anything.
    pub(crate) fn are_immediate(&self) -> bool {
        matches!(self.handler, Handler::Words)
    }

    /// Has an event handled once.
    pub(crate) async fn make(&self, held: Held) -> Settlement {
        let Held { mut claim, arrived } = held;
        let begun = Instant::now();
        let mut span = self.span(&claim);
        if let Some(span) = &span {
            // What is called from here on comes from this span, which knows where the event came from.
            claim.trace = TraceParent::new(&span.traceparent());
        }
        let end = match within(self.limit, self.handler.handle(&claim)).await {
            Ok(value) => {
                let took = begun.elapsed();
                self.metrics.handled(Outcome::Done, took);
                End::Answer { value, arrived, took }
            }
            Err(failure) => {
                let took = begun.elapsed();
                self.metrics.handled(Outcome::Failed, took);
                if let Some(span) = &mut span {
                    span.failed(failure.kind());
                }
                self.failed(&claim, took, &failure)
            }
        };
        // Up to 64 KiB that nobody needs any more.
        claim.payload = None;
        Settlement { claim, end }
    }

    /// The attempt as a span with a link to the event's creation, by OpenTelemetry's conventions of messaging.
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

    fn failed(&self, claim: &Claimed, took: Duration, failure: &Failure) -> End {
        let next = self.retry.next(claim.attempt, failure.verdict(), rand::random());
        let error = eventpipeline_service::chain(failure);
        self.journal.failed(&Failed { claim, took, error: &error, next: &next });
        let error = match failure.detail() {
            Some(detail) => format!("{error}: {detail}"),
            None => error,
        };
        End::Failure { error, next }
    }
}

impl Failure {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Handler(error) => error.verdict(),
            Self::Panic | Self::Timeout(_) => Verdict::Retry,
        }
    }

    /// As spans name it.
    fn kind(&self) -> &'static str {
        match self {
            Self::Handler(_) => "handler",
            Self::Panic => "panic",
            Self::Timeout(_) => "timeout",
        }
    }

    /// What is stored with the event beyond the error, and not logged.
    fn detail(&self) -> Option<&str> {
        match self {
            Self::Handler(error) => error.detail(),
            Self::Panic | Self::Timeout(_) => None,
        }
    }
}

/// What a handler gives, if it does so within `limit` and without a panic.
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
    async fn a_panic_is_a_failure_that_may_pass() {
        let failure = within(LIMIT, async { panic!("out of luck") }).await.unwrap_err();
        assert_eq!(failure.to_string(), "the handler panicked");
        assert_eq!(failure.verdict(), Verdict::Retry);
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_is_a_failure_that_may_pass() {
        let failure = within(LIMIT, std::future::pending()).await.unwrap_err();
        assert_eq!(failure.to_string(), "the handler gave no answer within 30 s");
        assert_eq!(failure.verdict(), Verdict::Retry);
    }

    #[tokio::test]
    async fn what_a_handler_gives_is_passed_on() {
        let value = Value::new("palavra").unwrap();
        assert_eq!(within(LIMIT, async { Ok(value.clone()) }).await.unwrap(), value);
    }
}
