//! I1 and I2: an answered id exists with its payload, ids are distinct, and the counter counts them.

use std::collections::BTreeSet;

use eventpipeline_database::{Creation, NewEvent};

use crate::support::{claim, create, create_all, on_each};

#[tokio::test]
async fn ids_begin_at_one_and_have_no_gaps() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        assert_eq!(session.count().await.unwrap(), 0);
        assert_eq!(create(&mut session, 3).await, [1, 2, 3]);
        assert!(session.create(&[]).await.unwrap().is_empty());
        assert_eq!(create(&mut session, 1000).await, (4..=1003).collect::<Vec<_>>());
        assert_eq!(session.count().await.unwrap(), 1003);
    })
    .await;
}

#[tokio::test]
async fn concurrent_producers_share_no_id_and_count_every_event() {
    on_each(async |mut fixture| {
        let creators = (1..=8).map(|size| {
            let mut session = fixture.session();
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..20 {
                    ids.extend(create(&mut session, size).await);
                }
                ids
            })
        });
        let mut all = Vec::new();
        for creator in creators.collect::<Vec<_>>() {
            all.extend(creator.await.unwrap());
        }
        assert_eq!(all.len(), 20 * (1..=8).sum::<usize>());
        let distinct: BTreeSet<i64> = all.into_iter().collect();
        assert_eq!(distinct, (1..=720).collect());
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events").await, 720);
        assert_eq!(fixture.session().count().await.unwrap(), 720);
    })
    .await;
}

#[tokio::test]
async fn a_payload_is_stored_unchanged() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        let long = format!("\"{}\"", "ã🦀".repeat(8000));
        let payloads = [None, Some("{\"b\": 1,  \"a\": null}".to_owned()), Some(long)];
        let events: Vec<NewEvent> = payloads
            .iter()
            .map(|payload| NewEvent { payload: payload.clone(), ..NewEvent::default() })
            .collect();
        create_all(&mut session, events).await;
        let claimed: Vec<Option<String>> =
            claim(&mut session, 10).await.into_iter().map(|claim| claim.payload).collect();
        assert_eq!(claimed, payloads);
    })
    .await;
}

#[tokio::test]
async fn no_event_is_created_without_a_counter() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("DELETE FROM Events").await;
        fixture.sql("DELETE FROM DBStatus").await;
        let creation = Creation::many(vec![NewEvent::default(); 2]).unwrap();
        for mut session in [session, fixture.session()] {
            let error = session.create(std::slice::from_ref(&creation)).await.unwrap_err();
            assert!(error.to_string().contains("DBStatus must have one row"), "{error}");
            assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events").await, 0);
        }
    })
    .await;
}
