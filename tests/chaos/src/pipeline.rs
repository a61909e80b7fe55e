//! The pipeline: a durable MySQL, networks to it that can fail, producers and consumers as processes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use eventpipeline_chaos::{Rest, Row};
use eventpipeline_testkit::{Database, Engine, Fault, Options, Port, Program, Proxy, client, free_udp};
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

const NAME: &str = "chaos";
/// Short, so that frozen consumers lose their claims within a run.
const LEASE: &str = "2";
/// How long finished events are kept: so that most are read before, and many are removed in a run.
pub(crate) const KEPT_SECONDS: u32 = 25;
/// How long everything may take to end after the last fault.
pub(crate) const REST: Duration = Duration::from_mins(2);

/// What is removed is kept as it was: nobody who only looks now and then is certain to have seen it.
const KEEP_GONE: [&str; 2] = [
    "CREATE TABLE Gone (id BIGINT NOT NULL PRIMARY KEY, state TINYINT NOT NULL, valor VARCHAR(8000), payload LONGTEXT, \
     attempts INT NOT NULL, token BIGINT NOT NULL, created_at DATETIME(6) NOT NULL, removed_at DATETIME(6) NOT NULL)",
    "CREATE TRIGGER Events_gone BEFORE DELETE ON Events FOR EACH ROW INSERT INTO Gone \
     (id, state, valor, payload, attempts, token, created_at, removed_at) VALUES \
     (OLD.id, OLD.state, OLD.valor, OLD.payload, OLD.attempts, OLD.token, OLD.created_at, UTC_TIMESTAMP(6))",
];

/// A program that can be killed and started again.
pub(crate) struct Member {
    name: &'static str,
    further: Vec<(&'static str, String)>,
    database_port: u16,
    running: Mutex<Running>,
}

struct Running {
    program: Program,
    /// Of earlier ones, to be shown when a promise was broken.
    logs: Vec<String>,
}

pub(crate) struct Pipeline {
    pub(crate) mysql: Database,
    /// The networks between programs and the database.
    pub(crate) proxies: Vec<Proxy>,
    pub(crate) producers: Vec<Member>,
    pub(crate) consumers: Vec<Member>,
    /// Where the producers listen, again after each kill.
    apis: [Port; 2],
    /// Where all programs hear hints.
    pub(crate) hints: Vec<SocketAddr>,
    programs: PathBuf,
    /// Whether clients are to ask for more.
    load: watch::Sender<bool>,
}

impl Pipeline {
    pub(crate) async fn start(programs: &Path, handler: SocketAddr) -> anyhow::Result<Self> {
        let programs =
            programs.canonicalize().with_context(|| format!("no folder {}", programs.display()))?;
        let arguments = ["--transaction-isolation=READ-COMMITTED", "--innodb-buffer-pool-size=256M"];
        let options = Options { durable: true, arguments: arguments.map(str::to_owned).to_vec() };
        let mysql = Database::start_with(Engine::MySql, options).await;
        mysql.create_database(NAME).await;
        let mut schema = launch(&programs, "eventpipeline-producer", &["schema"], mysql.port(), &[]);
        if !schema.end().await.success() {
            bail!("no schema: {}", schema.log());
        }
        let mut sql = MySqlConnection::connect(&mysql.url(NAME)).await?;
        for statement in KEEP_GONE {
            sql.execute(statement).await?;
        }
        let proxies = vec![Proxy::start(mysql.port()).await, Proxy::start(mysql.port()).await];
        let mut pipeline = Self {
            apis: [Port::take(), Port::take()],
            producers: Vec::new(),
            consumers: Vec::new(),
            hints: (0..5).map(|_| free_udp()).collect(),
            programs,
            mysql,
            proxies,
            load: watch::Sender::new(true),
        };
        pipeline.start_members(handler);
        Ok(pipeline)
    }

