//! `create`: one event, or a file of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::args::Create;
use crate::client::{ANSWER_LIMIT, Answer, Client};
use crate::duration::whole_seconds;
use crate::error::Error;
use crate::output::Output;

/// Maximum events and bytes per request; the API accepts 1,000 and 4 MiB.
const EVENTS: usize = 1000;
const BYTES: usize = 3 * 1024 * 1024;

pub(super) async fn run(create: Create, client: &Client, output: &Output) -> Result<(), Error> {
    // The key makes retries safe, whatever happened to the previous attempt.
    let key = create.idempotency_key.clone().unwrap_or_else(random_key);
    match &create.batch {
        Some(path) => batch(path, &key, client, output).await,
        None => one(create, &key, client, output).await,
    }
}

/// Returns a unique key.
pub(super) fn random_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Creates an event without a payload, once per key, and returns its id.
pub(super) async fn plain(key: &str, client: &Client) -> Result<u64, Error> {
    let request = client.request(Method::POST, "/create-async", &[]).header("idempotency-key", key);
    client.send(request.timeout(ANSWER_LIMIT)).await?.body.get("id").ok_or_else(|| client.not_a_pipeline())
}

async fn one(create: Create, key: &str, client: &Client, output: &Output) -> Result<(), Error> {
    let payload = payload(&create)?;
    let mut query = Vec::new();
    query.extend(create.event_type.map(|event_type| ("type", event_type)));
    query.extend(create.key.map(|key| ("key", key)));
    query.extend(create.priority.map(|priority| ("priority", priority.to_string())));
    query.extend(create.not_before.map(|time| ("notBefore", time.to_string())));
    query.extend(create.delay.map(|delay| ("delaySeconds", whole_seconds(delay).to_string())));
    let path = if create.sync { "/create-sync" } else { "/create-async" };
    let mut request = client.request(Method::POST, path, &query).header("idempotency-key", key);
    if let Some(payload) = payload {
        request = request.header(CONTENT_TYPE, "application/json").body(payload);
    }
    if let Some(wait) = create.wait {
        request = request.header("prefer", format!("wait={}", whole_seconds(wait)));
    }
    let begun = Instant::now();
    let answer = client.send(request).await?;
    if answer.status == StatusCode::CREATED {
        return output.line(&answer.body.text("valor"), &answer.body);
    }
    let id = answer.body.get("id").ok_or_else(|| client.not_a_pipeline())?;
    if create.sync {
        // The response takes a moment longer than the wait, which is no part of it.
        let wait = create.wait.map_or(Duration::MAX, |wait| Duration::from_secs(whole_seconds(wait)));
        let waited = wait.min(begun.elapsed());
        return Err(Error::WaitOver { id, waited });
    }
    output.line(&id.to_string(), &json!({ "id": id }))
}

fn payload(create: &Create) -> Result<Option<String>, Error> {
    let read = |path: &Path, mut from: Box<dyn std::io::Read>| {
        let mut text = String::new();
        from.read_to_string(&mut text).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Ok(Some(text))
    };
    match (&create.payload, &create.payload_file) {
        (Some(dash), _) if dash == "-" => read(Path::new("-"), Box::new(std::io::stdin())),
        (Some(text), _) => Ok(Some(text.clone())),
        (None, Some(path)) => read(path, Box::new(open(path)?)),
        (None, None) => Ok(None),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Sends the file's lines in requests of at most [`EVENTS`] events, each with its own key, and prints the ids as they arrive.
async fn batch(path: &Path, key: &str, client: &Client, output: &Output) -> Result<(), Error> {
    let progress = output.progress(None);
    let mut lines = Numbered { lines: BufReader::new(open(path)?).lines(), next: 1 };
    let mut created = 0;
    for number in 0.. {
        let first = lines.next;
        let part = match lines.take() {
            Ok(part) if part.events == 0 => break,
            Ok(part) => {
                send(part, format!("{key}-{number}"), client).await.map_err(|why| at(path, first, why))
            }
            Err(source) => {
                Err((line_of(path, lines.next - 1), Error::Read { path: path.to_owned(), source }))
            }
        };
        let ids: Vec<u64> = match part.map(|answer| answer.body.get("ids")) {
            Ok(ids) => ids.ok_or_else(|| client.not_a_pipeline())?,
            Err((place, why)) => {
                let (why, key) = (Box::new(why), key.to_owned());
                return Err(Error::Batch { place, why, created, next: first, key });
            }
        };
        for id in &ids {
            output.line(&id.to_string(), &json!({ "id": id }))?;
        }
        created += u64::try_from(ids.len()).unwrap_or(u64::MAX);
        progress.set_position(created);
    }
    progress.finish_and_clear();
    Ok(())
}

async fn send(part: Part, key: String, client: &Client) -> Result<Answer, Error> {
    let request = client.request(Method::POST, "/v1/events", &[]);
    let request = request.header("idempotency-key", key).header(CONTENT_TYPE, "application/x-ndjson");
    client.send(request.body(part.body)).await
}

/// The lines of a file with their numbers.
struct Numbered {
    lines: Lines<BufReader<File>>,
    /// Number of the next line, from 1.
    next: u64,
}

/// Lines of a file that are sent in one request.
struct Part {
    body: String,
    events: usize,
}

impl Numbered {
    /// Returns as many lines as one request takes, or a part without events at the end of the file. Empty lines are included,
    /// so that the API counts lines as the file does.
    fn take(&mut self) -> Result<Part, std::io::Error> {
        let mut part = Part { body: String::new(), events: 0 };
        while part.events < EVENTS
            && part.body.len() < BYTES
            && let Some(line) = self.lines.next()
        {
            self.next += 1;
            let line = line?;
            part.events += usize::from(!line.trim().is_empty());
            part.body.push_str(&line);
            part.body.push('\n');
        }
        Ok(part)
    }
}

fn line_of(path: &Path, line: u64) -> String {
    format!("{}, line {line}", path.display())
}

/// Translates an error of a request that starts at line `first` into a place in the file and an error.
fn at(path: &Path, first: u64, why: Error) -> (String, Error) {
    match why {
        Error::Refused { detail, line: Some(line) } => {
            let named = format!("the event on line {line}: ");
            let detail = detail.strip_prefix(&named).map_or(detail.clone(), str::to_owned);
            (line_of(path, first + line - 1), Error::Refused { detail, line: None })
        }
        other => (format!("{} from line {first} on", path.display()), other),
    }
}
