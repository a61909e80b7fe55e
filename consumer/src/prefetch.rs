//! The number of events to claim ahead of the handlers.
//!
//! A buffered event is one that no other consumer can take; an empty buffer leaves handlers idle for the
//! duration of a claim. So the buffer holds about as many events as are handled during a claim. The control
//! law, per claim:
//!
//! 1. *Grow*: if a full claim returned to an empty buffer, `ahead` becomes twice the events handled per
//!    duration of a claim (measured since the last claim), unless it is already larger. A slow handler thus
//!    gets none, a fast one a thousand. After any full claim, `ahead` becomes at least the events that are
//!    handled in [`SOON`]. Otherwise many consumers would claim a few events each, and the claims would
//!    take the server's time.
//! 2. *Shrink*: if a claim was not full (the queue is empty), `ahead` is halved.
//! 3. *Shrink faster*: if an event waited in the buffer for longer than [`PATIENCE`], `ahead` shrinks by the
//!    same factor, at least by half, so that other consumers can take the events.
//! 4. *Hysteresis*: nothing is claimed while more than half of `ahead` is buffered, because a claim of a few
//!    events costs as much as one of many.
//! 5. *Bounds*: the largest claim, the bytes in [`BUDGET`], and 0 if events are tried only once: a consumer
//!    that dies takes an attempt of every event that it has claimed.

use std::time::Duration;

use eventpipeline_database::{ClaimLimit, LARGEST_CLAIM, MaxAttempts};

/// Time in the buffer beyond which fewer events are claimed ahead.
const PATIENCE: Duration = Duration::from_millis(100);
/// Time in the buffer that delays no event noticeably, because the queue is longer anyway.
const SOON: Duration = Duration::from_millis(50);
/// Maximum bytes of payloads in memory. The last event may exceed the limit.
const BUDGET: usize = 8 * 1024 * 1024;

/// The events and bytes that a consumer holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Number of claimed events that wait for the handler.
    pub(crate) buffered: usize,
    /// Number of events that are being handled.
    pub(crate) handling: usize,
    /// Bytes of the payloads of both.
    pub(crate) bytes: usize,
}

/// The measurements of a claim.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClaimReport {
    /// True if it returned as many events as requested.
    pub(crate) full: bool,
    /// Duration of the claim.
    pub(crate) took: Duration,
    /// True if the buffer was empty when it returned.
    pub(crate) ran_dry: bool,
    /// Number of events handled since the previous claim returned.
    pub(crate) handled: usize,
    /// Time since the previous claim returned.
    pub(crate) since: Duration,
}

/// Decides how many events to claim; see the module's documentation.
#[derive(Debug)]
pub(crate) struct Prefetch {
    concurrency: usize,
    /// Number of events to hold in addition to those that are being handled.
    ahead: usize,
    /// Maximum of `ahead`.
    most_ahead: usize,
}

impl Prefetch {
    pub(crate) fn new(concurrency: usize, max_attempts: MaxAttempts) -> Self {
        let most_ahead = if max_attempts.get() == 1 { 0 } else { LARGEST_CLAIM };
        Self { concurrency, ahead: 0, most_ahead }
    }

    /// Takes into account the longest time that an event waited in the buffer.
    pub(crate) fn waited(&mut self, wait: Duration) {
        if wait > PATIENCE {
            self.ahead = scaled(self.ahead, PATIENCE.as_secs_f64() / wait.as_secs_f64()).min(self.ahead / 2);
        }
    }

    /// Returns how much to claim now; `None` while enough is buffered.
    pub(crate) fn room(&self, load: Load) -> Option<ClaimLimit> {
        let most = (self.concurrency + self.ahead).min(LARGEST_CLAIM);
        let events = most.saturating_sub(load.buffered + load.handling);
        let bytes = BUDGET.saturating_sub(load.bytes);
        let room = load.buffered <= self.ahead / 2 && events > 0 && bytes > 0;
        room.then_some(ClaimLimit { events, bytes })
    }

