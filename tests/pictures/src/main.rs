//! `eventpipeline-pictures`: records what the dashboards show while pipelines run.
//!
//! Three pipelines run as processes, with a real MySQL, a real API server, two operators, and a Prometheus that scrapes all of
//! them: `orders` under steady load, `payments` with a handler that fails, and `thumbnails` with an outage of its database and
//! consumers that hang. At the end, each query of each dashboard is evaluated over the time of the run, and the results are
//! written to files. `dev/pictures.sh` draws them.

#![expect(clippy::print_stdout, reason = "the progress is the program's output")]

mod cluster;
mod handler;
mod load;
mod pipeline;
mod record;
mod scrape;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use eventpipeline_testkit::{Database, Engine, Fault, Options, Prometheus};
use tokio::time::sleep;

use cluster::Cluster;
use handler::Behavior;
use pipeline::{Pipeline, Settings};

/// Runs pipelines under load, and records what the dashboards show
#[derive(Debug, Parser)]
#[command(name = "eventpipeline-pictures", version)]
struct Cli {
    /// Folder of the product's programs
    #[arg(long)]
    programs: PathBuf,
    /// Folder of the recorded files
    #[arg(long)]
    out: PathBuf,
    /// Length of each of the eight acts, in seconds
    #[arg(long, default_value_t = 60)]
    act: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Cli { programs, out, act } = Cli::parse();
    let programs = programs.canonicalize()?;
    let act = Duration::from_secs(act);
    // In memory, so that the pictures do not show how full the disk of this machine is.
    let data = tempfile::tempdir_in("/dev/shm")?;
    let mysql_data = data.path().join("mysql");
    let mysql = Database::start_in(Engine::MySql, Options::default(), &mysql_data).await;
    let start = async |settings| Pipeline::start(&programs, &mysql, &mysql_data, settings).await;
    let orders = start(Settings::orders()).await?;
    let payments = start(Settings::payments()).await?;
    let thumbnails = start(Settings::thumbnails()).await?;
    let pipelines = [&orders, &payments, &thumbnails];
    let cluster = Cluster::start(&programs, &pipelines.map(|it| (it.namespace, it.name))).await?;
    let configuration = scrape::configuration(&pipelines, &cluster.admins().await).await;
    let prometheus = Prometheus::start(&configuration).await;

    println!("all pipelines run");
    sleep(act).await;
    println!("the handler of payments fails");
    payments.handler.set(Behavior::Failing);
    sleep(act).await;
    println!("the database of thumbnails does not answer");
    thumbnails.proxy.set(Fault::Cut);
    sleep(act * 2 / 3).await;
    thumbnails.proxy.set(Fault::None);
    println!("the handler of payments rejects some events, and its database answers again");
    payments.handler.set(Behavior::Rejecting);
    sleep(act * 4 / 3).await;
    println!("the consumers of thumbnails hang, and the leading operator is killed");
    thumbnails.freeze_consumers();
    cluster.kill_the_leader();
    sleep(act).await;
    println!("the consumers of thumbnails continue, and the handler of payments works again");
    thumbnails.thaw_consumers();
    payments.handler.set(Behavior::Working);
    sleep(act * 3).await;

    record::all(&prometheus, act * 8, &out).await
}
