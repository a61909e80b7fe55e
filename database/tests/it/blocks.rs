//! I1, I2 and I8 with ids in blocks: creations do not wait for each other, and are counted exactly.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventpipeline_database::{
    Classic, Created, Creation, Finished, IdempotencyKey, LowWaterMark, NewEvent, Session,
};
use sqlx::Executor as _;

use crate::support::{Fixture, create, on_each};

/// Creates a database whose producers may take ids in blocks.
pub(crate) async fn with_blocks(fixture: &Fixture) {
    fixture.database.apply_classic_support(Classic::default()).await.unwrap();
}

/// Creates events until the session takes ids from a block, whatever the speed of the machine.
async fn until_block(session: &mut Session, fixture: &mut Fixture) {
    while used_blocks(fixture).await == 0 {
        create(session, 1).await;
        create(session, 1).await;
    }
}

async fn used_blocks(fixture: &mut Fixture) -> i64 {
    fixture.value("SELECT COUNT(*) FROM IdBlocks WHERE used > 0").await
}

async fn stored(fixture: &mut Fixture) -> i64 {
    fixture.value("SELECT COUNT(*) FROM Events").await
}

fn distinct(ids: &[i64]) -> usize {
    ids.iter().collect::<BTreeSet<_>>().len()
}

fn with_key(payload: &str, many: usize, key: &str) -> Creation {
    let event = NewEvent { payload: Some(payload.to_owned()), ..NewEvent::default() };
    Creation::many(vec![event; many]).unwrap().with_key(Some(IdempotencyKey::new(key).unwrap()))
}

#[tokio::test]
async fn concurrent_sessions_share_no_id_and_the_count_is_exact_at_any_moment() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let over = Arc::new(AtomicBool::new(false));
        let counts = {
            let (mut session, mut other) = (fixture.session(), fixture.another().await);
            let over = Arc::clone(&over);
            tokio::spawn(async move {
                let mut before = 0;
                while !over.load(Ordering::Relaxed) {
                    let stored = "SELECT COUNT(*) FROM Events";
                    let earlier: i64 = sqlx::query_scalar(stored).fetch_one(&mut other).await.unwrap();
                    let count = session.count().await.unwrap();
                    let later: i64 = sqlx::query_scalar(stored).fetch_one(&mut other).await.unwrap();
                    assert!((earlier..=later).contains(&count), "{earlier} <= {count} <= {later}");
                    assert!(count >= before, "{count} after {before}");
                    before = count;
                }
            })
        };
        let creators = (1..=8).map(|size| {
            let mut session = fixture.session();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..100 {
                    ids.extend(create(&mut session, size).await);
                }
                ids
            })
        });
        let mut all = Vec::new();
        for creator in creators.collect::<Vec<_>>() {
            all.extend(creator.await.unwrap());
        }
        over.store(true, Ordering::Relaxed);
        counts.await.unwrap();
        assert_eq!((all.len(), distinct(&all)), (3600, 3600));
        assert!(used_blocks(&mut fixture).await > 0, "no block was used");
        assert_eq!(stored(&mut fixture).await, 3600);
        assert_eq!(fixture.session().count().await.unwrap(), 3600);
        let stats = fixture.session().stats().await.unwrap();
        assert_eq!((stats.created, stats.pending), (3600, 3600));
    })
    .await;
}

#[tokio::test]
async fn a_single_session_has_no_gaps() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        until_block(&mut session, &mut fixture).await;
        let before = session.count().await.unwrap();
        // Without pauses, so that no id comes from the counter.
        let mut ids = Vec::new();
        for _ in 0..600 {
            ids.extend(create(&mut session, 3).await);
        }
        assert_eq!(session.count().await.unwrap(), before + 1800);
        let gaps: i64 = fixture.value("SELECT CAST(SUM(skipped) AS SIGNED) FROM IdBlocks").await;
        assert_eq!(distinct(&ids), 1800);
        // A machine that stops for some milliseconds takes ids from the counter in between.
        let span = ids.iter().max().unwrap() - ids.iter().min().unwrap() + 1;
        assert!(span >= 1800 && (gaps > 0 || span <= 1800 + 256), "{span} ids, {gaps} skipped");
    })
    .await;
}

