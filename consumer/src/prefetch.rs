//! How many events to claim beyond what can be handled at once.
//!
//! An event that waits in a buffer is one that no other consumer can take; a buffer that runs dry leaves places idle for
//! the time of a claim. So the buffer is as large as what is handled while a claim is under way, and no larger: nothing
//! is claimed ahead for a handler that takes seconds, and a thousand events are for one that takes a microsecond.
//!
//! Nor is anything claimed ahead where an event may be tried only once: a consumer that dies takes the attempts of all that it
//! has claimed with it, begun or not.

use std::time::Duration;

use eventpipeline_database::{ClaimLimit, LARGEST_CLAIM, MaxAttempts};

/// How long an event may wait in the buffer before less is claimed ahead.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many bytes of payloads are held at once; one event more where there is room for a part of it.
const BUDGET: usize = 8 * 1024 * 1024;

/// What a consumer has in its hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Claimed, not begun.
    pub(crate) buffered: usize,
    /// Being handled.
    pub(crate) handling: usize,
    /// The payloads of both.
    pub(crate) bytes: usize,
}

/// How a claim went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claim {
    /// Whether it gave as much as was asked for.
    pub(crate) full: bool,
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
    /// Where that ends.
    most_ahead: usize,
}

impl Prefetch {
    pub(crate) fn new(concurrency: usize, max_attempts: MaxAttempts) -> Self {
        let most_ahead = if max_attempts.get() == 1 { 0 } else { LARGEST_CLAIM };
        Self { concurrency, ahead: 0, most_ahead }
    }

    /// An event has waited so long in the buffer.
    pub(crate) fn waited(&mut self, wait: Duration) {
        if wait > PATIENCE {
            self.ahead = portion(self.ahead, PATIENCE.as_secs_f64() / wait.as_secs_f64()).min(self.ahead / 2);
        }
    }

    /// How much to claim now. Nothing while half of the buffer is full: a claim of few costs as much as one of many.
    pub(crate) fn room(&self, load: Load) -> Option<ClaimLimit> {
        let most = (self.concurrency + self.ahead).min(LARGEST_CLAIM);
        let events = most.saturating_sub(load.buffered + load.handling);
        let bytes = BUDGET.saturating_sub(load.bytes);
        let room = load.buffered <= self.ahead / 2 && events > 0 && bytes > 0;
        room.then_some(ClaimLimit { events, bytes })
    }

    /// Takes a claim for the next ones' measure.
    pub(crate) fn learn(&mut self, claim: &Claim) {
        if !claim.full {
            self.ahead /= 2;
        } else if claim.ran_dry {
            // Twice what is handled during a claim: one half is handled while the other is fetched.
            let share =
                claim.took.as_secs_f64() / claim.since.max(claim.took).as_secs_f64().max(f64::EPSILON);
            self.ahead = self.ahead.max(portion(claim.handled * 2, share)).min(self.most_ahead);
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

    const IDLE: Load = Load { buffered: 0, handling: 0, bytes: 0 };

    fn prefetch(max_attempts: u32) -> Prefetch {
        Prefetch::new(16, MaxAttempts::new(max_attempts).unwrap())
    }

    /// How many events there is room for.
    fn room(prefetch: &Prefetch, load: Load) -> usize {
        prefetch.room(load).map_or(0, |limit| limit.events)
    }

    /// Claims all that there is room for, of which all was handled by the time that the claim came back.
    fn claim_fast(prefetch: &mut Prefetch, handled: usize) -> usize {
        let events = room(prefetch, IDLE);
        let took = Duration::from_millis(5);
        prefetch.learn(&Claim { full: true, took, ran_dry: true, handled, since: took });
        events
    }

    fn grown() -> Prefetch {
        let mut prefetch = prefetch(10);
        let mut handled = 0;
        for _ in 0..12 {
            handled = claim_fast(&mut prefetch, handled);
        }
        prefetch
    }

    #[test]
    fn a_handler_that_is_done_before_the_next_claim_gets_ever_more() {
        let mut prefetch = prefetch(10);
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
        let mut prefetch = prefetch(10);
        for _ in 0..100 {
            // One of the places became free in the last half second.
            let (took, since) = (Duration::from_millis(5), Duration::from_millis(500));
            prefetch.learn(&Claim { full: true, took, ran_dry: true, handled: 1, since });
        }
        assert_eq!(room(&prefetch, Load { buffered: 0, handling: 16, bytes: 0 }), 0);
        assert_eq!(room(&prefetch, Load { buffered: 0, handling: 13, bytes: 0 }), 3);
    }

    #[test]
    fn a_buffer_that_is_half_full_is_not_filled_up() {
        let prefetch = grown();
        assert_eq!(room(&prefetch, Load { buffered: 600, handling: 16, bytes: 0 }), 0);
        assert_eq!(room(&prefetch, Load { buffered: 500, handling: 16, bytes: 0 }), LARGEST_CLAIM - 516);
    }

    #[test]
    fn nothing_is_claimed_ahead_where_events_are_few() {
        let mut prefetch = grown();
        for _ in 0..11 {
            prefetch.learn(&Claim::default());
        }
        assert_eq!(room(&prefetch, IDLE), 16);
    }

    #[test]
    fn the_longer_events_wait_the_more_the_buffer_shrinks() {
        let mut prefetch = grown();
        let all = room(&prefetch, IDLE);
        prefetch.waited(PATIENCE);
        assert_eq!(room(&prefetch, IDLE), all);
        prefetch.waited(PATIENCE * 101 / 100);
        assert!(room(&prefetch, IDLE) <= all / 2 + 16);
        prefetch.waited(Duration::from_mins(10));
        assert_eq!(room(&prefetch, IDLE), 16);
    }

    #[test]
    fn nothing_is_claimed_ahead_where_an_event_is_tried_once() {
        let mut prefetch = prefetch(1);
        for _ in 0..12 {
            assert_eq!(claim_fast(&mut prefetch, 16), 16);
        }
    }

    #[test]
    fn payloads_are_held_within_a_budget() {
        let prefetch = grown();
        let bytes = |bytes| prefetch.room(Load { bytes, ..IDLE }).map(|limit| limit.bytes);
        assert_eq!(bytes(0), Some(BUDGET));
        assert_eq!(bytes(BUDGET - 1), Some(1));
        assert_eq!(bytes(BUDGET), None);
    }
}
