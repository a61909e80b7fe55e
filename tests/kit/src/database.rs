//! A database server of one's own: MySQL or MariaDB, empty but for its system tables.
//!
//! `root` comes in from 127.0.0.1 without a password; nobody else comes in. The transaction isolation and the SQL mode
//! are the engine's defaults: a client that needs others sets them itself, as it must in the field.

mod engine;
mod template;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::Signal;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, net::TcpStream, sync::OnceCell, time::timeout};

pub use engine::Engine;

use crate::{error::Error, or_panic, ports, process::Process, room};

/// Crash recovery of a small data directory on a busy machine of two cores, with a wide margin.
const START: Duration = Duration::from_mins(2);
const STOP: Duration = Duration::from_mins(1);
/// How often a start is tried when the port was taken in between.
const TRIES: usize = 5;

/// What a test may ask of a server beyond the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Sync every commit to the disk, binary log included, as the managed server does. Without it a commit survives
    /// [`Database::kill9`] but not the machine's end, which no test causes, and costs a tenth.
    pub durable: bool,
    /// Further arguments of the server, such as `--innodb-lock-wait-timeout=1`.
    pub arguments: Vec<String>,
}

/// A running server. It ends, and its files go, when this is dropped.
#[derive(Debug)]
pub struct Database {
    engine: Engine,
    options: Options,
    port: u16,
    process: Mutex<Option<Process>>,
    /// The data directory.
    data: PathBuf,
    // After the process: fields are dropped in order.
    folder: TempDir,
}

