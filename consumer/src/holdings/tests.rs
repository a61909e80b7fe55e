//! Claims that are lost or take long, at each stage.

use prometheus::Registry;

use super::*;

const LONG: Duration = Duration::from_mins(10);

struct Hands(Holdings);

impl Hands {
    fn new() -> Self {
        Self(Holdings::new(Metrics::new(&Registry::new()).unwrap()))
    }

    fn claim(&self, id: i64, since: Instant) -> Held {
        let claim = Claimed {
            id: EventId::new(id).unwrap(),
            token: 1,
            attempt: 1,
            payload: None,
            age: Duration::ZERO,
            trace: None,
            alone: false,
        };
        self.0.claimed(std::slice::from_ref(&claim), since);
        Held { claim, arrived: Instant::now() }
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
    let hands = Hands::new();
    let held = hands.claim(1, Instant::now());
    assert_eq!(hands.load(), (1, 0));
    assert_eq!(hands.0.work().events, 1);
    assert!(hands.0.begin(&held));
    assert_eq!(hands.load(), (0, 1));
    assert!(hands.0.handled(key(&held.claim)));
    assert_eq!((hands.load(), hands.0.take_handled()), ((0, 0), 1));
    assert_eq!(hands.0.work().events, 1, "its answer is not written down yet");
    hands.0.settled([key(&held.claim)]);
    assert_eq!(hands.0.work(), Work { events: 0, oldest_seconds: 0.0 });
    assert!(ids(&hands.0.overdue(Duration::ZERO).begun).is_empty());
}

#[test]
fn what_is_lost_in_the_buffer_is_not_begun() {
    let hands = Hands::new();
    let held = hands.claim(1, Instant::now());
    assert_eq!(hands.0.lost([key(&held.claim)]), [held.claim.id]);
    assert!(!hands.0.begin(&held));
    assert_eq!(hands.load(), (0, 0));
}

#[tokio::test]
async fn what_is_lost_while_it_is_handled_is_cut_off() {
    let hands = Hands::new();
    let held = hands.claim(1, Instant::now());
    assert!(hands.0.begin(&held));
    let task = tokio::spawn(std::future::pending::<()>());
    hands.0.runs_as(key(&held.claim), task.abort_handle());
    assert_eq!(hands.0.lost([key(&held.claim)]), [held.claim.id]);
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(!hands.0.handled(key(&held.claim)));
    assert_eq!(hands.load(), (0, 0));
}

#[tokio::test]
async fn what_is_lost_just_before_it_runs_is_cut_off() {
    let hands = Hands::new();
    let held = hands.claim(1, Instant::now());
    assert!(hands.0.begin(&held));
    hands.0.lost([key(&held.claim)]);
    let task = tokio::spawn(std::future::pending::<()>());
    hands.0.runs_as(key(&held.claim), task.abort_handle());
    assert!(task.await.unwrap_err().is_cancelled());
}

#[test]
fn what_is_handled_is_for_the_settler_to_find_lost() {
    let hands = Hands::new();
    let held = hands.claim(1, Instant::now());
    assert!(hands.0.begin(&held));
    assert!(hands.0.handled(key(&held.claim)));
    assert!(hands.0.lost([key(&held.claim)]).is_empty());
}

#[test]
fn an_event_that_was_claimed_again_is_another_one() {
    let hands = Hands::new();
    let first = hands.claim(1, Instant::now());
    let again = Claimed { token: 2, ..first.claim.clone() };
    hands.0.claimed(std::slice::from_ref(&again), Instant::now());
    hands.0.lost([key(&first.claim)]);
    assert!(!hands.0.begin(&first));
    assert!(hands.0.begin(&Held { claim: again, arrived: Instant::now() }));
}

#[test]
fn claims_that_were_not_renewed_for_long_are_overdue() {
    let hands = Hands::new();
    let now = Instant::now();
    let Some(before) = now.checked_sub(LONG) else { return };
    hands.claim(1, now);
    hands.claim(2, before);
    let begun = hands.claim(3, before);
    assert!(hands.0.begin(&begun));
    let overdue = hands.0.overdue(LONG / 2);
    assert_eq!((ids(&overdue.buffered), ids(&overdue.begun)), (vec![2], vec![3]));
    hands.0.renewed([key(&begun.claim)], now);
    assert!(hands.0.overdue(LONG / 2).begun.is_empty());
}

#[test]
fn what_is_given_back_from_the_buffer_counts_as_a_long_wait() {
    let hands = Hands::new();
    let Some(before) = Instant::now().checked_sub(LONG) else { return };
    let held = hands.claim(1, before);
    hands.0.lost([key(&held.claim)]);
    assert!(hands.0.take_longest_wait() >= LONG);
}
