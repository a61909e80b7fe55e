//! The table contract: programs that know only the classic columns run unmodified beside ours.

use sqlx::Row as _;

use crate::support::{claim, create, ids, on_each};

#[tokio::test]
async fn the_tables_look_as_they_did() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events VALUES (1, '', 0)").await;
        fixture.sql("INSERT INTO Events (id) VALUES (2)").await;
        let rows =
            sqlx::query("SELECT * FROM Events ORDER BY id").fetch_all(&mut fixture.other).await.unwrap();
        assert_eq!(rows[1].len(), 3);
        assert_eq!(
            (rows[1].get::<i64, _>(0), rows[1].get::<&str, _>(1), rows[1].get::<i32, _>(2)),
            (2, "", 0)
        );
        let status = sqlx::query("SELECT * FROM DBStatus").fetch_all(&mut fixture.other).await.unwrap();
        assert_eq!((status.len(), status[0].len(), status[0].get::<i64, _>(0)), (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn what_a_classic_producer_inserts_is_claimed() {
    on_each(async |mut fixture| {
        fixture.sql("INSERT INTO Events (id, valor, processing) VALUES (1, NULL, NULL), (2, '', NULL)").await;
        fixture
            .sql("INSERT INTO Events (id, valor, processing) VALUES (3, 'done', 0), (4, '', 1), (5, '', 0)")
            .await;
        assert_eq!(ids(&claim(&mut fixture.session(), 10).await), [1, 2, 5]);
    })
    .await;
}

#[tokio::test]
async fn what_a_classic_consumer_holds_or_has_done_is_not_claimed() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 1").await;
        fixture.sql("UPDATE Events SET processing = 1 WHERE id = 2").await;
        fixture.sql("UPDATE Events SET valor = 'palavra', processing = 0 WHERE id = 2").await;
        assert_eq!(ids(&claim(&mut session, 10).await), [3]);
    })
    .await;
}

/// Such a producer reads the counter, inserts the next id, and only then moves the counter.
#[tokio::test]
async fn an_id_that_a_classic_producer_took_before_it_was_counted_is_passed_over() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        assert_eq!(create(&mut session, 1).await, [1]);
        fixture.sql("INSERT INTO Events (id) VALUES (2), (3)").await;
        assert_eq!(create(&mut session, 2).await, [4, 5]);
        assert_eq!(session.count().await.unwrap(), 5);
        assert_eq!(ids(&claim(&mut session, 10).await), [1, 2, 3, 4, 5]);
    })
    .await;
}
