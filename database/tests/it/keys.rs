//! Events with the same key are handled in the order of their creation, whatever happens to them.

use std::time::Duration;

use eventpipeline_database::{
    Claimed, Created, Creation, Cursor, EventId, EventKey, Failure, Finished, KeyRules, LARGEST_REMOVAL,
    Listing, LowWaterMark, NewEvent, Next, NotBefore, Priority, Session, State, Transition,
};

use crate::support::{
    Fixture, answer, claim, claim_to_try, create, create_all, has_due, on_each, reclaim, watch,
};

pub(crate) const ONE: &str = r#"{"concurrency": 1, "onDead": "Skip"}"#;
const TWO: &str = r#"{"concurrency": 2, "onDead": "Skip"}"#;
const BLOCK: &str = r#"{"concurrency": 1, "onDead": "Block"}"#;

pub(crate) fn of(key: &str) -> NewEvent {
    NewEvent { key: EventKey::new(key).ok(), ..NewEvent::default() }
}

pub(crate) async fn set_rules(fixture: &Fixture, rules: &str) {
    fixture.database.apply_key_rules(Some(KeyRules::from_json(rules).unwrap())).await.unwrap();
}

/// Creates an event of each key in one transaction.
pub(crate) async fn create_keys(session: &mut Session, keys: &[&str]) -> Vec<EventId> {
    create_all(session, keys.iter().map(|key| of(key)).collect()).await
}

pub(crate) fn ids(claims: &[Claimed]) -> Vec<EventId> {
    claims.iter().map(|claim| claim.id).collect()
}

pub(crate) async fn complete(session: &mut Session, claims: &[Claimed]) {
    let completions: Vec<_> = claims.iter().map(|claim| answer(claim, "palavra")).collect();
    assert_eq!(session.complete(&completions).await.unwrap().len(), claims.len());
}

fn failure(claim: Claimed, next: Next) -> Failure {
    Failure { claim, error: "no".to_owned(), next }
}

/// Claims events, completes them, and goes on until none is left. Returns the claims of each round.
pub(crate) async fn rounds(session: &mut Session) -> Vec<Vec<EventId>> {
    let mut rounds = Vec::new();
    loop {
        let claims = claim(session, 100).await;
        if claims.is_empty() {
            return rounds;
        }
        complete(session, &claims).await;
        rounds.push(ids(&claims));
    }
}

/// Asserts that no key has events.
pub(crate) async fn assert_over(fixture: &mut Fixture) {
    assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM EventKeys").await, 0);
    assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events WHERE key_number IS NOT NULL").await, 0);
}

