//! What this machine can do at best: the baselines.

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

/// Clients of the loads that are compared.
pub(crate) const CONNECTIONS: usize = 64;

/// Rates are a second, times milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Requests that a handler which does nothing answers.
    pub(crate) empty_handler: f64,
    /// Rows that 64 connections insert and commit, each by itself.
    pub(crate) single_rows: f64,
    /// Rows that one connection inserts in statements of a hundred.
    pub(crate) hundred_rows: f64,
    /// The median of a commit of one row, alone.
    pub(crate) commit: f64,
}

impl Limits {
    pub(crate) async fn measure(scale: Scale) -> anyhow::Result<Self> {
        let time = scale.time(Duration::from_secs(10));
        let empty_handler = median(scale.runs, async || empty_handler(time).await).await?;
        let mysql = system::mysql().await;
        mysql.create_database("limits").await;
        let url = mysql.url("limits");
        let mut connection = MySqlConnection::connect(&url).await?;
        connection
            .execute("CREATE TABLE T (id BIGINT AUTO_INCREMENT PRIMARY KEY, valor VARCHAR(127))")
            .await?;
        let commit = commit(&mut connection).await?;
        let single_rows = median(scale.runs, async || {
            let clients = (0..CONNECTIONS).map(|_| insert(&url, "('x')", time));
            Ok(try_join_all(clients).await?.into_iter().sum::<f64>())
        })
        .await?;
        let hundred = vec!["('x')"; 100].join(",");
        let hundred_rows =
            median(scale.runs, async || Ok(100.0 * insert(&url, &hundred, time).await?)).await?;
        Ok(Self { empty_handler, single_rows, hundred_rows, commit })
    }

    pub(crate) fn report(&self, report: &mut Report) {
        let Self { empty_handler, single_rows, hundred_rows, commit } = *self;
        report.add("limit: empty handler, 64 connections", empty_handler, "req/s", Target::None, "");
        report.add("limit: durable inserts, 64 connections", single_rows, "rows/s", Target::None, "");
        report.add(
            "limit: durable inserts of 100 rows, 1 connection",
            hundred_rows,
            "rows/s",
            Target::None,
            "",
        );
        report.add("limit: durable commit of one row, alone, p50", commit, "ms", Target::None, "");
    }
}

/// The median of `runs` measurements.
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

async fn empty_handler(time: Duration) -> anyhow::Result<f64> {
    let own = std::env::current_exe()?.display().to_string();
    let program = Program::start("empty-handler", &[&own, "--empty-handler"], &[]);
    let address = program.address("the empty handler listens").await;
    Ok(load::closed(address, http::request("POST", "/"), CONNECTIONS, time).await?.rate())
}

/// Serves `POST /` by nothing, until it is killed.
pub(crate) async fn serve_empty_handler() -> anyhow::Result<()> {
    let router = Router::new().route("/", post(async || ""));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{{\"message\":\"the empty handler listens\",\"address\":\"{}\"}}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

/// Statements a second by which one client inserts `values`.
#[expect(clippy::cast_precision_loss, reason = "a rate")]
async fn insert(url: &str, values: &str, time: Duration) -> anyhow::Result<f64> {
    let mut connection = MySqlConnection::connect(url).await?;
    let statement = format!("INSERT INTO T (valor) VALUES {values}");
    let begun = Instant::now();
    let mut statements = 0_u64;
    while begun.elapsed() < time {
        sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut connection).await?;
        statements += 1;
    }
    Ok(statements as f64 / begun.elapsed().as_secs_f64())
}

/// The median of a single commit, in milliseconds.
async fn commit(connection: &mut MySqlConnection) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..500 {
        let begun = Instant::now();
        sqlx::query("INSERT INTO T (valor) VALUES ('x')").execute(&mut *connection).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().context("nothing was measured")
}
