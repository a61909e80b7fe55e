//! How many events to claim beyond what can be handled at once.
//!
//! An event that waits in a buffer is one that no other consumer can take; a buffer that runs dry leaves places idle for
//! the time of a claim. So the buffer is as large as what is handled while a claim is under way, and no larger: nothing
//! is claimed ahead for a handler that takes seconds, and a thousand events are for one that takes a microsecond.

use std::time::Duration;

use eventpipeline_database::LARGEST_CLAIM;

/// How long an event may wait in the buffer before less is claimed ahead.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many bytes of payloads are claimed at once, about.
const BUDGET: usize = 8 * 1024 * 1024;

/// What a consumer has in its hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Claimed, not begun.
    pub(crate) buffered: usize,
    /// Being handled.
    pub(crate) handling: usize,
}

/// How a claim went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claim {
    /// Whether it gave as many as were asked for.
    pub(crate) full: bool,
    /// How many it gave.
    pub(crate) events: usize,
    /// The size of all their payloads.
    pub(crate) bytes: usize,
    /// How long it took.
    pub(crate) took: Duration,
    /// Whether nothing was left in the buffer when it came back.
    pub(crate) ran_dry: bool,
    /// How many events were handled since the claim before came back, and how long ago that was.
    pub(crate) handled: usize,
    /// See `handled`.
    pub(crate) since: Duration,
}

/// Decides how many events to claim. Grows to what is needed, shrinks by halves, or faster where they wait for long.
#[derive(Debug)]
pub(crate) struct Prefetch {
    concurrency: usize,
    /// How many events may wait beyond those that are handled.
    ahead: usize,
    /// The size of a payload, as far as is known.
    bytes_per_event: usize,
}

impl Prefetch {
    pub(crate) fn new(concurrency: usize) -> Self {
        Self { concurrency, ahead: 0, bytes_per_event: 0 }
    }

    /// An event has waited so long in the buffer.
    pub(crate) fn waited(&mut self, wait: Duration) {
        if wait > PATIENCE {
            self.ahead = portion(self.ahead, PATIENCE.as_secs_f64() / wait.as_secs_f64()).min(self.ahead / 2);
        }
    }

    /// How many to claim now. Nothing while half of the buffer is full: a claim of few costs as much as one of many.
    pub(crate) fn room(&self, load: Load) -> usize {
        if load.buffered > self.ahead / 2 {
            return 0;
        }
        let affordable = (BUDGET / self.bytes_per_event.max(1)).max(1);
        let most = (self.concurrency + self.ahead).min(LARGEST_CLAIM);
        most.saturating_sub(load.buffered + load.handling).min(affordable)
    }

    /// Takes a claim for the next ones' measure.
    pub(crate) fn learn(&mut self, claim: &Claim) {
        if let Some(bytes) = claim.bytes.checked_div(claim.events) {
            self.bytes_per_event = bytes;
        }
        if !claim.full {
            self.ahead /= 2;
        } else if claim.ran_dry {
            // Twice what is handled during a claim: one half is handled while the other is fetched.
            let share =
                claim.took.as_secs_f64() / claim.since.max(claim.took).as_secs_f64().max(f64::EPSILON);
            self.ahead = self.ahead.max(portion(claim.handled * 2, share)).min(LARGEST_CLAIM);
        }
    }
}

/// `share` (0 to 1) of `many`, rounded down.
fn portion(many: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "counts of events in a second: far below 2^52, and never negative"
    )]
    let portion = (many as f64 * share) as usize;
    portion.min(many)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Load = Load { buffered: 0, handling: 0 };

    /// Claims all that there is room for, of which all was handled by the time that the claim came back.
    fn claim_fast(prefetch: &mut Prefetch, handled: usize) -> usize {
        let events = prefetch.room(IDLE);
        let took = Duration::from_millis(5);
        let claim =
            Claim { full: true, events, took, ran_dry: true, handled, since: took, ..Claim::default() };
        prefetch.learn(&claim);
        events
    }

    fn grown() -> Prefetch {
        let mut prefetch = Prefetch::new(16);
        let mut handled = 0;
        for _ in 0..12 {
            handled = claim_fast(&mut prefetch, handled);
        }
        prefetch
    }

    #[test]
    fn a_handler_that_is_done_before_the_next_claim_gets_ever_more() {
        let mut prefetch = Prefetch::new(16);
        let mut claims = vec![claim_fast(&mut prefetch, 0)];
        for _ in 0..15 {
            let handled = claims[claims.len() - 1];
            claims.push(claim_fast(&mut prefetch, handled));
        }
        assert!(claims.is_sorted() && claims[0] == 16, "{claims:?}");
        assert_eq!(claims[15], LARGEST_CLAIM, "{claims:?}");
    }

    #[test]
    fn nothing_is_claimed_ahead_for_a_handler_that_takes_long() {
        let mut prefetch = Prefetch::new(16);
        for _ in 0..100 {
            // One of the places became free in the last half second.
            let (took, since) = (Duration::from_millis(5), Duration::from_millis(500));
            let claim =
                Claim { full: true, events: 1, took, ran_dry: true, handled: 1, since, ..Claim::default() };
            prefetch.learn(&claim);
        }
        assert_eq!(prefetch.room(Load { buffered: 0, handling: 16 }), 0);
        assert_eq!(prefetch.room(Load { buffered: 0, handling: 13 }), 3);
    }

    #[test]
    fn a_buffer_that_is_half_full_is_not_filled_up() {
        let prefetch = grown();
        assert_eq!(prefetch.room(Load { buffered: 600, handling: 16 }), 0);
        assert_eq!(prefetch.room(Load { buffered: 500, handling: 16 }), LARGEST_CLAIM - 516);
    }

    #[test]
    fn nothing_is_claimed_ahead_where_events_are_few() {
        let mut prefetch = grown();
        for _ in 0..11 {
            prefetch.learn(&Claim::default());
        }
        assert_eq!(prefetch.room(IDLE), 16);
    }

    #[test]
    fn the_longer_events_wait_the_more_the_buffer_shrinks() {
        let mut prefetch = grown();
        let all = prefetch.room(IDLE);
        prefetch.waited(PATIENCE);
        assert_eq!(prefetch.room(IDLE), all);
        prefetch.waited(PATIENCE * 101 / 100);
        assert!(prefetch.room(IDLE) <= all / 2 + 16);
        prefetch.waited(Duration::from_mins(10));
        assert_eq!(prefetch.room(IDLE), 16);
    }

    #[test]
    fn large_payloads_are_claimed_in_smaller_numbers() {
        let mut prefetch = grown();
        let bytes = 100 * 64 * 1024;
        prefetch.learn(&Claim { full: true, events: 100, bytes, ..Claim::default() });
        assert_eq!(prefetch.room(IDLE), BUDGET / (64 * 1024));
    }
}