impl Database {
    /// A server that answers, with the default options.
    ///
    /// # Panics
    /// When the server does not start, with the end of its log.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, Options::default()).await
    }

    /// A server that answers.
    ///
    /// # Panics
    /// When the server does not start, with the end of its log.
    pub async fn start_with(engine: Engine, options: Options) -> Self {
        or_panic(engine.name(), Self::try_start(engine, options, None).await)
    }

    /// The same, with a data directory that does not exist yet and does not go with the server: on a volume, for one.
    ///
    /// # Panics
    /// When the server does not start, with the end of its log.
    pub async fn start_in(engine: Engine, options: Options, data: &Path) -> Self {
        or_panic(engine.name(), Self::try_start(engine, options, Some(data)).await)
    }

    /// One server for all tests of this binary, with the default options: each takes a database (a schema) of its own
    /// in it. It ends with the process.
    ///
    /// # Panics
    /// When the server does not start, with the end of its log.
    pub async fn shared(engine: Engine) -> &'static Self {
        static MYSQL: OnceCell<Database> = OnceCell::const_new();
        static MARIADB: OnceCell<Database> = OnceCell::const_new();
        let cell = match engine {
            Engine::MySql => &MYSQL,
            Engine::MariaDb => &MARIADB,
        };
        cell.get_or_init(|| Self::start(engine)).await
    }

    async fn try_start(engine: Engine, options: Options, data: Option<&Path>) -> Result<Self, Error> {
        let folder = room::folder(engine.name())?;
        let data = data.map_or_else(|| folder.path().join("data"), Path::to_owned);
        template::copy(engine, &data).await?;
        let mut tries = 1;
        loop {
            let [port] = ports::free_ports()?;
            match launch(engine, &options, port, folder.path(), &data).await {
                Ok(process) => {
                    let process = Mutex::new(Some(process));
                    return Ok(Self { engine, options, port, process, data, folder });
                }
                Err(Error::Ended { log, .. }) if tries < TRIES && log.contains("already in use") => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Which engine it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// 127.0.0.1.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The port; it stays the same after [`Self::restart`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user that may do everything.
    pub fn user(&self) -> &'static str {
        "root"
    }

    /// The empty password of [`Self::user`].
    pub fn password(&self) -> &'static str {
        ""
    }

    /// The address of a database in it, as clients take it.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{}@{}:{}/{database}", self.user(), self.host(), self.port)
    }

    /// Makes an empty database in it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn create_database(&self, name: &str) {
        or_panic("a database", self.try_create_database(name).await);
    }

    async fn try_create_database(&self, name: &str) -> Result<(), Error> {
        let sql = Error::sql(format!("create the database {name}"));
        let create = async {
            let mut connection = MySqlConnection::connect(&self.url("")).await?;
            connection.execute(AssertSqlSafe(format!("CREATE DATABASE `{name}`"))).await?;
            connection.close().await
        };
        create.await.map_err(sql)
    }

    /// Runs a statement as [`Self::user`].
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn execute(&self, statement: &'static str) {
        let execute = async {
            let mut connection = MySqlConnection::connect(&self.url("")).await?;
            connection.execute(sqlx::raw_sql(statement)).await?;
            connection.close().await
        };
        or_panic("a statement", execute.await.map_err(Error::sql(format!("run {statement}"))));
    }

    /// Its process id, to look at in `/proc`.
    ///
    /// # Panics
    /// When the server has been stopped.
    pub fn pid(&self) -> u32 {
        let name = self.engine.name();
        or_panic("a pid", self.process().as_ref().map(Process::pid).ok_or(Error::Stopped { name }))
    }

    /// `kill -9`: what was committed is there after [`Self::restart`], nothing else is. No effect on a stopped server.
    pub fn kill9(&self) {
        drop(self.process().take());
    }

    /// The orderly end. No effect on a stopped server.
    ///
    /// # Panics
    /// When the server does not end.
    pub async fn stop(&self) {
        let process = self.process().take();
        if let Some(process) = process {
            or_panic("the end of a server", process.stop(STOP).await);
        }
    }

    /// Starts the server again on the same port and data, after an orderly end if it still runs.
    ///
    /// # Panics
    /// When the server does not start, with the end of its log.
    pub async fn restart(&self) {
        self.stop().await;
        let process = launch(self.engine, &self.options, self.port, self.folder.path(), &self.data).await;
        *self.process() = Some(or_panic(self.engine.name(), process));
    }

    /// The server stops answering but keeps its connections (SIGSTOP), like a hung disk or a paused machine.
    ///
    /// # Panics
    /// When the server has been stopped.
    pub fn freeze(&self) {
        self.tell("a stop", Process::freeze);
    }

    /// Ends [`Self::freeze`].
    ///
    /// # Panics
    /// When the server has been stopped.
    pub fn thaw(&self) {
        self.tell("a signal", |process| process.signal(Signal::CONT));
    }

    fn tell(&self, what: &str, tell: impl FnOnce(&Process) -> Result<(), Error>) {
        let name = self.engine.name();
        or_panic(what, self.process().as_ref().ok_or(Error::Stopped { name }).and_then(tell));
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The temporary folder is its own: a starting server removes the temporary tables of all who share one, as what an
/// earlier run left behind.
async fn launch(
    engine: Engine,
    options: &Options,
    port: u16,
    folder: &Path,
    data: &Path,
) -> Result<Process, Error> {
    // The server writes it once it has the port: a greeting before that is somebody else's.
    let ready = folder.join("ready-pid");
    let _ = std::fs::remove_file(&ready);
    let mut command = Command::new(engine.server()?);
    command
        .args(engine.arguments(options.durable))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", folder.display()))
        .arg(format!("--pid-file={}", ready.display()))
        // Relative to the data directory: a path to a socket is at most 107 bytes long.
        .args(["--socket=server.sock", "--bind-address=127.0.0.1"])
        .arg(format!("--port={port}"))
        .args(&options.arguments);
    let mut process = Process::start(engine.name(), folder, &command)?;
    process.ready(START, async || ready.exists() && greets(port).await).await?;
    Ok(process)
}

/// Whether a client gets the server's greeting: a packet whose first byte is the protocol's version, 10.
async fn greets(port: u16) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut header = [0; 5];
        stream.read_exact(&mut header).await?;
        std::io::Result::Ok(header[4] == 10)
    };
    matches!(timeout(Duration::from_secs(5), greeting).await, Ok(Ok(true)))
}
