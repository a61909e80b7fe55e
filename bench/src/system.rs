//! A pipeline on a durable MySQL, and queries of it.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use eventpipeline_testkit::{Database, Engine, Fault, Options, Preload, Program, Proxy};
use futures::future::join_all;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};

const NAME: &str = "bench";

/// Arguments as durable as those of the managed database, with memory for a million events.
const SERVER: [&str; 4] = [
    "--max-connections=700",
    "--innodb-buffer-pool-size=512M",
    "--innodb-redo-log-capacity=512M",
    "--innodb-flush-log-at-trx-commit=1",
];

/// MySQL's defaults, with more connections. The test kit's own arguments differ from them.
const STOCK: [&str; 4] = [
    "--max-connections=700",
    "--innodb-buffer-pool-size=128M",
    "--innodb-redo-log-capacity=100M",
    "--performance-schema=ON",
];

/// Delays each flush of the server. The variable `FLUSH_DELAY_MICROSECONDS` has the delay.
const SLOW_FLUSHES: &str = include_str!("system/slow_flushes.c");

/// Starts a durable MySQL.
pub(crate) async fn mysql() -> Database {
    Conditions::default().server(None).await
}

/// Starts a durable MySQL with its default sizes.
pub(crate) async fn stock_mysql() -> Database {
    Conditions { stock: true, ..Conditions::default() }.server(None).await
}

/// The conditions under which a pipeline runs. The default is a tuned server without delays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conditions {
    /// The server has MySQL's default sizes of its buffer pool and redo log, and its performance schema.
    pub(crate) stock: bool,
    /// Additional duration of each flush of the server.
    pub(crate) flush: Duration,
    /// Delay of the network between programs and server, each way.
    pub(crate) network: Duration,
}

impl Conditions {
    async fn server(self, slow: Option<&Preload>) -> Database {
        let settings = if self.stock { &STOCK[..] } else { &SERVER[..] };
        let arguments = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let delay = ("FLUSH_DELAY_MICROSECONDS".to_owned(), self.flush.as_micros().to_string());
        let environment = slow.map(|slow| vec![slow.variable(), delay]).unwrap_or_default();
        Database::start_with(Engine::MySql, Options { durable: true, arguments, environment }).await
    }
}

/// The server's counters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    /// Statements of clients. Each statement of a packet counts.
    pub(crate) statements: f64,
    /// Fsyncs of the storage engine.
    pub(crate) fsyncs: f64,
    /// `COMMIT` statements.
    pub(crate) commits: f64,
    /// Waits for row locks.
    pub(crate) lock_waits: f64,
}

impl Counters {
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            statements: self.statements - before.statements,
            fsyncs: self.fsyncs - before.fsyncs,
            commits: self.commits - before.commits,
            lock_waits: self.lock_waits - before.lock_waits,
        }
    }
}

/// The pipeline. Dropping it ends everything.
pub(crate) struct System {
    pub(crate) mysql: Database,
    pub(crate) sql: MySqlConnection,
    programs: PathBuf,
    wakeups: [SocketAddr; 2],
    // Between the programs and the server, if the network is slow.
    proxy: Option<Proxy>,
    _slow: Option<Preload>,
}

/// A running producer.
pub(crate) struct Producer {
    pub(crate) program: Program,
    pub(crate) api: SocketAddr,
}

impl System {
    /// Starts a database with the tables, and no programs.
    pub(crate) async fn start(programs: &Path) -> anyhow::Result<Self> {
        Self::start_under(programs, Conditions::default()).await
    }

    /// Starts a database with the tables under these conditions, and no programs.
    pub(crate) async fn start_under(programs: &Path, conditions: Conditions) -> anyhow::Result<Self> {
        let programs =
            programs.canonicalize().with_context(|| format!("no folder {}", programs.display()))?;
        for program in ["eventpipeline-producer", "eventpipeline-consumer"] {
            if !programs.join(program).is_file() {
                bail!("{} contains no {program}: name the folder by --programs", programs.display());
            }
        }
        let slow = (!conditions.flush.is_zero()).then(|| Preload::compile(SLOW_FLUSHES));
        let mysql = conditions.server(slow.as_ref()).await;
        mysql.create_database(NAME).await;
        let sql = MySqlConnection::connect(&mysql.url(NAME)).await?;
        let proxy = if conditions.network.is_zero() { None } else { Some(Proxy::start(mysql.port()).await) };
        let wakeups = [free_udp()?, free_udp()?];
        let system = Self { mysql, sql, programs, wakeups, proxy, _slow: slow };
        let mut schema = system.run("eventpipeline-producer", &["schema"], &[]);
        if !schema.end().await.success() {
            bail!("failed to create the tables: {}", schema.log());
        }
        if let Some(proxy) = &system.proxy {
            proxy.set(Fault::Slow(conditions.network));
        }
        Ok(system)
    }

