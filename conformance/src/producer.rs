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
use crate::report::{CheckResult, Failure, Report, expect};

/// Number of concurrent creations.
const MANY: usize = 200;
/// Number of clients that disconnect during create-sync.
const LEAVING: i64 = 10;
/// Time limit for a producer to start.
const START: Duration = Duration::from_mins(1);
/// Time limit to store an event, or to serve again.
const LIMIT: Duration = Duration::from_secs(30);

/// The producer to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the producer
    #[arg(long)]
    url: Url,
    /// Write values to the database of the variables `DATABASE_*`; no consumer may run. Without it, a consumer must run
    #[arg(long)]
    give_values: bool,
    /// Command that starts the producer, with `LISTEN_ADDRESS` from the address; SIGTERM ends it
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// The database as environment variables name it.
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
    within(START, "a first response", async || {
        Ok(match producer.get("/").await {
            // P14 allows it until the producer has reached its database.
            Ok(answer) if answer.status >= 500 => Err(answer.shown()),
            Ok(_) => Ok(()),
            Err(failure) => Err(format!("{failure:?}")),
        })
    })
    .await
    .map_err(|failure| anyhow::anyhow!("the producer at {} does not serve: {failure:?}", producer.url()))?;
    classic(&producer, report).await;
    values::check(&producer, database.as_ref(), report).await;
    let what = "SIGTERM answers waiting clients and ends with code 0";
    report.check(Clause::P15, what, drains(&producer, program)).await;
    Ok(())
}

