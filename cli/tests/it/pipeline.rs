//! A producer with a database of its own, and the tool run on it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use eventpipeline_testkit::{Database, Engine, Program};
use serde_json::Value;

const TOOL: &str = env!("CARGO_BIN_EXE_eventpipeline");

/// What a run of the tool gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs the tool on this address.
pub(crate) fn tool(url: &str, arguments: &[&str]) -> Run {
    let output = Command::new(TOOL).env_clear().args(["--url", url]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) struct Pipeline {
    _producer: Program,
    url: String,
    database: String,
    port: String,
}

impl Pipeline {
    pub(crate) async fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = Database::shared(Engine::MySql).await;
        let database = format!("cli{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let port = server.port().to_string();
        server.create_database(&database).await;
        let mut schema = launch("eventpipeline-producer", &["schema"], &database, &port);
        assert!(schema.end().await.success(), "{}", schema.log());
        let producer = launch("eventpipeline-producer", &[], &database, &port);
        let url = format!("http://{}", producer.address("the API listens").await);
        Self { _producer: producer, url, database, port }
    }

    pub(crate) fn consumer(&self) -> Program {
        launch("eventpipeline-consumer", &[], &self.database, &self.port)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        tool(&self.url, arguments)
    }
}

/// A program of the workspace, which lies beside the tool.
fn launch(name: &'static str, arguments: &[&str], database: &str, port: &str) -> Program {
    let program = Path::new(TOOL).with_file_name(name);
    assert!(program.exists(), "{name} is missing: build it by `cargo build -p {name}`");
    let environment = [
        ("DATABASE_HOST", "127.0.0.1"),
        ("DATABASE_PORT", port),
        ("DATABASE_NAME", database),
        ("DATABASE_USER", "root"),
        ("DATABASE_PASSWORD_FILE", "/dev/null"),
        ("LISTEN_ADDRESS", "127.0.0.1:0"),
        ("ADMIN_ADDRESS", "127.0.0.1:0"),
    ];
    Program::start(name, &[&[program.to_str().unwrap()], arguments].concat(), &environment)
}
