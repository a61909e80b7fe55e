//! The clauses of docs/contracts/http.md.

mod values;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use clap::Parser;
use eventpipeline_database::DatabaseArgs;
use reqwest::Method;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use crate::clause::Clause;
use crate::http::{Answer, Subject};
use crate::program::{Program, within};
use crate::report::{Broken, Checked, Report, hold};

/// How many events are created at once.
const MANY: usize = 200;
/// How many clients leave a create-sync.
const LEAVING: i64 = 10;
/// How long a producer may take to start.
const START: Duration = Duration::from_mins(1);
/// How long it may take to store an event, or to come back.
const LIMIT: Duration = Duration::from_secs(30);

/// Which producer.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the producer
    #[arg(long)]
    url: Url,
    /// Give events their values in the database that the variables `DATABASE_*` name; no consumer may run. Without it one must
    #[arg(long)]
    give_values: bool,
    /// Command that starts the producer: it gets `LISTEN_ADDRESS` from the address, and is ended by SIGTERM
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// The database, by its variables.
#[derive(Debug, Parser)]
struct Environment {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) async fn check(args: Args, report: &mut Report) -> anyhow::Result<()> {
    let Args { url, give_values, command } = args;
    let database =
        if give_values { Some(Environment::try_parse_from(["DATABASE_*"])?.database) } else { None };
    let program = if command.is_empty() { None } else { Some(Program::start(&command, &listen(&url)?)?) };
    let producer = Subject::new(url)?;
    within(START, "a first answer", async || {
        Ok(match producer.get("/").await {
            // P14: before it has reached its database.
            Ok(answer) if answer.status >= 500 => Err(answer.shown()),
            Ok(_) => Ok(()),
            Err(broken) => Err(format!("{broken:?}")),
        })
    })
    .await
    .map_err(|broken| anyhow::anyhow!("the producer at {} does not serve: {broken:?}", producer.url()))?;
    classic(&producer, report).await;
    values::check(&producer, database.as_ref(), report).await;
    let what = "SIGTERM answers who waits and ends with code 0";
    report.check(Clause::P15, what, drains(&producer, program)).await;
    Ok(())
}

fn listen(url: &Url) -> anyhow::Result<[(&'static str, String); 1]> {
    let host = url.host_str().ok_or_else(|| anyhow::anyhow!("the address must name a host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    Ok([("LISTEN_ADDRESS", format!("{host}:{port}"))])
}

async fn classic(producer: &Subject, report: &mut Report) {
    report.check(Clause::P1, "GET / counts", counts(producer)).await;
    report.check(Clause::P3, "an unknown id is a 404", unknown(producer)).await;
    report.check(Clause::P4, "what is no id is a 404 or 400", no_ids(producer)).await;
    report.check(Clause::P5, "create-async answers an id and its place", creates(producer)).await;
    report.check(Clause::P8, "creations at once get distinct ids and a true count", distinct(producer)).await;
    report.check(Clause::P9, "an answered id is there", is_there(producer)).await;
    report
        .check(Clause::P10, "every answer names its language and allows every origin", headers(producer))
        .await;
    report.check(Clause::P11, "bodies are JSON", json(producer)).await;
    report.check(Clause::P12, "other paths and methods are refused", refuses(producer)).await;
    report.check(Clause::P13, "a client that leaves disturbs nobody", leaves(producer)).await;
}

/// How many events there are.
async fn count(producer: &Subject) -> Result<i64, Broken> {
    producer.get("/").await?.status(&[200])?.number("events")
}

/// Creates an event and gives its id.
async fn create(producer: &Subject) -> Result<i64, Broken> {
    producer.post("/create-async").await?.status(&[202])?.number("id")
}

/// A create-sync that waits for its answer.
type Waiting = JoinHandle<Result<Answer, Broken>>;

/// Begins a create-sync, and gives it and the event's id once the event is stored.
async fn begin_sync(producer: &Subject) -> Result<(Waiting, i64), Broken> {
    let before = count(producer).await?;
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.post("/create-sync").await }
    });
    let id = within(LIMIT, "create-sync to store its event", async || {
        let now = count(producer).await.map_err(|broken| anyhow::anyhow!("{broken:?}"))?;
        Ok(if now > before { Ok(now) } else { Err(format!("{now} events")) })
    })
    .await?;
    Ok((waiting, id))
}

async fn counts(producer: &Subject) -> Checked {
    let before = count(producer).await?;
    create(producer).await?;
    let after = count(producer).await?;
    hold(after == before + 1, format!("{} events after a creation", before + 1), after.to_string())
}

