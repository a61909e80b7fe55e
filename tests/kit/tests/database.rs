//! The kit's databases as the tests of other crates use them.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::{process::Command, time::Duration};

use eventpipeline_testkit::{Database, Engine, Options};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

/// Runs a statement with Debian's client, which supports both engines.
fn sql(database: &Database, statement: &str) -> Result<String, String> {
    let port = format!("--port={}", database.port());
    let output = Command::new("mariadb")
        .args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1", "--user=root", "--batch"])
        .args(["--skip-column-names", "--connect-timeout=60", &port, "--execute", statement])
        .output()
        .expect("the client of the package mariadb-client-core");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

async fn greeted(database: &Database, within: Duration) -> bool {
    let mut stream = TcpStream::connect((database.host(), database.port())).await.expect("the port is open");
    timeout(within, stream.read_u8()).await.is_ok()
}

#[tokio::test]
async fn root_may_do_everything_on_a_fresh_server() {
    for engine in Engine::all() {
        let database = Database::start(engine).await;
        let answer = sql(
            &database,
            "CREATE DATABASE a; CREATE TABLE a.t (n INT); INSERT a.t VALUES (7); SELECT n FROM a.t",
        );
        assert_eq!(answer.as_deref(), Ok("7"), "{engine:?}");
        let version = sql(&database, "SELECT VERSION()").expect("a version");
        assert_eq!(version.contains("MariaDB"), engine == Engine::MariaDb, "{engine:?} says {version}");
    }
}

#[tokio::test]
async fn two_servers_are_independent() {
    let (one, other) = tokio::join!(Database::start(Engine::MySql), Database::start(Engine::MySql));
    assert_ne!(one.port(), other.port());
    sql(&one, "CREATE DATABASE mine").expect("a database");
    assert_eq!(sql(&other, "SHOW DATABASES LIKE 'mine'").as_deref(), Ok(""));
}

#[tokio::test]
async fn a_start_leaves_the_temporary_tables_of_others_alone() {
    for engine in Engine::all() {
        let (one, other) = tokio::join!(Database::start(engine), Database::start(engine));
        let folder = |database| sql(database, "SELECT @@tmpdir").expect("a folder");
        assert_ne!(folder(&one), folder(&other), "{engine:?}");
        assert!(folder(&one).contains("eventpipeline-test-"), "{engine:?} uses {}", folder(&one));
    }
}

#[tokio::test]
async fn committed_data_survives_kill9_and_stop() {
    for engine in Engine::all() {
        for durable in [false, true] {
            let database = Database::start_with(engine, Options { durable, ..Options::default() }).await;
            sql(&database, "CREATE DATABASE a; CREATE TABLE a.t (n INT PRIMARY KEY)").expect("a table");
            sql(&database, "INSERT a.t VALUES (1)").expect("a row");
            database.kill9();
            assert!(sql(&database, "SELECT 1").is_err(), "{engine:?} answers after kill -9");
            database.restart().await;
            sql(&database, "INSERT a.t VALUES (2)").expect("a row");
            database.stop().await;
            database.restart().await;
            assert_eq!(
                sql(&database, "SELECT COUNT(*) FROM a.t").as_deref(),
                Ok("2"),
                "{engine:?} {durable}"
            );
        }
    }
}

#[tokio::test]
async fn durable_means_synced_at_every_commit() {
    for engine in Engine::all() {
        let database = Database::start_with(engine, Options { durable: true, ..Options::default() }).await;
        let answer = sql(&database, "SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin");
        assert_eq!(answer.as_deref(), Ok("1\t1\t1"), "{engine:?}");
    }
}

#[tokio::test]
async fn arguments_reach_the_server() {
    let arguments = vec!["--innodb-lock-wait-timeout=3".to_owned()];
    let database = Database::start_with(Engine::MySql, Options { arguments, ..Options::default() }).await;
    assert_eq!(sql(&database, "SELECT @@innodb_lock_wait_timeout").as_deref(), Ok("3"));
}

#[tokio::test]
async fn a_frozen_server_does_not_answer_until_it_thaws() {
    let database = Database::start(Engine::MySql).await;
    database.freeze();
    assert!(!greeted(&database, Duration::from_millis(500)).await);
    database.thaw();
    assert!(greeted(&database, Duration::from_secs(30)).await);
}

#[tokio::test]
#[should_panic(expected = "unknown variable 'no-such-setting=1'")]
async fn a_failed_start_reports_the_cause() {
    let arguments = vec!["--no-such-setting=1".to_owned()];
    Database::start_with(Engine::MySql, Options { arguments, ..Options::default() }).await;
}

#[tokio::test]
async fn a_shared_server_is_one_server() {
    let (one, other) = tokio::join!(Database::shared(Engine::MariaDb), Database::shared(Engine::MariaDb));
    assert_eq!(one.port(), other.port());
    sql(one, "SELECT 1").expect("an answer");
}