fn listen(url: &Url) -> anyhow::Result<[(&'static str, String); 1]> {
    let host = url.host_str().ok_or_else(|| anyhow::anyhow!("the address must name a host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    Ok([("LISTEN_ADDRESS", format!("{host}:{port}"))])
}

async fn classic(producer: &Subject, report: &mut Report) {
    report.check(Clause::P1, "GET / counts events", counts(producer)).await;
    report.check(Clause::P3, "an unknown id is answered with 404", unknown(producer)).await;
    report.check(Clause::P4, "an invalid id is answered with 404 or 400", no_ids(producer)).await;
    report.check(Clause::P5, "create-async returns an id and its location", creates(producer)).await;
    report
        .check(Clause::P8, "concurrent creations get distinct ids and a correct count", distinct(producer))
        .await;
    report.check(Clause::P9, "a returned id exists", is_there(producer)).await;
    report
        .check(Clause::P10, "every response names its language and allows every origin", headers(producer))
        .await;
    report.check(Clause::P11, "bodies are JSON", json(producer)).await;
    report.check(Clause::P12, "other paths and methods are refused", refuses(producer)).await;
    report.check(Clause::P13, "a client that disconnects does not affect others", leaves(producer)).await;
}

/// Returns the number of events.
async fn count(producer: &Subject) -> Result<i64, Failure> {
    producer.get("/").await?.status(&[200])?.number("events")
}

/// Creates an event and returns its id.
async fn create(producer: &Subject) -> Result<i64, Failure> {
    producer.post("/create-async").await?.status(&[202])?.number("id")
}

/// A create-sync that waits for its response.
type Waiting = JoinHandle<Result<Answer, Failure>>;

/// Sends a create-sync, and returns it with the event's id once the event is stored.
async fn begin_sync(producer: &Subject) -> Result<(Waiting, i64), Failure> {
    let before = count(producer).await?;
    let waiting = tokio::spawn({
        let producer = producer.clone();
        async move { producer.post("/create-sync").await }
    });
    let id = within(LIMIT, "create-sync to store its event", async || {
        let now = count(producer).await.map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
        Ok(if now > before { Ok(now) } else { Err(format!("{now} events")) })
    })
    .await?;
    Ok((waiting, id))
}

async fn counts(producer: &Subject) -> CheckResult {
    let before = count(producer).await?;
    create(producer).await?;
    let after = count(producer).await?;
    expect(after == before + 1, format!("{} events after a creation", before + 1), after.to_string())
}

async fn unknown(producer: &Subject) -> CheckResult {
    let id = count(producer).await? + 1_000_000;
    let answer = producer.get(&format!("/{id}")).await?.status(&[404])?;
    let message = answer.text("message")?;
    expect(message == "Event not found", "the message \"Event not found\"", format!("{message:?}"))?;
    count(producer).await.map(drop)
}

async fn no_ids(producer: &Subject) -> CheckResult {
    for id in ["abc", "0", "-1", "1.5", "99999999999999999999", "%27%20OR%201=1", "%00", "1%3B"] {
        producer.get(&format!("/{id}")).await?.status(&[404, 400])?;
    }
    count(producer).await.map(drop)
}

async fn creates(producer: &Subject) -> CheckResult {
    let answer = producer.post("/create-async").await?.status(&[202])?;
    let message = answer.text("message")?;
    expect(
        message == "Event created on demand",
        "the message \"Event created on demand\"",
        format!("{message:?}"),
    )?;
    let location = format!("/{}", answer.number("id")?);
    let got = answer.header("location").unwrap_or("none");
    expect(got == location, format!("Location: {location}"), format!("Location: {got}"))
}

async fn distinct(producer: &Subject) -> CheckResult {
    let before = count(producer).await?;
    let mut creations = JoinSet::new();
    for _ in 0..MANY {
        let producer = producer.clone();
        creations.spawn(async move { create(&producer).await });
    }
    let ids: Result<Vec<i64>, Failure> = creations.join_all().await.into_iter().collect();
    let distinct: BTreeSet<i64> = ids?.into_iter().collect();
    expect(
        distinct.len() == MANY,
        format!("{MANY} distinct ids"),
        format!("{} distinct ids", distinct.len()),
    )?;
    let increase = count(producer).await? - before;
    expect(
        i64::try_from(MANY) == Ok(increase),
        format!("a count that increased by {MANY}"),
        format!("it increased by {increase}"),
    )
}

async fn is_there(producer: &Subject) -> CheckResult {
    for _ in 0..10 {
        let id = create(producer).await?;
        producer.get(&format!("/{id}")).await?.status(&[200])?.text("valor")?;
    }
    Ok(())
}

/// Returns one response of each kind.
async fn answers(producer: &Subject) -> Result<Vec<Answer>, Failure> {
    let created = producer.post("/create-async").await?;
    let id = created.number("id")?;
    Ok(vec![
        created,
        producer.get("/").await?,
        producer.get(&format!("/{id}")).await?,
        producer.get("/no-id").await?,
    ])
}

async fn headers(producer: &Subject) -> CheckResult {
    for answer in answers(producer).await? {
        let language = answer.header("x-service-language");
        let expected = format!("{} to carry x-service-language", answer.request);
        expect(language.is_some_and(|name| !name.is_empty()), expected, format!("{language:?}"))?;
        let origin = answer.header("access-control-allow-origin");
        let expected = format!("{} to carry Access-Control-Allow-Origin: *", answer.request);
        expect(origin == Some("*"), expected, format!("{origin:?}"))?;
    }
    Ok(())
}

async fn json(producer: &Subject) -> CheckResult {
    for answer in answers(producer).await? {
        let format = answer.header("content-type").unwrap_or("none").to_owned();
        let media = format.split(';').next().unwrap_or_default().trim();
        let known = ["application/json", "application/problem+json"].contains(&media);
        expect(known, format!("{} to return application/json", answer.request), format)?;
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(&answer.body);
        expect(parsed.is_ok(), format!("{} to return JSON", answer.request), answer.shown())?;
    }
    Ok(())
}

async fn refuses(producer: &Subject) -> CheckResult {
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

/// Clients disconnect after their events are stored: a later event would be counted by the next check.
async fn leaves(producer: &Subject) -> CheckResult {
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
    expect(after == expected, format!("{expected} events"), after.to_string())
}

async fn drains(producer: &Subject, program: Option<Program>) -> CheckResult {
    let Some(program) = program else {
        return Err(Failure::Skipped("needs the command of the producer after `--`"));
    };
    let (waiting, _) = begin_sync(producer).await?;
    program.drain().await?;
    waiting.await.map_err(anyhow::Error::from)??.status(&[201, 202]).map(drop)
}