#[tokio::test]
async fn an_event_follows_when_the_previous_one_of_its_key_is_done() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "a", "b", "a"]).await;
        let later = create_keys(&mut session, &["b", "a"]).await;
        let plain = create(&mut session, 1).await;
        let first = claim(&mut session, 100).await;
        assert_eq!(ids(&first), [events[0], events[2], EventId::new(plain[0]).unwrap()]);
        assert_eq!(first[0].key.as_deref(), Some("a"));
        assert!(!has_due(&mut session).await);
        complete(&mut session, &first).await;
        assert_eq!(rounds(&mut session).await, [vec![events[1], later[0]], vec![events[3]], vec![later[1]]]);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn a_number_of_events_of_a_key_run_at_once_and_a_change_of_it_takes_effect() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, TWO).await;
        let mut events = create_keys(&mut session, &["a"; 9]).await;
        let first = claim(&mut session, 100).await;
        assert_eq!(ids(&first), events[..2]);
        complete(&mut session, &first[1..]).await;
        let third = claim(&mut session, 100).await;
        assert_eq!(ids(&third), [events[2]]);
        set_rules(&fixture, ONE).await;
        complete(&mut session, &first[..1]).await;
        assert!(claim(&mut session, 100).await.is_empty());
        complete(&mut session, &third).await;
        let fourth = claim(&mut session, 100).await;
        assert_eq!(ids(&fourth), [events[3]]);
        set_rules(&fixture, r#"{"concurrency": 3, "onDead": "Skip"}"#).await;
        // There is a place, but others of the key are blocked.
        events.extend(create_keys(&mut session, &["a"]).await);
        complete(&mut session, &fourth).await;
        // One more runs with each event that ends.
        assert_eq!(
            rounds(&mut session).await,
            [vec![events[4], events[5]], vec![events[6], events[7], events[8]], vec![events[9]]]
        );
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn a_failed_event_keeps_its_key_and_delays_no_other() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "a", "b"]).await;
        let claims = claim(&mut session, 100).await;
        let hour = Duration::from_hours(1);
        session.fail(&[failure(claims[0].clone(), Next::Retry { after: hour })]).await.unwrap();
        session.release(&claims[1..]).await.unwrap();
        assert_eq!(rounds(&mut session).await, [vec![events[2]]]);
        fixture.sql("UPDATE Events SET due = UTC_TIMESTAMP(6) WHERE state = 0").await;
        let again = claim(&mut session, 100).await;
        assert_eq!(ids(&again), [events[0]]);
        session.fail(&[failure(again[0].clone(), Next::Dead)]).await.unwrap();
        assert_eq!(rounds(&mut session).await, [vec![events[1]]]);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn a_dead_event_blocks_its_key_until_it_is_retried_or_removed() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, BLOCK).await;
        let events = create_keys(&mut session, &["a", "a", "a", "b"]).await;
        let claims = claim(&mut session, 100).await;
        session.fail(&[failure(claims[0].clone(), Next::Dead)]).await.unwrap();
        complete(&mut session, &claims[1..]).await;
        assert!(!has_due(&mut session).await);
        assert_eq!(session.retry(events[0]).await.unwrap(), Transition::Changed);
        assert_eq!(rounds(&mut session).await, [vec![events[0]], vec![events[1]], vec![events[2]]]);

        let events = create_keys(&mut session, &["a", "a"]).await;
        let claims = claim(&mut session, 100).await;
        session.fail(&[failure(claims[0].clone(), Next::Dead)]).await.unwrap();
        assert!(!has_due(&mut session).await);
        fixture.sql("UPDATE Events SET due = due - INTERVAL 1 HOUR WHERE state = 3").await;
        let mark = &mut LowWaterMark::default();
        let minute = Duration::from_mins(1);
        let removal = session.remove(mark, Finished::Dead, minute, LARGEST_REMOVAL).await.unwrap();
        assert_eq!(removal.events, 1);
        assert_eq!(rounds(&mut session).await, [vec![events[1]]]);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn the_event_of_a_crashed_consumer_keeps_its_key_until_its_attempts_are_over() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        watch(&mut session).await;
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "a"]).await;
        let minute = Duration::from_mins(1);
        for _ in 1..crate::support::MAX_ATTEMPTS {
            let claims = claim_to_try(&mut session, Duration::ZERO, 100).await;
            assert_eq!(ids(&claims), [events[0]]);
            assert_eq!(reclaim(&mut session, minute).await.freed, [events[0]]);
            // A completion that comes too late does not end the event.
            assert!(session.complete(&[answer(&claims[0], "tarde")]).await.unwrap().is_empty());
        }
        let last = claim_to_try(&mut session, Duration::ZERO, 100).await;
        assert_eq!(reclaim(&mut session, minute).await.dead, [events[0]]);
        assert!(session.complete(&[answer(&last[0], "tarde")]).await.unwrap().is_empty());
        assert_eq!(rounds(&mut session).await, [vec![events[1]]]);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_event_leaves_its_key_and_a_retried_one_comes_last() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a"; 5]).await;
        assert_eq!(session.cancel(events[1]).await.unwrap(), Transition::Changed);
        assert_eq!(session.cancel(events[0]).await.unwrap(), Transition::Changed);
        assert_eq!(session.cancel(events[0]).await.unwrap(), Transition::Refused(State::Cancelled));
        let counted = "SELECT COUNT(*) FROM Events WHERE state = 4 AND key_number IS NOT NULL";
        assert_eq!(fixture.value::<i64>(counted).await, 0);
        assert_eq!(fixture.value::<i32>("SELECT events FROM EventKeys").await, 3);
        assert_eq!(session.retry(events[2]).await.unwrap(), Transition::Refused(State::Pending));
        assert_eq!(session.retry(events[3]).await.unwrap(), Transition::Refused(State::Blocked));
        assert_eq!(session.retry(events[0]).await.unwrap(), Transition::Changed);
        let expected = [events[2], events[3], events[4], events[0]].map(|event| vec![event]);
        assert_eq!(rounds(&mut session).await, expected);
        assert_eq!(session.retry(events[1]).await.unwrap(), Transition::Changed);
        assert_eq!(rounds(&mut session).await, [vec![events[1]]]);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn a_blocked_event_keeps_its_time_and_its_key_outlives_steps_of_the_clock() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let later = NewEvent { not_before: Some(NotBefore::Delay(3600)), ..of("a") };
        let urgent = NewEvent { priority: Priority::MAX, ..of("a") };
        let mut events = create_all(&mut session, vec![of("a"), later, urgent]).await;
        // As if the clock had been an hour ahead.
        fixture.sql("UPDATE EventKeys SET place = place + 3600000000").await;
        fixture.sql("UPDATE Events SET due = due + INTERVAL 1 HOUR WHERE blocked = 1").await;
        events.extend(create_keys(&mut session, &["a"]).await);
        assert_eq!(rounds(&mut session).await, [vec![events[0]]]);
        // The second event begins in an hour, and the others after it.
        let stats = session.stats().await.unwrap();
        assert_eq!((stats.scheduled, stats.blocked, stats.done), (1, 2, 1));
        fixture.sql("UPDATE Events SET due = UTC_TIMESTAMP(6), not_before = NULL WHERE state = 0").await;
        let expected = [events[1], events[2], events[3]].map(|event| vec![event]);
        assert_eq!(rounds(&mut session).await, expected);
        assert_over(&mut fixture).await;
    })
    .await;
}

