//! The schema: any number of programs may migrate it, and none uses a schema that it does not know.

use eventpipeline_database::{Completion, Database, Error, Metrics, Value};
use eventpipeline_testkit::{Database as Server, Engine};
use prometheus::Registry;

use crate::support::{Fixture, claim, create, ids, on_each};

#[tokio::test]
async fn several_programs_migrate_at_once() {
    for engine in Engine::all() {
        let mut fixture = Fixture::empty(Server::shared(engine).await).await;
        let databases = [(); 4].map(|()| fixture.database.clone());
        let [a, b, c, d] = databases.each_ref().map(Database::migrate);
        let (a, b, c, d) = tokio::join!(a, b, c, d);
        for migrated in [a, b, c, d] {
            migrated.unwrap();
        }
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM DBStatus").await, 1);
        fixture.session().check_schema().await.unwrap();
    }
}

/// A database's name may be longer than the name of a lock.
#[tokio::test]
async fn a_database_may_have_a_long_name() {
    for engine in Engine::all() {
        let mut fixture = Fixture::empty(Server::shared(engine).await).await;
        fixture.args.database_name = "n".repeat(64);
        Server::shared(engine).await.create_database(&fixture.args.database_name).await;
        let database = Database::new(fixture.args.clone(), Metrics::new(&Registry::new()).unwrap());
        database.migrate().await.unwrap();
        database.session().check_schema().await.unwrap();
    }
}

#[tokio::test]
async fn migrating_again_keeps_everything() {
    on_each(async |fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.database.migrate().await.unwrap();
        assert_eq!(session.count().await.unwrap(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_migration_that_was_killed_is_finished_by_the_next() {
    on_each(async |mut fixture| {
        fixture.sql("DROP TABLE Events").await;
        fixture.sql("UPDATE _sqlx_migrations SET success = FALSE").await;
        assert!(matches!(fixture.session().check_schema().await, Err(Error::SchemaOld { found: 0, .. })));
        fixture.database.migrate().await.unwrap();
        fixture.session().check_schema().await.unwrap();
        assert_eq!(create(&mut fixture.session(), 1).await, [1]);
    })
    .await;
}

/// A migration may be killed after its last statement, before it is recorded.
#[tokio::test]
async fn every_migration_is_rerunnable() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("UPDATE _sqlx_migrations SET success = FALSE").await;
        fixture.database.migrate().await.unwrap();
        session.check_schema().await.unwrap();
        assert_eq!(session.count().await.unwrap(), 3);
    })
    .await;
}

/// The table contains events of the previous version.
#[tokio::test]
async fn a_table_of_the_first_version_is_upgraded() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        create(&mut session, 3).await;
        fixture.sql("ALTER TABLE Events DROP COLUMN traceparent").await;
        fixture.sql("DELETE FROM _sqlx_migrations WHERE version > 1").await;
        assert!(matches!(fixture.session().check_schema().await, Err(Error::SchemaOld { found: 1, .. })));
        fixture.database.migrate().await.unwrap();
        assert_eq!(ids(&claim(&mut session, 9).await), [1, 2, 3]);
    })
    .await;
}

#[tokio::test]
async fn a_missing_schema_is_reported_as_old() {
    for engine in Engine::all() {
        let fixture = Fixture::empty(Server::shared(engine).await).await;
        let error = fixture.session().check_schema().await.unwrap_err();
        assert!(matches!(error, Error::SchemaOld { found: 0, .. }), "{error:?}");
        assert!(error.to_string().contains("eventpipeline-producer schema"), "{error}");
    }
}

#[tokio::test]
async fn an_incompatible_newer_schema_is_refused() {
    on_each(async |mut fixture| {
        fixture
            .sql(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of tomorrow', TRUE, '', 0)",
            )
            .await;
        fixture.sql("UPDATE SchemaCompatibility SET oldest_program = 9999").await;
        assert!(matches!(fixture.database.migrate().await, Err(Error::SchemaNew { found: 9999, .. })));
        assert!(matches!(fixture.session().check_schema().await, Err(Error::SchemaNew { found: 9999, .. })));
    })
    .await;
}

#[tokio::test]
async fn tables_of_another_origin_are_not_changed() {
    for engine in Engine::all() {
        let mut fixture = Fixture::empty(Server::shared(engine).await).await;
        fixture.sql("CREATE TABLE Events (id INT, valor VARCHAR(127), processing INT)").await;
        assert!(matches!(fixture.database.migrate().await, Err(Error::ForeignTables)));
        let columns: i64 = fixture
            .value(
                "SELECT COUNT(*) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = 'Events'",
            )
            .await;
        assert_eq!(columns, 3);
    }
}

/// Expand: pods of the previous version work while a newer program migrates, and afterwards.
#[tokio::test]
async fn a_compatible_newer_schema_is_usable_while_it_is_migrated() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let working = tokio::spawn(async move {
            let mut done = 0;
            while done < 300 {
                create(&mut session, 3).await;
                for claim in claim(&mut session, 3).await {
                    let completion = Completion { claim, value: Value::new("palavra").unwrap() };
                    done += session.complete(&[completion]).await.unwrap().len();
                }
                session.check_schema().await.unwrap();
            }
            done
        });
        fixture.sql("ALTER TABLE Events ADD COLUMN tomorrow VARCHAR(55) NULL INVISIBLE").await;
        fixture
            .sql(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'of tomorrow', TRUE, '', 0)",
            )
            .await;
        assert_eq!(working.await.unwrap(), 300);
        // A schema Job of the older version that runs late changes nothing.
        assert_eq!(fixture.database.migrate().await.unwrap(), 9999);
    })
    .await;
}
