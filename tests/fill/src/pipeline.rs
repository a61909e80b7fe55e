//! The pipeline: mysqld on the volume, its agent, two producers and a consumer.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use eventpipeline_testkit::{Database, Engine, Options, Program};
use sqlx::{Connection as _, Executor as _, MySqlConnection, Row as _};
use tempfile::NamedTempFile;

use crate::client;
use crate::volume::Volume;

/// The number of events ever created: the ids that the counter has passed, without the unused ones of blocks.
const CREATED: &str = "SELECT CAST(id - (SELECT COALESCE(SUM(last - used + skipped), 0) FROM IdBlocks) AS SIGNED) FROM DBStatus";
const NAME: &str = "eventpipeline";
/// The statements that mysqld runs at its start.
const INIT: &str = include_str!("../../../database/accounts/init.sql");
/// Arguments of the operator that do not concern files.
const OTHERS: [&str; 7] = [
    "--ssl-ca",
    "--ssl-cert",
    "--ssl-key",
    "--init-file",
    "--require-secure-transport",
    "--innodb-buffer-pool-size",
    "--skip-name-resolve",
];
/// Expires the binary log of a round before the next. In production, this takes a minute.
const FASTER: &str = "--binlog-expire-logs-seconds=2";
const FASTER_EVENT: &str = "ALTER EVENT rotate_binary_log ON SCHEDULE EVERY 2 SECOND";

pub(crate) struct Pipeline {
    mysql: Database,
    agent: Program,
    producers: Vec<Program>,
    api: String,
    consumer: Option<Program>,
    programs: PathBuf,
    _init: NamedTempFile,
}

impl Pipeline {
    pub(crate) async fn start(programs: &Path, volume: &Volume) -> anyhow::Result<Self> {
        let programs =
            programs.canonicalize().with_context(|| format!("no folder {}", programs.display()))?;
        let mut init = NamedTempFile::new()?;
        init.write_all(INIT.replace("{schema-password}", "none").as_bytes())?;
        let mut arguments = arguments(&programs)?;
        arguments.push(format!("--init-file={}", init.path().display()));
        arguments.push(FASTER.to_owned());
        let options = Options { durable: true, arguments, ..Options::default() };
        let mysql = Database::start_in(Engine::MySql, options, &volume.data()).await;
        MySqlConnection::connect(&mysql.url(NAME)).await?.execute(FASTER_EVENT).await?;
        let mut schema = launch(&programs, "eventpipeline-producer", &["schema"], mysql.port(), &[]);
        ensure!(schema.end().await.success(), "failed to create the tables: {}", schema.log());
        let data = volume.data().display().to_string();
        let agent =
            launch(&programs, "eventpipeline-agent", &["serve"], mysql.port(), &[("DATA_FOLDER", &data)]);
        let volume_url = format!("http://{}/volume", agent.address("the admin server listens").await);
        let further =
            [("LISTEN_ADDRESS", "127.0.0.1:0"), ("VOLUME_URL", &volume_url), ("RETAIN_DONE_SECONDS", "2")];
        let producer = || launch(&programs, "eventpipeline-producer", &["serve"], mysql.port(), &further);
        let producers = vec![producer(), producer()];
        let api = format!("http://{}", producers[0].address("the API listens").await);
        producers[0].line("database is ready").await;
        Ok(Self { mysql, agent, producers, api, consumer: None, programs, _init: init })
    }

    pub(crate) fn api(&self) -> String {
        self.api.clone()
    }

    pub(crate) fn start_consumer(&mut self) {
        let further =
            [("HANDLER", "words"), ("LEASE_SECONDS", "5"), ("MAX_ATTEMPTS", "1000"), ("DRAIN_SECONDS", "3")];
        let consumer =
            launch(&self.programs, "eventpipeline-consumer", &["serve"], self.mysql.port(), &further);
        self.consumer = Some(consumer);
    }

