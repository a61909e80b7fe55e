//! A database with a wrong or stepping clock: nothing is removed by such a clock.
//!
//! The test uses `init_connect` to set the time that `UTC_TIMESTAMP()` returns to new sessions of unprivileged users.

use std::time::Duration;

use eventpipeline_database::{Database, DatabaseArgs, Error, Finished, LowWaterMark, Metrics, Removal};
use eventpipeline_testkit::{Database as Server, Engine};
use prometheus::Registry;
use sqlx::{AssertSqlSafe, Executor as _};

use crate::support::{Fixture, create};

const DAY: i64 = 86_400;

/// Starts a process that has not observed the database's clock before.
fn process(args: &DatabaseArgs, registry: &Registry) -> Database {
    Database::new(args.clone(), Metrics::new(registry).unwrap())
}

/// Removes events on a new connection.
async fn remove(process: &Database) -> Result<Removal, Error> {
    let mut session = process.session();
    session.remove(&mut LowWaterMark::default(), Finished::Done, Duration::from_hours(1), 10).await
}

/// Makes the clock of new sessions `seconds` ahead.
async fn ahead(fixture: &mut Fixture, seconds: i64) {
    let sql = format!("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + {seconds}'");
    fixture.other.execute(AssertSqlSafe(sql)).await.unwrap();
}

fn value(registry: &Registry, name: &str) -> f64 {
    let families = registry.gather();
    let metric = &families.iter().find(|family| family.name() == name).unwrap().get_metric()[0];
    metric.get_gauge().get_value() + metric.get_counter().get_value()
}

#[tokio::test]
async fn nothing_is_removed_by_a_wrong_or_stepping_clock() {
    for engine in Engine::all() {
        let server = Server::start(engine).await;
        let mut fixture = Fixture::new(&server).await;
        create(&mut fixture.session(), 2).await;
        fixture.sql("UPDATE Events SET valor = 'x', done_at = UTC_TIMESTAMP(6), due = done_at").await;
        fixture.sql("CREATE USER plain@'%' IDENTIFIED BY ''").await;
        fixture.sql("GRANT ALL ON `test%`.* TO plain@'%'").await;
        std::fs::write(&fixture.args.database_password_file, "").unwrap();
        let args = DatabaseArgs { database_user: "plain".to_owned(), ..fixture.args.clone() };
        let nothing = Removal { events: 0, more: false };
        let registry = Registry::new();

        let witness = process(&args, &registry);
        assert_eq!(remove(&witness).await.unwrap(), nothing);
        for wrong in [10 * DAY, -10 * DAY] {
            ahead(&mut fixture, wrong).await;
            let refused = remove(&process(&args, &Registry::new())).await.unwrap_err();
            let Error::ClockDisagrees { seconds } = refused else { panic!("{refused:?}") };
            assert!((seconds - wrong).abs() < 60, "{seconds}");
        }
        // This process has seen the correct time, so it notices even a small step.
        ahead(&mut fixture, 4 * 60).await;
        let refused = remove(&witness).await.unwrap_err();
        assert!(matches!(refused, Error::ClockStepped { .. }), "{refused:?}");
        assert!((value(&registry, "eventpipeline_database_clock_steps_total") - 1.0).abs() < 0.1);
        let offset = value(&registry, "eventpipeline_database_clock_offset_seconds");
        assert!((offset - 240.0).abs() < 60.0, "{offset}");

        // Events that are old by a correct clock are removed.
        ahead(&mut fixture, 0).await;
        fixture.sql("UPDATE Events SET due = due - INTERVAL 2 HOUR WHERE id = 1").await;
        let removal = remove(&process(&args, &Registry::new())).await.unwrap();
        assert_eq!(removal, Removal { events: 1, more: false });
    }
}