    /// Two producers and three consumers; of each kind one reaches the database without a proxy.
    fn start_members(&mut self, handler: SocketAddr) {
        let ports = [self.mysql.port(), self.proxies[0].port(), self.proxies[1].port()];
        let hints = self.hints.clone();
        let wake = |own: usize| {
            let peers: Vec<String> = hints.iter().map(ToString::to_string).collect();
            vec![("WAKE_ADDRESS", hints[own].to_string()), ("WAKE_PEERS", peers.join(","))]
        };
        for (index, port) in [ports[0], ports[1]].into_iter().enumerate() {
            let mut further = wake(index);
            further.push(("LISTEN_ADDRESS", self.apis[index].address().to_string()));
            further.push(("DRAIN_SECONDS", "3".to_owned()));
            further.push(("RETAIN_DONE_SECONDS", KEPT_SECONDS.to_string()));
            self.producers.push(Member::start(&self.programs, "eventpipeline-producer", further, port));
        }
        for (index, port) in ports.into_iter().enumerate() {
            let mut further = wake(2 + index);
            further.extend(
                [
                    ("LEASE_SECONDS", LEASE),
                    ("MAX_ATTEMPTS", "100"),
                    ("BACKOFF_SECONDS", "1"),
                    ("BACKOFF_MAX_SECONDS", "1"),
                    ("DRAIN_SECONDS", "3"),
                ]
                .map(|(name, value)| (name, value.to_owned())),
            );
            further.push(("POD_NAME", format!("consumer-{index}")));
            if index < 2 {
                further.push(("HANDLER", "http".to_owned()));
                further.push(("HANDLER_URL", format!("http://{handler}/")));
            }
            self.consumers.push(Member::start(&self.programs, "eventpipeline-consumer", further, port));
        }
    }

    /// Where a producer's API is; it may be away.
    pub(crate) fn api(&self, index: usize) -> String {
        format!("http://{}", self.apis[index % self.apis.len()].address())
    }

    /// Lets clients ask for more, or keeps them from it. Requests that are under way go on.
    pub(crate) fn set_load(&self, wanted: bool) {
        self.load.send_replace(wanted);
    }

    /// Waits while clients are not to ask for more.
    pub(crate) async fn load_wanted(&self) {
        // The sender lives as long as the pipeline.
        let _ = self.load.subscribe().wait_for(|wanted| *wanted).await;
    }

    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    pub(crate) async fn sql(&self) -> Result<MySqlConnection, sqlx::Error> {
        MySqlConnection::connect(&self.mysql.url(NAME)).await
    }

