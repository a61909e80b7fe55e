//! A dedicated database server: MySQL or MariaDB, with only its system tables.
//!
//! Only `root` can log in, from 127.0.0.1 and without a password. The transaction isolation and the SQL mode are the
//! engine's defaults: a client that needs others sets them itself, as in production.

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

use crate::{error::Error, folders, or_panic, ports, process::Process};

/// Time limit for a start, with crash recovery of a small data directory on a busy machine of two cores.
const START: Duration = Duration::from_mins(5);
const STOP: Duration = Duration::from_mins(1);
/// Maximum number of starts if another process takes the port.
const TRIES: usize = 5;

/// Options of a server besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Sync every commit and the binary log to the disk, as the managed server does. Otherwise a commit survives
    /// [`Database::kill9`] but not a crash of the machine, and costs a tenth.
    pub durable: bool,
    /// Further arguments of the server, such as `--innodb-lock-wait-timeout=1`.
    pub arguments: Vec<String>,
    /// Further environment variables of the server.
    pub environment: Vec<(String, String)>,
}

/// A running server. Dropping it ends the server and removes its files.
#[derive(Debug)]
pub struct Database {
    engine: Engine,
    options: Options,
    port: u16,
    process: Mutex<Option<Process>>,
    /// The data directory.
    data: PathBuf,
    // Fields are dropped in order: the folder must follow the process.
    folder: TempDir,
}

impl Database {
    /// Starts a server with the default options and waits until it answers.
    ///
    /// # Panics
    /// If the server does not start, with the end of its log.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, Options::default()).await
    }

    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If the server does not start, with the end of its log.
    pub async fn start_with(engine: Engine, options: Options) -> Self {
        or_panic(engine.name(), Self::try_start(engine, options, None).await)
    }

    /// Starts a server with a new data directory at this path, such as a volume. The directory is not removed with the server.
    ///
    /// # Panics
    /// If the server does not start, with the end of its log.
    pub async fn start_in(engine: Engine, options: Options, data: &Path) -> Self {
        or_panic(engine.name(), Self::try_start(engine, options, Some(data)).await)
    }

    /// Returns one server with the default options for all tests of this binary. Each test uses its own database (schema).
    /// The server ends with the process.
    ///
    /// # Panics
    /// If the server does not start, with the end of its log.
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
        let folder = folders::folder(engine.name())?;
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

    /// Returns its engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Returns 127.0.0.1.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Returns the port, which stays the same after [`Self::restart`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the user with all privileges.
    pub fn user(&self) -> &'static str {
        "root"
    }

    /// Returns the empty password of [`Self::user`].
    pub fn password(&self) -> &'static str {
        ""
    }

    /// Returns the URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{}@{}:{}/{database}", self.user(), self.host(), self.port)
    }

    /// Creates an empty database.
    ///
    /// # Panics
    /// If the server refuses.
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
    /// If the server refuses.
    pub async fn execute(&self, statement: &'static str) {
        let execute = async {
            let mut connection = MySqlConnection::connect(&self.url("")).await?;
            connection.execute(sqlx::raw_sql(statement)).await?;
            connection.close().await
        };
        or_panic("a statement", execute.await.map_err(Error::sql(format!("run {statement}"))));
    }

    /// Returns its process id, for `/proc`.
    ///
    /// # Panics
    /// If the server has been stopped.
    pub fn pid(&self) -> u32 {
        let name = self.engine.name();
        or_panic("a pid", self.process().as_ref().map(Process::pid).ok_or(Error::Stopped { name }))
    }

    /// Kills the server. Only committed data is present after [`Self::restart`]. Has no effect on a stopped server.
    pub fn kill9(&self) {
        drop(self.process().take());
    }

    /// Shuts the server down. Has no effect on a stopped server.
    ///
    /// # Panics
    /// If the server does not end.
    pub async fn stop(&self) {
        let process = self.process().take();
        if let Some(process) = process {
            or_panic("the end of a server", process.stop(STOP).await);
        }
    }

    /// Starts the server again on the same port and data, after a shutdown if it is running.
    ///
    /// # Panics
    /// If the server does not start, with the end of its log.
    pub async fn restart(&self) {
        self.stop().await;
        let process = launch(self.engine, &self.options, self.port, self.folder.path(), &self.data).await;
        *self.process() = Some(or_panic(self.engine.name(), process));
    }

    /// Stops the server (SIGSTOP). It keeps its connections and does not answer, as with a hung disk or a paused machine.
    ///
    /// # Panics
    /// If the server has been stopped.
    pub fn freeze(&self) {
        self.tell("a stop", Process::freeze);
    }

    /// Ends [`Self::freeze`].
    ///
    /// # Panics
    /// If the server has been stopped.
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

/// Starts a server with its own temporary folder, because a starting server removes all temporary tables in its folder.
async fn launch(
    engine: Engine,
    options: &Options,
    port: u16,
    folder: &Path,
    data: &Path,
) -> Result<Process, Error> {
    // The server writes this file after it has bound the port. A greeting before that comes from another server.
    let ready = folder.join("ready-pid");
    let _ = std::fs::remove_file(&ready);
    let mut command = Command::new(engine.server()?);
    command
        .args(engine.arguments(options.durable))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", folder.display()))
        .arg(format!("--pid-file={}", ready.display()))
        // Relative to the data directory, because the path of a socket is limited to 107 bytes.
        .args(["--socket=server.sock", "--bind-address=127.0.0.1"])
        .arg(format!("--port={port}"))
        .args(&options.arguments)
        .envs(options.environment.iter().map(|(name, value)| (name, value)));
    let mut process = Process::start(engine.name(), folder, &command)?;
    process.ready(START, async || ready.exists() && greets(port).await).await?;
    Ok(process)
}

/// Returns true if a client gets the server's greeting: a packet that starts with the protocol version, 10.
async fn greets(port: u16) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut header = [0; 5];
        stream.read_exact(&mut header).await?;
        std::io::Result::Ok(header[4] == 10)
    };
    matches!(timeout(Duration::from_secs(5), greeting).await, Ok(Ok(true)))
}
