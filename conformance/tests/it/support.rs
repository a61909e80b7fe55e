//! The kit as a process, and a database server for it.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use eventpipeline_database::{Database as Schema, DatabaseArgs, Metrics, Tls};
use eventpipeline_testkit::{Database, Engine, Options, Program};
use prometheus::Registry;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions as _, Executor as _};

/// Time limit in seconds of the checks of a consumer. They pass within seconds unless the machine stands still.
const PATIENCE: &str = "300";

/// The result of a run.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The report precedes the program's log, with line breaks, so that a failed clause is seen first.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}\n{}\n{}", self.code, self.out, self.err)
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) fn kit() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_eventpipeline-conformance"))
}

/// Returns the path of another program of the workspace, which `cargo test --workspace` builds.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = kit().with_file_name(name);
    assert!(path.exists(), "{} is missing: `cargo build -p {name}` builds it", path.display());
    path
}

/// Returns the path of a program of examples/.
pub(crate) fn example(name: &str) -> PathBuf {
    kit().with_file_name("examples").join(name)
}

/// An empty database.
pub(crate) struct Pipeline {
    name: String,
    port: String,
    _server: Option<Database>,
}

impl Pipeline {
    pub(crate) async fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = Database::shared(Engine::MySql).await;
        let name = format!("conformance{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        server.create_database(&name).await;
        Self { name, port: server.port().to_string(), _server: None }
    }

    /// Creates the database on a dedicated server that counts statements.
    pub(crate) async fn start_counted() -> Self {
        let arguments = vec!["--performance-schema=ON".to_owned()];
        let server = Database::start_with(Engine::MySql, Options { arguments, ..Options::default() }).await;
        server.create_database("conformance").await;
        Self { name: "conformance".to_owned(), port: server.port().to_string(), _server: Some(server) }
    }

    /// Returns a command with the variables of the database.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(self.variables());
        command
    }

    /// Returns the variables `DATABASE_*`.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("DATABASE_HOST", "127.0.0.1".to_owned()),
            ("DATABASE_PORT", self.port.clone()),
            ("DATABASE_NAME", self.name.clone()),
            ("DATABASE_USER", "root".to_owned()),
            ("DATABASE_PASSWORD_FILE", "/dev/null".to_owned()),
        ]
    }

    /// Creates the tables.
    pub(crate) async fn migrate(&self) {
        let args = DatabaseArgs {
            database_host: "127.0.0.1".to_owned(),
            database_port: self.port.parse().unwrap(),
            database_name: self.name.clone(),
            database_user: "root".to_owned(),
            database_password_file: "/dev/null".into(),
            database_tls: Tls::Preferred,
            database_tls_ca_file: None,
        };
        Schema::new(args, Metrics::new(&Registry::new()).unwrap()).migrate().await.unwrap();
    }

    /// Runs a statement.
    pub(crate) async fn sql(&self, statement: &'static str) {
        self.connection().await.execute(statement).await.unwrap();
    }

    /// Returns the values of all events.
    pub(crate) async fn values(&self) -> Vec<String> {
        let values = sqlx::query_scalar("SELECT valor FROM Events ORDER BY id");
        values.fetch_all(&mut self.connection().await).await.unwrap()
    }

    async fn connection(&self) -> MySqlConnection {
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(self.port.parse().unwrap());
        options.username("root").database(&self.name).connect().await.unwrap()
    }

    /// Starts a program on this database, with further variables.
    pub(crate) fn start_program(&self, command: &[&str], more: &[(&str, &str)]) -> Program {
        let variables = self.variables();
        let database = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let all: Vec<_> =
            database.chain([("ADMIN_ADDRESS", "127.0.0.1:0")]).chain(more.iter().copied()).collect();
        Program::start("program", command, &all)
    }

    /// Starts our producer, and our consumer with a handler at this URL.
    pub(crate) fn serve(&self, handler: &str) -> [Program; 2] {
        let serve = |name, more: &[(&str, &str)]| {
            self.start_program(&[program(name).to_str().unwrap(), "serve"], more)
        };
        let producer = serve("eventpipeline-producer", &[("LISTEN_ADDRESS", "127.0.0.1:0")]);
        [producer, serve("eventpipeline-consumer", &[("HANDLER", "http"), ("HANDLER_URL", handler)])]
    }

    /// Checks the consumer that this command starts.
    pub(crate) fn check_consumer(&self, command: &[&OsStr]) -> Run {
        let mut arguments = ["consumer", "--patience-seconds", PATIENCE, "--"].map(OsStr::new).to_vec();
        arguments.extend(command);
        self.run(&arguments)
    }

    /// Runs the kit.
    pub(crate) fn run(&self, arguments: &[&OsStr]) -> Run {
        Run::of(self.command(kit()).args(arguments))
    }
}
