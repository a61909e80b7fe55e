//! `create`: one event, or a file of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::args::Create;
use crate::client::Client;
use crate::duration::whole_seconds;
use crate::error::Error;
use crate::output::Output;

/// Events and bytes in one request; the API takes 1,000 and 4 MiB.
const EVENTS: usize = 1000;
const BYTES: usize = 3 * 1024 * 1024;

pub(super) async fn run(create: Create, client: &Client, output: &Output) -> Result<(), Error> {
    // A key makes each try of a request safe, whatever became of the one before.
    let key = create.idempotency_key.clone().unwrap_or_else(random_key);
    match &create.batch {
        Some(path) => batch(path, &key, client, output).await,
        None => one(create, &key, client, output).await,
    }
}

/// A key that nobody else has.
pub(super) fn random_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Creates an event without a payload, once for each key, and gives its id.
pub(super) async fn plain(key: &str, client: &Client) -> Result<u64, Error> {
    let request = client.request(Method::POST, "/create-async", &[]).header("idempotency-key", key);
    client.send(request).await?.body["id"].as_u64().ok_or_else(|| client.not_a_pipeline())
}

async fn one(create: Create, key: &str, client: &Client, output: &Output) -> Result<(), Error> {
    let payload = payload(&create)?;
    let mut query = Vec::new();
    query.extend(create.priority.map(|priority| ("priority", priority.to_string())));
    let delayed = create
        .delay
        .and_then(|delay| Timestamp::now().checked_add(SignedDuration::try_from(delay).ok()?).ok());
    query.extend(create.not_before.or(delayed).map(|time| ("notBefore", time.to_string())));
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
        return output.line(answer.body["valor"].as_str().unwrap_or_default(), &answer.body);
    }
    let id = answer.body["id"].as_u64().ok_or_else(|| client.not_a_pipeline())?;
    if create.sync {
        return Err(Error::WaitOver { id, waited: begun.elapsed() });
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

/// The file's lines in requests of at most [`EVENTS`], each with a key of its own. The ids are printed as they come.
async fn batch(path: &Path, key: &str, client: &Client, output: &Output) -> Result<(), Error> {
    let progress = output.progress(None);
    let mut lines = BufReader::new(open(path)?).lines();
    for number in 0.. {
        let (mut body, mut events) = (String::new(), 0);
        while events < EVENTS && body.len() < BYTES {
            let Some(line) = lines.next() else { break };
            let line = line.map_err(|source| Error::Read { path: path.to_owned(), source })?;
            if !line.trim().is_empty() {
                body.push_str(&line);
                body.push('\n');
                events += 1;
            }
        }
        if events == 0 {
            break;
        }
        let request = client.request(Method::POST, "/v1/events", &[]);
        let request = request
            .header("idempotency-key", format!("{key}-{number}"))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body);
        let answer = client.send(request).await?;
        for id in answer.body["ids"].as_array().into_iter().flatten() {
            output.line(&id.to_string(), &json!({ "id": id }))?;
        }
        progress.inc(u64::try_from(events).unwrap_or(u64::MAX));
    }
    progress.finish_and_clear();
    Ok(())
}
