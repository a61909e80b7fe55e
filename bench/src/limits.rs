//! The baselines: the limits of this machine.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use eventpipeline_testkit::Program;
use futures::future::try_join_all;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};
use tokio::net::TcpListener;

use crate::report::{Report, Target};
use crate::{Scale, http, load, system};

/// Number of connections of the load with targets.
const CONNECTIONS: usize = 64;
/// Numbers of connections of further loads.
const MORE_CONNECTIONS: [usize; 3] = [128, 256, 512];
/// Rate of paced commits per second, which is that of the slower create-sync load.
const PACED_COMMITS: u32 = 100;

/// The limits for a number of connections. Rates are per second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parallel {
    pub(crate) connections: usize,
    /// Requests that an empty handler answers.
    pub(crate) empty_handler: f64,
    /// Rows that the connections insert and commit one by one.
    pub(crate) single_rows: f64,
}

/// The limits of this machine. Rates are per second, times in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// The limits for 64 connections.
    pub(crate) base: Parallel,
    /// The limits for more connections.
    pub(crate) more: Vec<Parallel>,
    /// Rows that one connection inserts in statements of 100 rows.
    hundred_rows: f64,
    /// Median time of commits of one row on one connection, one after another.
    pub(crate) commit: f64,
    /// Median time of such commits at the rate of requests, between which the disk and the CPU are idle.
    pub(crate) paced_commit: f64,
}

/// The limits, measured at their first use.
#[derive(Debug)]
pub(crate) struct Baselines {
    scale: Scale,
    limits: Option<Limits>,
}

impl Baselines {
    pub(crate) fn new(scale: Scale) -> Self {
        Self { scale, limits: None }
    }

    pub(crate) async fn get(&mut self, report: &mut Report) -> anyhow::Result<&Limits> {
        let limits = if let Some(limits) = self.limits.take() {
            limits
        } else {
            let limits = Limits::measure(self.scale).await?;
            limits.report(report);
            limits
        };
        Ok(self.limits.insert(limits))
    }
}

impl Limits {
    async fn measure(scale: Scale) -> anyhow::Result<Self> {
        let time = scale.time(Duration::from_secs(4));
        let mysql = system::mysql().await;
        mysql.create_database("limits").await;
        let url = mysql.url("limits");
        let mut connection = MySqlConnection::connect(&url).await?;
        connection
            .execute("CREATE TABLE T (id BIGINT AUTO_INCREMENT PRIMARY KEY, valor VARCHAR(127))")
            .await?;
        let commit = commits(&mut connection, None).await?;
        let paced_commit = commits(&mut connection, Some(Duration::from_secs(1) / PACED_COMMITS)).await?;
        let base = Parallel::measure(&url, CONNECTIONS, scale).await?;
        let mut more = Vec::new();
        for connections in MORE_CONNECTIONS {
            more.push(Parallel::measure(&url, connections, scale).await?);
        }
        let hundred = vec!["('x')"; 100].join(",");
        let hundred_rows =
            median(scale.runs, async || Ok(100.0 * inserts(&url, &hundred, 1, time).await?)).await?;
        Ok(Self { base, more, hundred_rows, commit, paced_commit })
    }

    fn report(&self, report: &mut Report) {
        for Parallel { connections, empty_handler, single_rows } in
            std::iter::once(&self.base).chain(&self.more)
        {
            let name = format!("limit: empty handler, {connections} connections");
            report.add(name, *empty_handler, "req/s", Target::None, "");
            let name = format!("limit: durable inserts of 1 row, {connections} connections");
            report.add(name, *single_rows, "rows/s", Target::None, "");
        }
        for (name, value, unit) in [
            ("limit: durable inserts of 100 rows, 1 connection", self.hundred_rows, "rows/s"),
            ("limit: durable commit of one row, alone, p50", self.commit, "ms"),
            ("limit: durable commit of one row, alone, at 100/s, p50", self.paced_commit, "ms"),
        ] {
            report.add(name, value, unit, Target::None, "");
        }
    }
}

impl Parallel {
    async fn measure(url: &str, connections: usize, scale: Scale) -> anyhow::Result<Self> {
        let time = scale.time(Duration::from_secs(4));
        let empty_handler = median(scale.runs, async || empty_handler(connections, time).await).await?;
        let single_rows = median(scale.runs, async || inserts(url, "('x')", connections, time).await).await?;
        Ok(Self { connections, empty_handler, single_rows })
    }
}

/// Returns the median of `runs` measurements.
pub(crate) async fn median(
    runs: usize,
    mut measure: impl AsyncFnMut() -> anyhow::Result<f64>,
) -> anyhow::Result<f64> {
    let mut figures = Vec::with_capacity(runs);
    for _ in 0..runs {
        figures.push(measure().await?);
    }
    figures.sort_by(f64::total_cmp);
    figures.get(runs / 2).copied().context("nothing was measured")
}

async fn empty_handler(connections: usize, time: Duration) -> anyhow::Result<f64> {
    let own = std::env::current_exe()?.display().to_string();
    let program = Program::start("empty-handler", &[&own, "--empty-handler"], &[]);
    let address = program.address("the empty handler listens").await;
    Ok(load::closed(&[address], http::request("POST", "/"), connections, time).await?.rate())
}

/// Serves `POST /` with an empty handler until the process is killed.
pub(crate) async fn serve_empty_handler() -> anyhow::Result<()> {
    let router = Router::new().route("/", post(async || ""));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{{\"message\":\"the empty handler listens\",\"address\":\"{}\"}}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// Returns the statements per second of this many clients that insert `values`, each on its own connection. All connect first.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
async fn inserts(url: &str, values: &str, connections: usize, time: Duration) -> anyhow::Result<f64> {
    let connections = try_join_all((0..connections).map(|_| MySqlConnection::connect(url))).await?;
    let statement = format!("INSERT INTO T (valor) VALUES {values}");
    let begun = Instant::now();
    let clients = connections.into_iter().map(async |mut connection| {
        let mut statements = 0_u64;
        while begun.elapsed() < time {
            sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut connection).await?;
            statements += 1;
        }
        Ok::<_, sqlx::Error>(statements)
    });
    let statements: u64 = try_join_all(clients).await?.into_iter().sum();
    Ok(statements as f64 / begun.elapsed().as_secs_f64())
}

/// Returns the median of 500 commits in milliseconds, one after another or one every `pace`.
async fn commits(connection: &mut MySqlConnection, pace: Option<Duration>) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    let mut next = Instant::now();
    for _ in 0..500 {
        if let Some(pace) = pace {
            tokio::time::sleep_until(next.into()).await;
            next += pace;
        }
        let begun = Instant::now();
        sqlx::query("INSERT INTO T (valor) VALUES ('x')").execute(&mut *connection).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().context("nothing was measured")
}