async fn unknown(producer: &Subject) -> Checked {
    let id = count(producer).await? + 1_000_000;
    let answer = producer.get(&format!("/{id}")).await?.status(&[404])?;
    let message = answer.text("message")?;
    hold(message == "Event not found", "the message \"Event not found\"", format!("{message:?}"))?;
    count(producer).await.map(drop)
}

async fn no_ids(producer: &Subject) -> Checked {
    for id in ["abc", "0", "-1", "1.5", "99999999999999999999", "%27%20OR%201=1", "%00", "1%3B"] {
        producer.get(&format!("/{id}")).await?.status(&[404, 400])?;
    }
    count(producer).await.map(drop)
}

async fn creates(producer: &Subject) -> Checked {
    let answer = producer.post("/create-async").await?.status(&[202])?;
    let message = answer.text("message")?;
    hold(
        message == "Event created on demand",
        "the message \"Event created on demand\"",
        format!("{message:?}"),
    )?;
    let place = format!("/{}", answer.number("id")?);
    let came = answer.header("location").unwrap_or("none");
    hold(came == place, format!("Location: {place}"), format!("Location: {came}"))
}

async fn distinct(producer: &Subject) -> Checked {
    let before = count(producer).await?;
    let mut creations = JoinSet::new();
    for _ in 0..MANY {
        let producer = producer.clone();
        creations.spawn(async move { create(&producer).await });
    }
    let ids: Result<Vec<i64>, Broken> = creations.join_all().await.into_iter().collect();
    let distinct: BTreeSet<i64> = ids?.into_iter().collect();
    hold(distinct.len() == MANY, format!("{MANY} distinct ids"), format!("{} distinct ids", distinct.len()))?;
    let grown = count(producer).await? - before;
    hold(
        i64::try_from(MANY) == Ok(grown),
        format!("a count that grew by {MANY}"),
        format!("it grew by {grown}"),
    )
}

async fn is_there(producer: &Subject) -> Checked {
    for _ in 0..10 {
        let id = create(producer).await?;
        producer.get(&format!("/{id}")).await?.status(&[200])?.text("valor")?;
    }
    Ok(())
}

/// One answer of each kind.
async fn answers(producer: &Subject) -> Result<Vec<Answer>, Broken> {
    let created = producer.post("/create-async").await?;
    let id = created.number("id")?;
    Ok(vec![
        created,
        producer.get("/").await?,
        producer.get(&format!("/{id}")).await?,
        producer.get("/no-id").await?,
    ])
}

async fn headers(producer: &Subject) -> Checked {
    for answer in answers(producer).await? {
        let language = answer.header("x-service-language");
        let expected = format!("{} to carry x-service-language", answer.request);
        hold(language.is_some_and(|name| !name.is_empty()), expected, format!("{language:?}"))?;
        let origin = answer.header("access-control-allow-origin");
        let expected = format!("{} to carry Access-Control-Allow-Origin: *", answer.request);
        hold(origin == Some("*"), expected, format!("{origin:?}"))?;
    }
    Ok(())
}

async fn json(producer: &Subject) -> Checked {
    for answer in answers(producer).await? {
        let format = answer.header("content-type").unwrap_or("none").to_owned();
        let media = format.split(';').next().unwrap_or_default().trim();
        let known = ["application/json", "application/problem+json"].contains(&media);
        hold(known, format!("{} to answer application/json", answer.request), format)?;
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&answer.body);
        hold(parsed.is_ok(), format!("{} to answer JSON", answer.request), answer.shown())?;
    }
    Ok(())
}

async fn refuses(producer: &Subject) -> Checked {
    let others = [
        (Method::DELETE, "/"),
        (Method::PUT, "/1"),
        (Method::POST, "/no-such-path"),
        (Method::GET, "/no/such/path"),
        (Method::GET, "/create-async"),
    ];
    for (method, path) in others {
        producer.ask(method, path).await?.status(&[404, 405])?;
    }
    count(producer).await.map(drop)
}

/// They leave when their events are stored: an event that came later would be taken for one of the next check's.
async fn leaves(producer: &Subject) -> Checked {
    let before = count(producer).await?;
    let mut clients = Vec::new();
    for _ in 0..LEAVING {
        clients.push(begin_sync(producer).await?.0);
    }
    for client in clients {
        client.abort();
    }
    create(producer).await?;
    let (expected, after) = (before + LEAVING + 1, count(producer).await?);
    hold(after == expected, format!("{expected} events"), after.to_string())
}

async fn drains(producer: &Subject, program: Option<Program>) -> Checked {
    let Some(program) = program else {
        return Err(Broken::Skipped("needs the command that starts the producer, after `--`"));
    };
    let (waiting, _) = begin_sync(producer).await?;
    program.drain().await?;
    waiting.await.map_err(anyhow::Error::from)??.status(&[201, 202]).map(drop)
}
