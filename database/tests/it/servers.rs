//! Servers with unusual settings: each session sets what its statements rely on, and reports why a server is unusable.

use std::time::Duration;

use eventpipeline_database::{
    Created, Creation, Error, Failure, Finished, IdempotencyKey, Lease, Listing, LowWaterMark, NewEvent,
    Next, Outcome, State, Transition, Unusable,
};
use eventpipeline_testkit::{Database as Server, Engine, Options};
use sqlx::Executor as _;

use crate::support::{Fixture, LONG, answer, claim, create, create_all, event_id, ids, on_each, reclaim};

/// Settings that an owner may have changed globally; each engine knows most of them.
const HOSTILE: [&str; 17] = [
    "SET GLOBAL autocommit = 0",
    "SET GLOBAL completion_type = 1",
    "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
    "SET GLOBAL time_zone = '+09:00'",
    "SET GLOBAL TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY",
    "SET GLOBAL innodb_lock_wait_timeout = 1000",
    "SET GLOBAL lock_wait_timeout = 1000",
    "SET GLOBAL sql_safe_updates = 1",
    "SET GLOBAL sql_select_limit = 1",
    "SET GLOBAL max_join_size = 1",
    "SET GLOBAL sql_big_selects = 0",
    "SET GLOBAL character_set_client = latin1",
    "SET GLOBAL character_set_results = latin1",
    "SET GLOBAL collation_connection = latin1_swedish_ci",
    "SET GLOBAL default_storage_engine = MyISAM",
    "SET GLOBAL max_execution_time = 1",
    "SET GLOBAL max_statement_time = 0.001",
];

#[tokio::test]
async fn the_queue_works_with_any_global_settings_of_the_server() {
    for engine in Engine::all() {
        let server = Server::start(engine).await;
        let mut fixture = Fixture::empty(&server).await;
        let mut set = 0;
        for statement in HOSTILE {
            set += usize::from(fixture.other.execute(statement).await.is_ok());
        }
        assert_eq!(
            set,
            HOSTILE.len() - 1,
            "{engine:?} knows all settings except the other engine's time limit"
        );
        fixture.database.migrate().await.unwrap();
        let mut session = fixture.session();
        session.check_schema().await.unwrap();

        let payload = r#"{"a": "it's \"ç\" \\ 🦀"}"#;
        let event = NewEvent { payload: Some(payload.to_owned()), ..NewEvent::default() };
        let key = IdempotencyKey::new("k").ok();
        let creations =
            [Creation::one(event).with_key(key), Creation::many(vec![NewEvent::default(); 5]).unwrap()];
        for round in 0..2 {
            let created = session.create(&creations[..=(1 - round)]).await.unwrap();
            assert_eq!(matches!(created[0], Created::Replayed(_)), round == 1);
        }
        let claims = claim(&mut session, 4).await;
        assert_eq!((ids(&claims), claims[0].payload.as_deref()), (vec![1, 2, 3, 4], Some(payload)));
        assert_eq!(session.complete(&[answer(&claims[0], "maçã")]).await.unwrap(), [event_id(1)]);
        let failure = Failure { claim: claims[1].clone(), error: "não".to_owned(), next: Next::Dead };
        assert_eq!(session.fail(&[failure]).await.unwrap(), [event_id(2)]);
        session.release(&claims[2..3]).await.unwrap();
        assert_eq!(session.extend(&claims[3..], Lease::new(LONG)).await.unwrap(), [event_id(4)]);
        assert_eq!(session.cancel(event_id(5)).await.unwrap(), Transition::Changed);
        assert_eq!(session.retry(event_id(5)).await.unwrap(), Transition::Changed);
        reclaim(&mut session, LONG).await;
        let all = Listing { state: None, after: None, limit: 10 };
        assert_eq!(session.list(&all).await.unwrap().len(), 6);
        assert_eq!(session.read(&(1..=6).map(event_id).collect::<Vec<_>>()).await.unwrap().len(), 6);
        let mark = &mut LowWaterMark::default();
        assert_eq!(session.remove(mark, Finished::Dead, Duration::ZERO, 10).await.unwrap().events, 1);
        let stats = session.stats().await.unwrap();
        assert_eq!(
            (stats.created, stats.pending, stats.processing, stats.done, stats.removed),
            (6, 3, 1, 1, 1)
        );
        session.close().await;

        // All changes are committed, so other clients see them.
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events").await, 5);
        assert_eq!(
            fixture.value::<i64>("SELECT COUNT(*) FROM Events WHERE state = 2 AND valor = 'maçã'").await,
            1
        );
        assert_eq!(fixture.value::<i64>("SELECT removed FROM Ledger").await, 1);
        let open = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";
        assert_eq!(fixture.value::<i64>(open).await, 0);
    }
}

#[tokio::test]
async fn an_unusable_server_is_refused_with_the_reason() {
    for engine in Engine::all() {
        let server = Server::start(engine).await;
        let mut fixture = Fixture::new(&server).await;
        fixture.sql("SET GLOBAL max_allowed_packet = 524288").await;
        let refused = fixture.session().ping().await.unwrap_err();
        assert!(
            refused.to_string().contains("max_allowed_packet is 524288 bytes; it must be at least 1048576")
        );
        fixture.sql("SET GLOBAL max_allowed_packet = 16777216").await;
        fixture.session().ping().await.unwrap();

        fixture.sql("SET GLOBAL read_only = 1").await;
        let refused = fixture.session().ping().await.unwrap_err();
        assert!(matches!(refused, Error::Unusable { why: Unusable::ReadOnly, .. }), "{refused:?}");
        assert!(refused.is_outage() && refused.to_string().contains("read-only"), "{refused}");
    }
    let options = Options {
        durable: true,
        arguments: vec!["--binlog-format=STATEMENT".to_owned()],
        ..Options::default()
    };
    let server = Server::start_with(Engine::MySql, options).await;
    let refused = Fixture::empty(&server).await.session().ping().await.unwrap_err();
    assert!(refused.to_string().contains("binlog_format is STATEMENT"), "{refused}");
}

