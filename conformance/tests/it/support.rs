//! The kit as a process, and a database server for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use eventpipeline_database::{Database as Schema, DatabaseArgs, Metrics, Tls};
use eventpipeline_testkit::{Database, Engine, Options};
use prometheus::Registry;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    #[expect(dead_code, reason = "shown by `Debug` when a test fails")]
    pub(crate) err: String,
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
        let options = MySqlConnectOptions::new().host("127.0.0.1").port(self.port.parse().unwrap());
        let mut connection = options.username("root").database(&self.name).connect().await.unwrap();
        connection.execute(statement).await.unwrap();
    }

    /// Runs the kit.
    pub(crate) fn run(&self, arguments: &[&OsStr]) -> Run {
        Run::of(self.command(kit()).args(arguments))
    }
}