#[tokio::test]
async fn a_locked_counter_stops_no_creation_with_a_block() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        until_block(&mut session, &mut fixture).await;
        let mut holder = fixture.another().await;
        // A busy session: a pause that is shorter than a transaction does not make it leave its block.
        let several = vec![Creation::one(NewEvent::default()); 4];
        loop {
            // The session may take its next ids from the counter after a pause. It has lost its block if that was locked.
            for _ in 0..2 {
                session.create(&several).await.unwrap();
            }
            holder.execute("START TRANSACTION").await.unwrap();
            holder.execute("SELECT id FROM DBStatus FOR UPDATE").await.unwrap();
            let before: i64 = fixture.value("SELECT CAST(SUM(used) AS SIGNED) FROM IdBlocks").await;
            let created = session.create(&several).await;
            holder.execute("ROLLBACK").await.unwrap();
            let after: i64 = fixture.value("SELECT CAST(SUM(used) AS SIGNED) FROM IdBlocks").await;
            if after > before {
                assert!(created.unwrap().iter().all(|created| matches!(created, Created::New(_))));
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn concurrent_creations_with_one_key_create_once() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let creators: Vec<_> = (0..8)
            .map(|_| {
                let mut session = fixture.session();
                tokio::spawn(async move {
                    let mut firsts = Vec::new();
                    for round in 0..40 {
                        // Different orders of the keys, and a further event that is always new.
                        let mut creations = vec![
                            with_key("1", 2, &format!("a{round}")),
                            with_key("1", 1, &format!("b{round}")),
                        ];
                        if rand::random() {
                            creations.reverse();
                        }
                        creations.push(Creation::one(NewEvent::default()));
                        let mut ids = Vec::new();
                        for created in session.create(&creations).await.unwrap() {
                            match created {
                                Created::New(found) | Created::Replayed(found) => ids.push(found.first()),
                                other => panic!("{other:?}"),
                            }
                        }
                        ids.truncate(2);
                        ids.sort_unstable();
                        firsts.push(ids);
                    }
                    firsts
                })
            })
            .collect();
        let mut answers = Vec::new();
        for creator in creators {
            answers.push(creator.await.unwrap());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "the ids of a key differ");
        assert_eq!(stored(&mut fixture).await, 40 * 3 + 8 * 40);
        assert_eq!(fixture.session().count().await.unwrap(), 40 * 3 + 8 * 40);
    })
    .await;
}

/// Another session with the same slot has used it, which the statement imitates.
#[tokio::test]
async fn a_session_whose_block_was_moved_continues_with_another() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        until_block(&mut session, &mut fixture).await;
        let mut ids = Vec::new();
        for _ in 0..50 {
            ids.extend(create(&mut session, 2).await);
            fixture.sql("UPDATE IdBlocks SET used = used + 1, skipped = skipped + 1 WHERE used < last").await;
        }
        assert_eq!(distinct(&ids), 100);
        // The ids that were skipped have no event, and are counted as used and as skipped.
        assert_eq!(session.count().await.unwrap(), stored(&mut fixture).await);
    })
    .await;
}

#[tokio::test]
async fn a_counter_that_is_written_back_repeats_no_id() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut sessions = [fixture.session(), fixture.session()];
        let mut ids = Vec::new();
        for round in 0..20 {
            for session in &mut sessions {
                for _ in 0..5 {
                    ids.extend(create(session, 100).await);
                }
            }
            if round % 5 == 4 {
                fixture.sql("UPDATE DBStatus SET id = 1").await;
            }
        }
        assert_eq!(distinct(&ids), 20 * 2 * 500);
        assert_eq!(stored(&mut fixture).await, 20 * 2 * 500);
    })
    .await;
}

#[tokio::test]
async fn classic_producers_that_lock_the_counter_share_no_id_with_blocks() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut classic = fixture.another().await;
        let mut session = fixture.session();
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.extend(create(&mut session, 3).await);
            for statement in ["START TRANSACTION", "UPDATE DBStatus SET id = id + 1"] {
                classic.execute(statement).await.unwrap();
            }
            let id: i64 =
                sqlx::query_scalar("SELECT id FROM DBStatus").fetch_one(&mut classic).await.unwrap();
            sqlx::query("INSERT INTO Events (id) VALUES (?)").bind(id).execute(&mut classic).await.unwrap();
            classic.execute("COMMIT").await.unwrap();
            ids.push(id);
            ids.extend(create(&mut session, 3).await);
        }
        assert_eq!(distinct(&ids), 700);
        assert_eq!(fixture.session().count().await.unwrap(), 700);
        assert_eq!(stored(&mut fixture).await, 700);
    })
    .await;
}