    /// Takes the measurements of a claim into account.
    pub(crate) fn learn(&mut self, claim: &ClaimReport) {
        if !claim.full {
            self.ahead /= 2;
            return;
        }
        let since = claim.since.max(claim.took).as_secs_f64().max(f64::EPSILON);
        // One half is handled while the other is fetched.
        let during = if claim.ran_dry { 2.0 * claim.took.as_secs_f64() / since } else { 0.0 };
        let soon = SOON.as_secs_f64() / since;
        self.ahead = self.ahead.max(scaled(claim.handled, during.max(soon))).min(self.most_ahead);
    }
}

/// Returns `many` times `factor`, rounded down.
fn scaled(many: usize, factor: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "counts of events in a second: far below 2^52, and never negative"
    )]
    let scaled = (many as f64 * factor) as usize;
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Load = Load { buffered: 0, handling: 0, bytes: 0 };

    fn prefetch(max_attempts: u32) -> Prefetch {
        Prefetch::new(16, MaxAttempts::new(max_attempts).unwrap())
    }

    /// Returns the number of events that there is room for.
    fn room(prefetch: &Prefetch, load: Load) -> usize {
        prefetch.room(load).map_or(0, |limit| limit.events)
    }

    /// Claims as much as there is room for, by a handler that is idle again when the claim returns.
    fn claim_fast(prefetch: &mut Prefetch, handled: usize) -> usize {
        let events = room(prefetch, IDLE);
        let took = Duration::from_millis(5);
        prefetch.learn(&ClaimReport { full: true, took, ran_dry: true, handled, since: took });
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
    fn a_handler_that_finishes_before_the_next_claim_gets_more_and_more() {
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
    fn nothing_is_claimed_ahead_for_a_slow_handler() {
        let mut prefetch = prefetch(10);
        for _ in 0..100 {
            // One handler became idle in the last half second.
            let (took, since) = (Duration::from_millis(5), Duration::from_millis(500));
            prefetch.learn(&ClaimReport { full: true, took, ran_dry: true, handled: 1, since });
        }
        assert_eq!(room(&prefetch, Load { buffered: 0, handling: 16, bytes: 0 }), 0);
        assert_eq!(room(&prefetch, Load { buffered: 0, handling: 13, bytes: 0 }), 3);
    }

    #[test]
    fn one_of_many_consumers_claims_as_much_as_it_handles_soon() {
        let mut prefetch = prefetch(10);
        // 2,000 events per second, and the buffer is never empty.
        let (took, since) = (Duration::from_millis(4), Duration::from_millis(10));
        prefetch.learn(&ClaimReport { full: true, took, ran_dry: false, handled: 20, since });
        assert_eq!(room(&prefetch, Load { buffered: 0, handling: 16, bytes: 0 }), 100);
    }

    #[test]
    fn a_buffer_that_is_half_full_is_not_refilled() {
        let prefetch = grown();
        assert_eq!(room(&prefetch, Load { buffered: 600, handling: 16, bytes: 0 }), 0);
        assert_eq!(room(&prefetch, Load { buffered: 500, handling: 16, bytes: 0 }), LARGEST_CLAIM - 516);
    }

    #[test]
    fn nothing_is_claimed_ahead_while_events_are_few() {
        let mut prefetch = grown();
        for _ in 0..11 {
            prefetch.learn(&ClaimReport::default());
        }
        assert_eq!(room(&prefetch, IDLE), 16);
    }

    #[test]
    fn the_buffer_shrinks_more_the_longer_events_wait() {
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
    fn nothing_is_claimed_ahead_if_events_are_tried_once() {
        let mut prefetch = prefetch(1);
        for _ in 0..12 {
            assert_eq!(claim_fast(&mut prefetch, 16), 16);
        }
    }

    #[test]
    fn payloads_are_limited_by_a_budget() {
        let prefetch = grown();
        let bytes = |bytes| prefetch.room(Load { bytes, ..IDLE }).map(|limit| limit.bytes);
        assert_eq!(bytes(0), Some(BUDGET));
        assert_eq!(bytes(BUDGET - 1), Some(1));
        assert_eq!(bytes(BUDGET), None);
    }
}