/// A demoted server has old data, and lacks newer events.
#[tokio::test]
async fn a_demoted_server_does_not_report_that_an_event_is_missing() {
    for engine in Engine::all() {
        let server = Server::start(engine).await;
        let mut fixture = Fixture::new(&server).await;
        let (mut session, mut other) = (fixture.session(), fixture.session());
        create(&mut session, 1).await;
        assert_eq!(session.read(&[event_id(2)]).await.unwrap(), []);
        other.ping().await.unwrap();
        fixture.sql("SET GLOBAL read_only = 1").await;
        let unusable = |error: Error| matches!(error, Error::Unusable { why: Unusable::ReadOnly, .. });
        assert!(unusable(session.read(&[event_id(2)]).await.unwrap_err()));
        assert!(unusable(session.event(event_id(2)).await.unwrap_err()));
        assert!(unusable(session.count().await.unwrap_err()));
        // All sessions know what one has noticed.
        assert!(unusable(other.ping().await.unwrap_err()));
        // A creation waits for another primary, or for this server.
        let creating = tokio::spawn(async move { create(&mut session, 1).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!creating.is_finished());
        fixture.sql("SET GLOBAL read_only = 0").await;
        assert_eq!(creating.await.unwrap(), [2]);
        assert_eq!(other.count().await.unwrap(), 2);
    }
}

/// A transaction that a group of servers rolls back at its commit had no effect.
#[tokio::test]
async fn transactions_that_the_server_rolled_back_or_refused_are_retried() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        for number in ["3101", "3100", "1290", "1180"] {
            let trigger = format!(
                "CREATE TRIGGER unlucky BEFORE INSERT ON Events FOR EACH ROW IF RAND() < 0.3 THEN \
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'rolled back'; END IF"
            );
            fixture.other.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(trigger))).await.unwrap();
            for _ in 0..20 {
                create(&mut session, 1).await;
            }
            fixture.other.execute(sqlx::raw_sql("DROP TRIGGER unlucky")).await.unwrap();
        }
        assert_eq!(session.count().await.unwrap(), 80);
        assert_eq!(fixture.value::<i64>("SELECT COUNT(*) FROM Events").await, 80);
    })
    .await;
}

#[tokio::test]
async fn a_small_packet_size_splits_batches_and_limits_payloads() {
    for engine in Engine::all() {
        let options = Options { arguments: vec!["--max-allowed-packet=1M".to_owned()], ..Options::default() };
        let server = Server::start_with(engine, options).await;
        let fixture = Fixture::new(&server).await;
        let mut session = fixture.session();
        let of = |bytes: usize| NewEvent { payload: Some("x".repeat(bytes)), ..NewEvent::default() };
        // More than three packets, with and without a key.
        for key in [None, IdempotencyKey::new("k").ok()] {
            let creation = Creation::many(vec![of(65_000); 50]).unwrap().with_key(key);
            let Created::New(created) = session.create(&[creation]).await.unwrap()[0] else { unreachable!() };
            assert_eq!(created.len(), 50);
        }
        let creations = [Creation::one(of(600_000)), Creation::one(of(500_000))];
        let created = session.create(&creations).await.unwrap();
        let Created::TooLarge { limit } = created[0] else { unreachable!("{created:?}") };
        assert!((500_000..600_000).contains(&limit), "{limit}");
        assert!(matches!(created[1], Created::New(_)), "{created:?}");
        create_all(&mut session, vec![of(limit)]).await;
        assert_eq!(session.count().await.unwrap(), 102);

        let claims = claim(&mut session, 200).await;
        let completions: Vec<_> = claims.iter().map(|claim| answer(claim, &"\u{1}".repeat(8000))).collect();
        assert_eq!(session.complete(&completions).await.unwrap().len(), claims.len());
    }
}

/// A statement with an unknown outcome may have taken effect.
#[tokio::test]
async fn a_statement_that_times_out_ends_on_the_server_and_is_not_reported_as_failed() {
    on_each(async |mut fixture| {
        let mut session = fixture.session();
        let trigger = "CREATE TRIGGER slow BEFORE INSERT ON Events FOR EACH ROW SET NEW.priority = SLEEP(40)";
        fixture.other.execute(sqlx::raw_sql(trigger)).await.unwrap();
        let error = session.create(&[Creation::one(NewEvent::default())]).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error:?}");
        // The server's process list shows no such statement any more.
        let at_work = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
             WHERE DB = DATABASE() AND INFO LIKE '%INTO Events%' AND ID <> CONNECTION_ID()";
        eventpipeline_testkit::until(Duration::from_secs(20), async || {
            (fixture.value::<i64>(at_work).await == 0).then_some(())
        })
        .await
        .unwrap();
        fixture.other.execute(sqlx::raw_sql("DROP TRIGGER slow")).await.unwrap();
        let next = event_id(create(&mut session, 1).await[0]);
        assert_eq!(session.event(next).await.unwrap().unwrap().state, State::Pending);
    })
    .await;
}
