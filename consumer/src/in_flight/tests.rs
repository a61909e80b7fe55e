//! Tests of claims that are lost or take long, at each stage.

use prometheus::Registry;

use super::*;
use crate::claim_key::test_claim;

const LONG: Duration = Duration::from_millis(100);

struct Fixture(InFlight);

impl Fixture {
    fn new() -> Self {
        Self(InFlight::new(EventMetrics::new(&Registry::new()).unwrap()))
    }

    fn claim(&self, id: i64, since: Instant) -> BufferedEvent {
        let claim = test_claim(id, 1);
        self.0.claimed(std::slice::from_ref(&claim), since);
        BufferedEvent { claim, arrived: Instant::now() }
    }

    fn load(&self) -> (usize, usize) {
        let Load { buffered, handling, .. } = self.0.load();
        (buffered, handling)
    }
}

fn ids(claims: &[Claimed]) -> Vec<i64> {
    claims.iter().map(|claim| claim.id.get()).collect()
}

#[test]
fn an_event_is_buffered_then_handled_then_settled() {
    let fixture = Fixture::new();
    let event = fixture.claim(1, Instant::now());
    assert_eq!(fixture.load(), (1, 0));
    assert_eq!(fixture.0.summary().events, 1);
    assert!(fixture.0.begin(&event));
    assert_eq!(fixture.load(), (0, 1));
    assert!(fixture.0.handled(key(&event.claim)));
    assert_eq!((fixture.load(), fixture.0.take_handled()), ((0, 0), 1));
    assert_eq!(fixture.0.summary().events, 1, "it is not settled");
    fixture.0.settled([key(&event.claim)]);
    assert_eq!(fixture.0.summary(), InFlightSummary { events: 0, oldest_seconds: 0.0 });
    assert!(ids(&fixture.0.overdue(Duration::ZERO).begun).is_empty());
}

#[test]
fn an_event_lost_in_the_buffer_is_not_handled() {
    let fixture = Fixture::new();
    let event = fixture.claim(1, Instant::now());
    assert_eq!(fixture.0.lost([key(&event.claim)]), [event.claim.id]);
    assert!(!fixture.0.begin(&event));
    assert_eq!(fixture.load(), (0, 0));
}

#[tokio::test]
async fn an_attempt_is_cancelled_when_its_claim_is_lost() {
    let fixture = Fixture::new();
    let event = fixture.claim(1, Instant::now());
    assert!(fixture.0.begin(&event));
    let task = tokio::spawn(std::future::pending::<()>());
    fixture.0.runs_as(key(&event.claim), task.abort_handle());
    assert_eq!(fixture.0.lost([key(&event.claim)]), [event.claim.id]);
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(!fixture.0.handled(key(&event.claim)));
    assert_eq!(fixture.load(), (0, 0));
}

#[tokio::test]
async fn an_attempt_is_cancelled_if_its_claim_was_lost_just_before() {
    let fixture = Fixture::new();
    let event = fixture.claim(1, Instant::now());
    assert!(fixture.0.begin(&event));
    fixture.0.lost([key(&event.claim)]);
    let task = tokio::spawn(std::future::pending::<()>());
    fixture.0.runs_as(key(&event.claim), task.abort_handle());
    assert!(task.await.unwrap_err().is_cancelled());
}

#[test]
fn a_handled_event_is_left_to_the_settler() {
    let fixture = Fixture::new();
    let event = fixture.claim(1, Instant::now());
    assert!(fixture.0.begin(&event));
    assert!(fixture.0.handled(key(&event.claim)));
    assert!(fixture.0.lost([key(&event.claim)]).is_empty());
}

#[test]
fn an_event_claimed_again_is_another_entry() {
    let fixture = Fixture::new();
    let first = fixture.claim(1, Instant::now());
    let again = Claimed { token: 2, ..first.claim.clone() };
    fixture.0.claimed(std::slice::from_ref(&again), Instant::now());
    fixture.0.lost([key(&first.claim)]);
    assert!(!fixture.0.begin(&first));
    assert!(fixture.0.begin(&BufferedEvent { claim: again, arrived: Instant::now() }));
}

#[test]
fn claims_whose_leases_were_not_extended_are_overdue() {
    let fixture = Fixture::new();
    let before = Instant::now();
    fixture.claim(2, before);
    let begun = fixture.claim(3, before);
    assert!(fixture.0.begin(&begun));
    std::thread::sleep(LONG);
    let now = Instant::now();
    fixture.claim(1, now + LONG);
    let overdue = fixture.0.overdue(LONG);
    assert_eq!((ids(&overdue.buffered), ids(&overdue.begun)), (vec![2], vec![3]));
    fixture.0.renewed([key(&begun.claim)], now + LONG);
    assert!(fixture.0.overdue(LONG).begun.is_empty());
}

#[test]
fn an_event_released_from_the_buffer_counts_as_a_long_wait() {
    let fixture = Fixture::new();
    let event = fixture.claim(1, Instant::now());
    std::thread::sleep(LONG);
    fixture.0.lost([key(&event.claim)]);
    assert!(fixture.0.take_longest_wait() >= LONG);
}
