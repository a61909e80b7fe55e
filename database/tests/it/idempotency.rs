//! Idempotency keys: a repeated creation creates its events once.

use std::time::Duration;

use eventpipeline_database::{Created, Creation, Finished, IdempotencyKey, LowWaterMark, NewEvent, Session};

use crate::support::{create, on_each};

fn creation(payload: &str, many: usize, key: &str) -> Creation {
    let event = NewEvent { payload: Some(payload.to_owned()), ..NewEvent::default() };
    Creation::many(vec![event; many]).unwrap().with_key(Some(IdempotencyKey::new(key).unwrap()))
}

#[tokio::test]
async fn the_same_key_and_events_return_the_same_ids() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let created = session.create(&[creation("1", 3, "a'b\\"), creation("1", 1, "A'b\\")]).await.unwrap();
        let [Created::New(first), Created::New(second)] = created[..] else { panic!("{created:?}") };
        assert_eq!((first.first().get(), first.len(), second.first().get()), (2, 3, 5));
        let again =
            session.create(&[creation("1", 3, "a'b\\"), Creation::one(NewEvent::default())]).await.unwrap();
        assert_eq!(again[0], Created::Replayed(first));
        assert_eq!(session.create(&[creation("1", 3, "a'b\\")]).await.unwrap(), [Created::Replayed(first)]);
        assert_eq!(session.create(&[creation("2", 3, "a'b\\")]).await.unwrap(), [Created::KeyReused]);
        assert_eq!(session.count().await.unwrap(), 6);
    })
    .await;
}

/// The creation exceeds one statement, so its ids are counted across packets.
#[tokio::test]
async fn events_of_several_statements_have_consecutive_ids() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 2).await;
        let long = "7".repeat(3 * 1024 * 1024);
        let creations = [creation("1", 1, "short"), creation(&long, 3, "long"), creation("1", 2, "last")];
        let created = session.create(&creations).await.unwrap();
        let firsts: Vec<_> = created
            .iter()
            .map(|created| {
                let Created::New(ids) = created else { panic!("{created:?}") };
                ids.first().get()
            })
            .collect();
        assert_eq!(firsts, [3, 4, 7]);
        assert_eq!(
            fixture
                .value::<String>("SELECT GROUP_CONCAT(id, ':', LENGTH(payload) ORDER BY id) FROM Events")
                .await,
            "3:1,4:3145728,5:3145728,6:3145728,7:1,8:1"
        );
        let again = session.create(&creations).await.unwrap();
        for (again, first) in again.iter().zip(firsts) {
            assert!(matches!(again, Created::Replayed(ids) if ids.first().get() == first), "{again:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn concurrent_creations_with_one_key_create_once() {
    on_each(async |mut fixture| {
        let creators: Vec<_> = (0..16)
            .map(|_| {
                let mut session = fixture.session();
                tokio::spawn(async move { session.create(&[creation("1", 2, "once")]).await.unwrap()[0] })
            })
            .collect();
        let (mut new, mut replayed) = (Vec::new(), Vec::new());
        for creator in creators {
            match creator.await.unwrap() {
                Created::New(ids) => new.push(ids),
                Created::Replayed(ids) => replayed.push(ids),
                other @ (Created::KeyReused | Created::NoKeys | Created::TooLarge { .. }) => {
                    panic!("the events are the same: {other:?}")
                }
            }
        }
        assert_eq!((new.len(), replayed.len()), (1, 15));
        assert!(replayed.iter().all(|ids| *ids == new[0]));
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events").await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_forgotten_with_its_event() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        session.create(&[creation("1", 1, "a")]).await.unwrap();
        fixture.sql("UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at").await;
        session.remove(&mut LowWaterMark::default(), Finished::Done, Duration::ZERO, 10).await.unwrap();
        let created = session.create(&[creation("2", 1, "a")]).await.unwrap();
        assert!(matches!(created[..], [Created::New(ids)] if ids.first().get() == 2), "{created:?}");
    })
    .await;
}

/// Otherwise a repeated request would create the events again while the first ones are still processed.
#[tokio::test]
async fn the_key_of_a_batch_lives_as_long_as_any_of_its_events() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 1).await;
        let batch = [creation("1", 3, "batch"), creation("1", 1, "other")];
        let created = session.create(&batch).await.unwrap();
        for first_two in [
            "UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id = 3",
            "UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id = 2",
        ] {
            fixture.sql(first_two).await;
            assert_eq!(remove_done(&mut session).await, 1);
            assert_eq!(session.create(&batch).await.unwrap(), replays(&created));
        }
        fixture
            .sql("UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id IN (4, 5)")
            .await;
        assert_eq!(remove_done(&mut session).await, 2);
        // The first event still exists, so that the keys of removed batches are not deleted yet.
        let keys = "SELECT COUNT(*) FROM IdempotencyKeys";
        assert_eq!(fixture.value::<i64>(keys).await, 1);
        let again = session.create(&batch).await.unwrap();
        assert_eq!(first_ids(&again), [6, 9]);
        assert_eq!(session.count().await.unwrap(), 9);

        fixture.sql("UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at").await;
        assert_eq!(remove_done(&mut session).await, 5);
        create(&mut session, 1).await;
        assert_eq!(fixture.value::<i64>(keys).await, 0);
    })
    .await;
}

/// A key whose first event was removed before the others is deleted later, when no older event exists.
#[tokio::test]
async fn keys_of_removed_batches_are_deleted() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        session.create(&[creation("1", 2, "batch"), creation("1", 1, "other")]).await.unwrap();
        for one_by_one in [
            "UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id = 1",
            "UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id = 2",
        ] {
            fixture.sql(one_by_one).await;
            assert_eq!(remove_done(&mut session).await, 1);
        }
        let keys: String =
            fixture.value("SELECT GROUP_CONCAT(CAST(name AS CHAR)) FROM IdempotencyKeys").await;
        assert_eq!(keys, "other");
    })
    .await;
}

/// Removes completed events, and returns their number.
async fn remove_done(session: &mut Session) -> usize {
    let mark = &mut LowWaterMark::default();
    session.remove(mark, Finished::Done, Duration::ZERO, 10).await.unwrap().events
}

/// Returns the first ids of new events.
fn first_ids(created: &[Created]) -> Vec<i64> {
    let first = |created: &Created| {
        let Created::New(ids) = created else { unreachable!("not new: {created:?}") };
        ids.first().get()
    };
    created.iter().map(first).collect()
}

/// Returns the results of a repetition.
fn replays(created: &[Created]) -> Vec<Created> {
    let replay = |created: &Created| match created {
        Created::New(ids) | Created::Replayed(ids) => Created::Replayed(*ids),
        other => *other,
    };
    created.iter().map(replay).collect()
}