/// A program that inserts ids without counting them takes ids of the block.
#[tokio::test]
async fn ids_that_another_program_takes_are_skipped() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        until_block(&mut session, &mut fixture).await;
        fixture
            .sql(
                "INSERT INTO Events (id) SELECT used + 1 FROM IdBlocks WHERE used < last UNION ALL \
                 SELECT used + 3 FROM IdBlocks WHERE used + 3 <= last",
            )
            .await;
        let before = stored(&mut fixture).await;
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.extend(create(&mut session, 2).await);
        }
        assert_eq!(distinct(&ids), 40);
        assert_eq!(stored(&mut fixture).await, before + 40);
    })
    .await;
}

#[tokio::test]
async fn with_classic_programs_all_ids_come_from_the_counter() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        until_block(&mut session, &mut fixture).await;
        let classic = Classic { producers: true, consumers: false };
        fixture.database.apply_classic_support(classic).await.unwrap();
        let before: i64 = fixture.value("SELECT id FROM DBStatus").await;
        let count = session.count().await.unwrap();
        assert_eq!(count, stored(&mut fixture).await);
        let mut ids = Vec::new();
        for _ in 0..10 {
            ids.extend(create(&mut session, 2).await);
        }
        assert_eq!(ids, (before + 1..=before + 20).collect::<Vec<_>>());
        assert_eq!(session.count().await.unwrap(), count + 20);
        assert_eq!(fixture.value::<i64>("SELECT id FROM DBStatus").await, before + 20);
    })
    .await;
}

/// Ids do not follow the order of commits, so an event may have a lower id than the oldest one that a removal has seen.
#[tokio::test]
async fn a_removal_deletes_only_keys_without_events() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        session.create(&[with_key("1", 2, "first")]).await.unwrap();
        session.create(&[with_key("1", 1, "second")]).await.unwrap();
        // An event with a key whose other events were removed.
        fixture
            .sql("UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id IN (1, 3)")
            .await;
        let mark = &mut LowWaterMark::default();
        session.remove(mark, Finished::Done, std::time::Duration::ZERO, 10).await.unwrap();
        let keys = "SELECT GROUP_CONCAT(CAST(name AS CHAR) ORDER BY name) FROM IdempotencyKeys";
        assert_eq!(fixture.value::<String>(keys).await, "first");
        let again = session.create(&[with_key("1", 2, "first")]).await.unwrap();
        assert!(matches!(again[..], [Created::Replayed(_)]), "{again:?}");
    })
    .await;
}

/// A removal that read all keys would wait for those that others have locked, and lock those that others need.
#[tokio::test]
async fn a_removal_does_not_wait_for_the_locked_keys_of_others() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let creations: Vec<_> = (1..=1000).map(|number| with_key("1", 1, &number.to_string())).collect();
        session.create(&creations).await.unwrap();
        let finished =
            "UPDATE Events SET valor = 'done', done_at = '2020-01-01', due = done_at WHERE id IN (1, 3)";
        fixture.sql(finished).await;
        let mut holder = fixture.another().await;
        holder.execute("START TRANSACTION").await.unwrap();
        holder.execute("SELECT * FROM IdempotencyKeys WHERE name IN ('2', '999') FOR UPDATE").await.unwrap();
        let mark = &mut LowWaterMark::default();
        let removal = session.remove(mark, Finished::Done, std::time::Duration::ZERO, 10).await.unwrap();
        holder.execute("ROLLBACK").await.unwrap();
        assert_eq!(removal.events, 2);
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM IdempotencyKeys").await, 998);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_keeps_all_blocks_locked_is_reported() {
    on_each(async |mut fixture| {
        with_blocks(&fixture).await;
        let mut session = fixture.session();
        until_block(&mut session, &mut fixture).await;
        let mut holder = fixture.another().await;
        let failure = loop {
            create(&mut session, 1).await;
            holder.execute("START TRANSACTION").await.unwrap();
            holder.execute("SELECT * FROM IdBlocks FOR UPDATE").await.unwrap();
            // After a pause the session takes its id from the counter.
            let created = session.create(&[Creation::one(NewEvent::default())]).await;
            holder.execute("ROLLBACK").await.unwrap();
            if let Err(failure) = created {
                break failure;
            }
        };
        assert!(failure.to_string().contains("ids (rows of IdBlocks)"), "{failure}");
        create(&mut session, 1).await;
        assert_eq!(session.count().await.unwrap(), stored(&mut fixture).await);
    })
    .await;
}
