//! A session's settings, and the lifetime of its connections.

use std::time::{Duration, Instant};

use eventpipeline_testkit::{Database as Server, Engine};

use super::*;
use crate::Outcome;
use crate::test_database::named;

fn database(server: &Server) -> Database {
    named("mysql", server)
}

/// Returns the server's number for the session's connection.
async fn number(session: &mut Session) -> i64 {
    session.connect().await.unwrap();
    session.connection.as_ref().unwrap().server.connection
}

#[tokio::test]
async fn sessions_take_no_gap_locks_and_do_not_wait_long_for_locks() {
    for (engine, isolation) in [
        (Engine::MySql, "SELECT @@session.transaction_isolation"),
        (Engine::MariaDb, "SELECT @@session.tx_isolation"),
    ] {
        let database = database(Server::shared(engine).await);
        let mut connection = database.connect().await.unwrap();
        let isolation: String = sqlx::query_scalar(isolation).fetch_one(&mut connection).await.unwrap();
        assert_eq!(isolation, "READ-COMMITTED");
        for (variable, limit) in [
            ("SELECT CAST(@@session.innodb_lock_wait_timeout AS SIGNED)", OPERATION_LIMIT),
            ("SELECT CAST(@@session.lock_wait_timeout AS SIGNED)", OPERATION_LIMIT),
            ("SELECT CAST(@@session.wait_timeout AS SIGNED)", Duration::from_secs(61)),
        ] {
            let seconds: i64 = sqlx::query_scalar(variable).fetch_one(&mut connection).await.unwrap();
            assert!(Duration::from_secs(seconds.unsigned_abs()) < limit, "{variable}: {seconds}");
        }
    }
}

/// The server may have closed an idle connection, and a load balancer may have dropped it silently.
#[tokio::test]
async fn an_idle_connection_is_replaced() {
    let database = database(Server::shared(Engine::MySql).await);
    let mut session = database.session();
    session.ping().await.unwrap();
    let id = number(&mut session).await;
    session.connection.as_mut().unwrap().last_used =
        Instant::now().checked_sub(connected::IDLE_LIMIT).unwrap();
    let mut other = database.connect().await.unwrap();
    let mut kill = SqlBatch::new("KILL ");
    kill.number(id);
    kill.execute(&mut other).await.unwrap();
    session.ping().await.unwrap();
}

#[tokio::test]
async fn a_connection_expires_unless_the_server_has_no_other() {
    for engine in Engine::all() {
        let server = Server::start(engine).await;
        let database = database(&server);
        let (mut session, mut other) = (database.session(), database.connect().await.unwrap());
        let first = number(&mut session).await;
        assert_eq!(number(&mut session).await, first);
        session.connection.as_mut().unwrap().expires = Instant::now();
        let second = number(&mut session).await;
        assert_ne!(second, first);
        // The connections that the server allows, and the one that it reserves for an administrator.
        SqlBatch::new("SET GLOBAL max_connections = 10").execute(&mut other).await.unwrap();
        let mut taken = Vec::new();
        while let Ok(connection) = database.connect().await {
            taken.push(connection);
            assert!(taken.len() < 20);
        }
        let refused = database.session().ping().await.unwrap_err();
        assert!(refused.to_string().contains("raise max_connections"), "{refused}");
        assert_eq!(refused.outcome(), Outcome::NotDone);
        session.connection.as_mut().unwrap().expires = Instant::now();
        assert_eq!(number(&mut session).await, second, "{engine:?}");
        session.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_lost_server_makes_every_session_reconnect() {
    let server = Server::shared(Engine::MySql).await;
    let database = database(server);
    let (mut one, mut other) = (database.session(), database.session());
    let (first, second) = (number(&mut one).await, number(&mut other).await);
    let mut kill = SqlBatch::new("KILL ");
    kill.number(first);
    kill.execute(&mut database.connect().await.unwrap()).await.unwrap();
    one.ping().await.unwrap_err();
    assert_ne!(number(&mut other).await, second);
}