    pub(crate) async fn end_consumer(&mut self) {
        if let Some(mut consumer) = self.consumer.take() {
            consumer.terminate();
            consumer.end().await;
        }
    }

    pub(crate) fn kill_mysql(&self) {
        self.mysql.kill9();
    }

    pub(crate) async fn restart_mysql(&self) {
        self.mysql.restart().await;
    }

    async fn sql(&self) -> anyhow::Result<MySqlConnection> {
        MySqlConnection::connect(&self.mysql.url(NAME)).await.context("failed to connect to mysqld")
    }

    /// Returns the number of events ever created.
    pub(crate) async fn created(&self) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar(CREATED).fetch_one(&mut self.sql().await?).await?)
    }

    /// Checks that all of these events are stored as they were posted.
    pub(crate) async fn holds(&self, ids: &[i64]) -> anyhow::Result<()> {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(()) };
        let held: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM Events WHERE id BETWEEN ? AND ? AND payload = ? ORDER BY id")
                .bind(first)
                .bind(last)
                .bind(client::payload())
                .fetch_all(&mut self.sql().await?)
                .await?;
        let missing: Vec<_> = ids.iter().filter(|id| held.binary_search(id).is_err()).collect();
        ensure!(missing.is_empty(), "accepted and not stored as posted: {missing:?}");
        Ok(())
    }

    pub(crate) async fn check_tables(&self) -> anyhow::Result<()> {
        let rows = self
            .sql()
            .await?
            .fetch_all(
                "CHECK TABLE Events, DBStatus, IdBlocks, LaneCursors, Ledger, IdempotencyKeys EXTENDED",
            )
            .await?;
        for row in rows {
            let text: String = row.try_get_unchecked("Msg_text")?;
            ensure!(text == "OK", "CHECK TABLE: {text}");
        }
        Ok(())
    }

    /// Returns the logs of the programs.
    pub(crate) fn logs(&self) -> String {
        let programs = self.producers.iter().chain([&self.agent]).chain(&self.consumer);
        programs.map(Program::log).collect::<Vec<_>>().join("---\n")
    }
}

/// Returns the operator's arguments of mysqld that concern files.
fn arguments(programs: &Path) -> anyhow::Result<Vec<String>> {
    let pipeline =
        "{apiVersion: eventpipeline.dev/v1alpha1, kind: EventPipeline, metadata: {name: fill}, spec: {}}";
    let mut render = Command::new(programs.join("eventpipeline-operator"))
        .args(["render", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to run eventpipeline-operator")?;
    render.stdin.take().context("no standard input")?.write_all(pipeline.as_bytes())?;
    let output = render.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "failed to render the pipeline: {text}");
    let arguments = text.lines().filter_map(|line| {
        let argument = line.trim().strip_prefix("- ")?.trim_matches(['"', '\'']);
        let name = argument.split('=').next()?;
        (argument.starts_with("--") && !OTHERS.contains(&name)).then(|| argument.to_owned())
    });
    let arguments: Vec<_> = arguments.collect();
    ensure!(arguments.iter().any(|argument| argument.starts_with("--max-binlog-size")), "{arguments:?}");
    Ok(arguments)
}

fn launch(
    programs: &Path,
    name: &'static str,
    arguments: &[&str],
    database_port: u16,
    further: &[(&str, &str)],
) -> Program {
    let port = database_port.to_string();
    let mut environment = vec![("ADMIN_ADDRESS", "127.0.0.1:0")];
    if name != "eventpipeline-agent" {
        environment.extend([
            ("DATABASE_HOST", "127.0.0.1"),
            ("DATABASE_PORT", &port),
            ("DATABASE_NAME", NAME),
            ("DATABASE_USER", "root"),
            ("DATABASE_PASSWORD_FILE", "/dev/null"),
        ]);
    }
    environment.extend(further);
    let path = programs.join(name).display().to_string();
    Program::start(name, &[&[path.as_str()], arguments].concat(), &environment)
}