#[tokio::test]
async fn without_rules_no_event_with_a_key_is_created() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        let creations = [Creation::one(of("a")), Creation::one(NewEvent::default())];
        let created = session.create(&creations).await.unwrap();
        assert!(matches!(created[..], [Created::NoKeys, Created::New(_)]), "{created:?}");
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "a"]).await;
        // Events that have a key already keep their order.
        fixture.database.apply_key_rules(None).await.unwrap();
        let created = fixture.session().create(&creations[..1]).await.unwrap();
        assert!(matches!(created[..], [Created::NoKeys]), "{created:?}");
        let mut expected: Vec<_> = events.iter().map(|event| vec![*event]).collect();
        let rounds = rounds(&mut session).await;
        expected[0].insert(0, rounds[0][0]);
        assert_eq!(rounds, expected);
    })
    .await;
}

#[tokio::test]
async fn blocked_events_are_counted_shown_and_listed_by_key() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let events = create_keys(&mut session, &["a", "b", "a", "b", "b", "a", "c"]).await;
        let stats = session.stats().await.unwrap();
        assert_eq!((stats.created, stats.pending, stats.blocked), (7, 3, 4));
        let event = session.event(events[2]).await.unwrap().unwrap();
        assert_eq!((event.state, event.key.as_deref()), (State::Blocked, Some("a")));
        for limit in 1..=5 {
            let (mut listed, mut after) = (Vec::new(), None::<Cursor>);
            loop {
                let page =
                    session.list(&Listing { state: Some(State::Blocked), after, limit }).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.into());
                listed.extend(page);
            }
            let of = |key: &str| -> Vec<_> {
                listed
                    .iter()
                    .filter(|event| event.key.as_deref() == Some(key))
                    .map(|event| event.id)
                    .collect()
            };
            assert_eq!(of("a"), [events[2], events[5]]);
            assert_eq!(of("b"), [events[3], events[4]]);
            assert_eq!(listed.len(), 4);
        }
        let pending = session.list(&Listing { state: Some(State::Pending), after: None, limit: 10 }).await;
        assert_eq!(pending.unwrap().len(), 3);
        let classic = "SELECT COUNT(*) FROM Events WHERE valor = '' AND processing = 0";
        assert_eq!(fixture.value::<i64>(classic).await, 0);
        let claims = claim(&mut session, 10).await;
        session.release(&claims).await.unwrap();
        assert_eq!(fixture.value::<i64>(classic).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_many_keys_is_completed_at_once() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        set_rules(&fixture, ONE).await;
        let keys: Vec<String> = (0..700).map(|key| format!("key {key}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let first = create_keys(&mut session, &keys).await;
        let second = create_keys(&mut session, &keys).await;
        let claims = claim(&mut session, 1000).await;
        assert_eq!(ids(&claims), first);
        complete(&mut session, &claims).await;
        let claims = claim(&mut session, 1000).await;
        assert_eq!(ids(&claims), second);
        complete(&mut session, &claims).await;
        assert_over(&mut fixture).await;
    })
    .await;
}
