//! A durable PostgreSQL with its default settings.

use std::path::Path;

use eventpipeline_testkit::{Port, Program};

/// A running server. Dropping it kills the server and removes its files.
#[derive(Debug)]
pub(super) struct Postgres {
    program: Program,
    port: Port,
}

impl Postgres {
    /// Starts a server with a new data directory, and waits until it answers.
    pub(super) async fn start(peers: &Path) -> Self {
        let port = Port::take();
        let script = peers.join("postgres.sh").display().to_string();
        let programs = peers.join("postgresql").display().to_string();
        let command = [script.as_str(), &programs, &port.number().to_string()];
        let program = Program::start("postgres", &command, &[("PATH", "/usr/bin:/bin")]);
        program.line("database system is ready to accept connections").await;
        Self { program, port }
    }

    /// Returns the URL of its only database.
    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port.number())
    }

    /// Shuts the server down. A killed server leaves segments of shared memory.
    pub(super) async fn stop(mut self) {
        self.program.terminate();
        self.program.end().await;
    }
}