    /// Ends every fault, waits until every event has ended and a producer tells their number, and gives what is left.
    pub(crate) async fn come_to_rest(&self) -> anyhow::Result<Rest> {
        self.set_load(true);
        for proxy in &self.proxies {
            proxy.set(Fault::None);
        }
        let mut sql = self.sql().await?;
        sql.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        let deadline = Instant::now() + REST;
        loop {
            let rest = self.look(&mut sql).await?;
            // A producer may still be starting, or have to notice that its connection broke; and what a client gave up may still
            // take effect.
            let at_rest = rest.events == rest.counter && rest.rows.iter().all(Row::has_ended);
            if at_rest || Instant::now() >= deadline {
                return Ok(rest);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until every event has ended, for at most `bound`; gives the seconds that it took.
    pub(crate) async fn until_ended(&self, bound: Duration) -> Option<u64> {
        let begun = Instant::now();
        let ended = async {
            loop {
                // A database that is away is asked again.
                if matches!(self.unfinished().await, Ok(0)) {
                    return begun.elapsed().as_secs();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(bound, ended).await.ok()
    }

    async fn unfinished(&self) -> Result<i64, sqlx::Error> {
        let mut sql = self.sql().await?;
        sqlx::query_scalar("SELECT COUNT(*) FROM Events WHERE state < 2").fetch_one(&mut sql).await
    }

    /// The tables of one moment, and what a producer says right after it.
    async fn look(&self, sql: &mut MySqlConnection) -> anyhow::Result<Rest> {
        // What is removed meanwhile is in all of them or in none.
        sql.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT").await?;
        let removed_at = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', removed_at)";
        let (rows, gone) = (rows(sql, "Events", "NULL").await?, rows(sql, "Gone", removed_at).await?);
        let removed = sqlx::query_scalar("SELECT removed FROM Ledger").fetch_one(&mut *sql).await?;
        let counter = sqlx::query_scalar("SELECT id FROM DBStatus").fetch_one(&mut *sql).await?;
        sql.execute("COMMIT").await?;
        let answer = async {
            let request = client().get(self.api(0)).timeout(REST);
            request.send().await?.json::<serde_json::Value>().await
        };
        let events = answer.await.ok().and_then(|answer| answer["events"].as_i64()).unwrap_or(-1);
        Ok(Rest { rows, gone, counter, removed, events })
    }

    #[expect(clippy::print_stdout, reason = "part of the report")]
    pub(crate) fn print_logs(&self) {
        for member in self.producers.iter().chain(&self.consumers) {
            let Ok(running) = member.running.try_lock() else { continue };
            for log in running.logs.iter().chain([&running.program.log()]) {
                println!("--- {}\n{log}", member.name);
            }
        }
    }
}

/// Every event of a table; `removed` is when it was removed, as an expression.
async fn rows(sql: &mut MySqlConnection, table: &str, removed: &str) -> Result<Vec<Row>, sqlx::Error> {
    let select = format!(
        "SELECT id, state, COALESCE(valor, '') AS valor, attempts, token, \
         CAST(JSON_UNQUOTE(JSON_EXTRACT(payload, '$.mark')) AS CHAR) AS mark, \
         TIMESTAMPDIFF(MICROSECOND, '1970-01-01', created_at) AS created, {removed} AS removed FROM {table}"
    );
    sql.fetch_all(AssertSqlSafe(select)).await?.iter().map(row).collect()
}

fn row(row: &MySqlRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: row.try_get("id")?,
        state: row.try_get("state")?,
        valor: row.try_get("valor")?,
        mark: row.try_get("mark")?,
        attempts: row.try_get("attempts")?,
        token: row.try_get("token")?,
        created: row.try_get("created")?,
        removed: row.try_get("removed")?,
    })
}

impl Member {
    fn start(
        programs: &Path,
        name: &'static str,
        further: Vec<(&'static str, String)>,
        database_port: u16,
    ) -> Self {
        let program = launch(programs, name, &[], database_port, &further);
        Self { name, further, database_port, running: Mutex::new(Running { program, logs: Vec::new() }) }
    }

    /// Does something to the program.
    pub(crate) async fn with(&self, act: impl FnOnce(&Program)) {
        act(&self.running.lock().await.program);
    }

    /// Waits until the program has ended, and starts it again.
    pub(crate) async fn start_again(&self, programs: &Path) {
        let mut running = self.running.lock().await;
        running.program.end().await;
        let log = running.program.log();
        running.logs.push(log);
        running.program = launch(programs, self.name, &[], self.database_port, &self.further);
    }
}

fn launch(
    programs: &Path,
    name: &'static str,
    arguments: &[&str],
    database_port: u16,
    further: &[(&str, String)],
) -> Program {
    let port = database_port.to_string();
    let mut environment = vec![
        ("DATABASE_HOST", "127.0.0.1"),
        ("DATABASE_PORT", &port),
        ("DATABASE_NAME", NAME),
        ("DATABASE_USER", "root"),
        ("DATABASE_PASSWORD_FILE", "/dev/null"),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
    ];
    environment.extend(further.iter().map(|(name, value)| (*name, value.as_str())));
    let path = programs.join(name).display().to_string();
    Program::start(name, &[&[path.as_str()], arguments].concat(), &environment)
}
