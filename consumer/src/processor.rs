//! One event through its handler: to an answer, or back to the queue.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use eventpipeline_database::{Claimed, Completion};
use eventpipeline_service::chain;
use futures::FutureExt as _;
use rand::RngExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::handlers::Handler;
use crate::metrics::{Metrics, Outcome};

/// Pause before the second attempt at an event; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Has events handled.
#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) handler: Handler,
    /// How long a claim holds. A handler gets half of it, so that there is time to write its answer down.
    pub(crate) lease: Duration,
    /// Cancelled when what is not handled yet must be given back.
    pub(crate) give_up: CancellationToken,
    pub(crate) metrics: Metrics,
}

/// What is to become of a claimed event.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// It has its answer.
    Complete(Completion),
    /// It is to be tried again, by anybody.
    Release(Claimed),
}

impl Processor {
    /// Handles an event once. After a failure it is kept for a pause, during which it takes a place: a handler that fails
    /// for every event is asked less and less often.
    pub(crate) async fn process(&self, claim: Claimed) -> Settlement {
        let _in_flight = self.metrics.in_flight();
        tokio::select! {
            settlement = self.attempt(claim.clone()) => settlement,
            () = self.give_up.cancelled() => {
                warn!(event.id = %claim.id, "event {} is given back unfinished", claim.id);
                Settlement::Release(claim)
            }
        }
    }

    async fn attempt(&self, claim: Claimed) -> Settlement {
        let begun = Instant::now();
        let handling = AssertUnwindSafe(self.handler.handle(&claim)).catch_unwind();
        let failure = match tokio::time::timeout(self.lease / 2, handling).await {
            Ok(Ok(Ok(value))) => {
                self.metrics.handled(Outcome::Done, begun.elapsed());
                debug!(event.id = %claim.id, "event {} has its answer", claim.id);
                return Settlement::Complete(Completion { claim, value });
            }
            Ok(Ok(Err(failure))) => chain(&failure),
            Ok(Err(_)) => "the handler panicked".to_owned(),
            Err(_) => format!("the handler gave no answer within {} s", (self.lease / 2).as_secs_f32()),
        };
        self.metrics.handled(Outcome::Failed, begun.elapsed());
        let (id, attempt) = (claim.id, claim.attempt);
        let pause = pause_after(attempt, self.lease / 4).mul_f64(rand::rng().random_range(0.5..1.0));
        warn!(event.id = %id, attempt, error = failure, pause_ms = pause.as_millis(), "attempt {attempt} at event {id} failed");
        tokio::time::sleep(pause).await;
        Settlement::Release(claim)
    }
}

/// Doubles with each attempt, up to `longest`.
fn pause_after(attempt: i32, longest: Duration) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(16);
    (FIRST_PAUSE * 2u32.pow(doublings)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let longest = Duration::from_secs(15);
        assert_eq!(pause_after(1, longest), FIRST_PAUSE);
        assert_eq!(pause_after(3, longest), FIRST_PAUSE * 4);
        assert_eq!(pause_after(i32::MAX, longest), longest);
        assert_eq!(pause_after(i32::MIN, longest), FIRST_PAUSE);
    }
}
