//! A program of `bench/peers`, which measures another queue and prints a line of JSON.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use super::postgres::Postgres;
use crate::report::Target;
use crate::system::stock_mysql;

/// Time limit for a measurement, including the inserts before a drain.
const LIMIT: Duration = Duration::from_mins(10);

/// The server that a queue runs on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Server {
    Postgres,
    MySql,
}

/// Another queue.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    pub(super) server: Server,
    /// Number of jobs that a worker drains.
    pub(super) backlog: u32,
    /// Target of our creations per second relative to theirs.
    pub(super) create: Target,
    /// Target of our drain relative to theirs.
    pub(super) drain: Target,
}

/// The output of a program. A measurement that the program does not make is zero.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Measured {
    pub(super) jobs_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Peer {
    /// Measures inserts of single jobs.
    pub(super) async fn insert(&self, peers: &Path, time: Duration) -> anyhow::Result<Measured> {
        self.run(peers, "insert", &[("SECONDS", time.as_secs().to_string())]).await
    }

    /// Measures a worker with a backlog.
    pub(super) async fn drain(&self, peers: &Path, jobs: u32) -> anyhow::Result<Measured> {
        self.run(peers, "drain", &[("JOBS", jobs.to_string())]).await
    }

    /// Measures the time from insert to completion.
    pub(super) async fn latency(&self, peers: &Path, rate: u32, time: Duration) -> anyhow::Result<Measured> {
        let load = [("RATE", rate.to_string()), ("SECONDS", time.as_secs().to_string())];
        self.run(peers, "latency", &load).await
    }

    /// Runs a measurement on a new server.
    async fn run(&self, peers: &Path, what: &str, load: &[(&str, String)]) -> anyhow::Result<Measured> {
        match self.server {
            Server::Postgres => {
                let server = Postgres::start(peers).await;
                let measured = self.run_on(&server.url(), peers, what, load).await;
                server.stop().await;
                measured
            }
            Server::MySql => {
                let server = stock_mysql().await;
                server.create_database("peer").await;
                let url = format!("{}?ssl-mode=disabled", server.url("peer"));
                self.run_on(&url, peers, what, load).await
            }
        }
    }

    async fn run_on(
        &self,
        url: &str,
        peers: &Path,
        what: &str,
        load: &[(&str, String)],
    ) -> anyhow::Result<Measured> {
        let failed = || format!("failed to measure {} ({what})", self.name);
        let program = peers.canonicalize().with_context(failed)?.join(self.program);
        let mut command = Command::new(program);
        command.arg(what).env("DATABASE_URL", url).envs(load.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = timeout(LIMIT, command.output()).await.with_context(failed)?.with_context(failed)?;
        ensure!(output.status.success(), "{}: {}", failed(), output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let measured = text.lines().last().map(serde_json::from_str).with_context(failed)?;
        measured.with_context(failed)
    }
}