    /// Lets events have keys.
    pub(crate) async fn enable_keys(&self) -> anyhow::Result<()> {
        let rules = [("KEYS", r#"{"concurrency": 1, "onDead": "Skip"}"#)];
        let mut schema = self.run("eventpipeline-producer", &["schema"], &rules);
        if !schema.end().await.success() {
            bail!("failed to enable keys: {}", schema.log());
        }
        Ok(())
    }

    /// Starts the only producer.
    pub(crate) async fn producer(&self) -> Producer {
        let [own, peer] = self.wakeups;
        self.producer_at(own, peer).await
    }

    /// Starts producers that no consumer wakes.
    pub(crate) async fn producers(&self, many: usize) -> anyhow::Result<Vec<Producer>> {
        let [_, peer] = self.wakeups;
        let addresses = free_udps(many)?;
        Ok(join_all(addresses.into_iter().map(|own| self.producer_at(own, peer))).await)
    }

    async fn producer_at(&self, own: SocketAddr, peer: SocketAddr) -> Producer {
        let (own, peer) = (own.to_string(), peer.to_string());
        let further = [
            ("LISTEN_ADDRESS", "127.0.0.1:0"),
            ("WAKE_ADDRESS", own.as_str()),
            ("WAKE_PEERS", peer.as_str()),
        ];
        let program = self.run("eventpipeline-producer", &["serve"], &further);
        let api = program.address("the API listens").await;
        program.line("database is ready").await;
        Producer { program, api }
    }

    /// Starts the only consumer.
    pub(crate) async fn consumer(&self) -> Program {
        let [peer, own] = self.wakeups;
        self.consumer_at(own, peer).await
    }

    /// Starts consumers that no producer wakes.
    pub(crate) async fn consumers(&self, many: usize) -> anyhow::Result<Vec<Program>> {
        let [peer, _] = self.wakeups;
        let addresses = free_udps(many)?;
        Ok(join_all(addresses.into_iter().map(|own| self.consumer_at(own, peer))).await)
    }

    /// Starts a consumer that no producer wakes, with a short lease, so that others soon claim its events if it is killed.
    pub(crate) async fn mortal_consumer(&self) -> anyhow::Result<Program> {
        let ([peer, _], own) = (self.wakeups, free_udp()?);
        Ok(self.consumer_with(own, peer, &[("LEASE_SECONDS", "5")]).await)
    }

    async fn consumer_at(&self, own: SocketAddr, peer: SocketAddr) -> Program {
        self.consumer_with(own, peer, &[]).await
    }

    async fn consumer_with(&self, own: SocketAddr, peer: SocketAddr, further: &[(&str, &str)]) -> Program {
        let (own, peer) = (own.to_string(), peer.to_string());
        let wakeups = [("WAKE_ADDRESS", own.as_str()), ("WAKE_PEERS", peer.as_str())];
        let further = [&wakeups, further].concat();
        let program = self.run("eventpipeline-consumer", &["serve"], &further);
        program.line("database is ready").await;
        program
    }

    fn run(&self, name: &'static str, arguments: &[&str], further: &[(&str, &str)]) -> Program {
        let port = self.proxy.as_ref().map_or(self.mysql.port(), Proxy::port).to_string();
        let program = self.programs.join(name).display().to_string();
        let environment = [
            ("DATABASE_HOST", self.mysql.host()),
            ("DATABASE_PORT", &port),
            ("DATABASE_NAME", NAME),
            ("DATABASE_USER", self.mysql.user()),
            ("DATABASE_PASSWORD_FILE", "/dev/null"),
            ("ADMIN_ADDRESS", "127.0.0.1:0"),
        ];
        let command = [&[program.as_str()], arguments].concat();
        Program::start(name, &command, &[&environment, further].concat())
    }

    /// Opens another connection to the database.
    pub(crate) async fn connect(&self) -> anyhow::Result<MySqlConnection> {
        Ok(MySqlConnection::connect(&self.mysql.url(NAME)).await?)
    }

    /// Blocks purge until the connection is dropped.
    pub(crate) async fn block_purge(&self) -> anyhow::Result<MySqlConnection> {
        block_purge(&self.mysql, NAME).await
    }

    /// Returns the number that a query selects.
    pub(crate) async fn number(&mut self, query: &'static str) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(query).fetch_one(&mut self.sql).await?)
    }

    pub(crate) async fn counters(&mut self) -> anyhow::Result<Counters> {
        let mut counters = Counters { statements: 0.0, fsyncs: 0.0, commits: 0.0, lock_waits: 0.0 };
        for row in self.sql.fetch_all("SHOW GLOBAL STATUS").await? {
            let (name, value): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let value = value.parse().unwrap_or_default();
            match name.as_str() {
                "Questions" => counters.statements = value,
                "Innodb_data_fsyncs" => counters.fsyncs = value,
                "Com_commit" => counters.commits = value,
                "Innodb_row_lock_waits" => counters.lock_waits = value,
                _ => {}
            }
        }
        Ok(counters)
    }

    /// Returns the number of pending and claimed events.
    pub(crate) async fn backlog(&mut self) -> anyhow::Result<i64> {
        self.number("SELECT COUNT(*) FROM Events FORCE INDEX (state_due) WHERE state IN (0, 1)").await
    }

    /// Waits until no event is pending or claimed.
    pub(crate) async fn drained(&mut self) -> anyhow::Result<()> {
        while self.backlog().await? > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Inserts `many` pending events without a producer, as old as if one had created 5,000 per second.
pub(crate) async fn fill_waiting(sql: &mut MySqlConnection, many: u32) -> anyhow::Result<()> {
    fill(sql, many, "'', UTC_TIMESTAMP(6) - INTERVAL (MANY - n) * 200 MICROSECOND, NULL").await
}

/// Inserts `many` finished events.
pub(crate) async fn fill_finished(sql: &mut MySqlConnection, many: u32) -> anyhow::Result<()> {
    fill(sql, many, "'palavra', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)").await
}

async fn fill(sql: &mut MySqlConnection, many: u32, values: &str) -> anyhow::Result<()> {
    let statements = format!(
        "SET SESSION cte_max_recursion_depth = 10000000; \
         SET @first = (SELECT id FROM DBStatus); \
         INSERT INTO Events (id, valor, due, done_at) WITH RECURSIVE numbers AS \
           (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < MANY) \
           SELECT @first + n, {values} FROM numbers; \
         UPDATE DBStatus SET id = id + MANY"
    );
    let statements = statements.replace("MANY", &many.to_string());
    sql.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    Ok(())
}

/// Inserts `each` events of each of `keys` keys, in turn, as if one producer had created them. The first event of each key is not
/// blocked.
pub(crate) async fn fill_keys(sql: &mut MySqlConnection, keys: u32, each: u32) -> anyhow::Result<()> {
    let statements = "SET SESSION cte_max_recursion_depth = 10000000; \
         SET @first = (SELECT id FROM DBStatus); \
         INSERT INTO Events (id, processing, due, event_key, key_number, blocked) WITH RECURSIVE numbers AS \
           (SELECT 0 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < KEYS * EACH - 1) \
           SELECT @first + 1 + n, 2, UTC_TIMESTAMP(6) - INTERVAL (KEYS * EACH - n) * 200 MICROSECOND, \
             CONCAT('key ', n MOD KEYS), 4294967296 + n MOD KEYS, n >= KEYS FROM numbers; \
         INSERT INTO EventKeys (number, events, running) WITH RECURSIVE numbers AS \
           (SELECT 0 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < KEYS - 1) \
           SELECT 4294967296 + n, EACH, 1 FROM numbers; \
         UPDATE DBStatus SET id = id + KEYS * EACH";
    let statements = statements.replace("KEYS", &keys.to_string()).replace("EACH", &each.to_string());
    sql.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    Ok(())
}

/// Opens a transaction that blocks purge while it is open.
pub(crate) async fn block_purge(mysql: &Database, database: &str) -> anyhow::Result<MySqlConnection> {
    let mut forgotten = MySqlConnection::connect(&mysql.url(database)).await?;
    forgotten.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
    forgotten.execute("SELECT COUNT(*) FROM DBStatus").await?;
    Ok(forgotten)
}

/// Returns free UDP addresses.
fn free_udps(many: usize) -> anyhow::Result<Vec<SocketAddr>> {
    (0..many).map(|_| free_udp()).collect()
}

/// Returns a free UDP address.
fn free_udp() -> anyhow::Result<SocketAddr> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?)
}
