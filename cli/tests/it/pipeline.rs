//! A producer with its own database, and runs of the tool against it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use eventpipeline_testkit::{Database, Engine, Program};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;

const TOOL: &str = env!("CARGO_BIN_EXE_eventpipeline");

/// Result of a run of the tool.
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

/// Runs the tool against this address.
pub(crate) fn tool(url: &str, arguments: &[&str]) -> Run {
    tool_with(&[], url, arguments)
}

/// Runs the tool with these environment variables.
pub(crate) fn tool_with(environment: &[(&str, &str)], url: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new(TOOL);
    command.env_clear().envs(environment.iter().copied());
    let output = command.args(["--url", url]).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the tool on a terminal, and returns everything it showed.
fn tool_on_terminal(url: &str, arguments: &[&str]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&ours).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let terminal = ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    let [out, err] = [&terminal; 2].map(|terminal| Stdio::from(terminal.try_clone().unwrap()));
    let mut command = Command::new(TOOL);
    command.env_clear().env("TERM", "xterm").args(["--url", url]).args(arguments);
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
    // Both ends keep it open.
    drop((command, terminal));
    let mut shown = Vec::new();
    // Reading ends with an error when the other end is closed.
    let _ = File::from(ours).read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap()
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
        let producer = launch("eventpipeline-producer", &["serve"], &database, &port);
        let url = format!("http://{}", producer.address("the API listens").await);
        Self { _producer: producer, url, database, port }
    }

    /// Replaces the lanes of the queue.
    pub(crate) async fn set_lanes(&self, lanes: &str) {
        let schema = &["schema", "--lanes", lanes];
        let mut schema = launch("eventpipeline-producer", schema, &self.database, &self.port);
        assert!(schema.end().await.success(), "{}", schema.log());
    }

    pub(crate) fn consumer(&self, arguments: &[&str]) -> Program {
        launch("eventpipeline-consumer", &[&["serve"], arguments].concat(), &self.database, &self.port)
    }

    pub(crate) fn run_on_terminal(&self, arguments: &[&str]) -> String {
        tool_on_terminal(&self.url, arguments)
    }

    /// Returns the address of the API.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        tool(&self.url, arguments)
    }
}

/// Returns the path of a program of the workspace, which is in the tool's folder.
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
