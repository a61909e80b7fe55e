//! `selftest`: whether the pipeline does what it is for.

use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use crate::client::Client;
use crate::commands::{create, read};
use crate::document::Document;
use crate::duration::rounded_up;
use crate::error::Error;
use crate::output::Output;

/// Between one try and the next.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(timeout: Duration, client: &Client, output: &Output) -> Result<(), Error> {
    let begun = Instant::now();
    // One event, however often it is tried.
    let key = create::random_key();
    let event = loop {
        match proof(&key, begun, timeout, client).await {
            Err(error) if is_early(&error) && begun.elapsed() < timeout => tokio::time::sleep(PAUSE).await,
            ended => break ended?,
        }
    };
    let [id, valor] = ["id", "valor"].map(|name| event.member(name).map_or("", RawValue::get));
    output.line(&format!("event {id} was answered {valor} after {}", rounded_up(begun.elapsed())), &event)
}

/// Whether it may be that the pipeline, or the way to it, is not there yet. A proxy that does not know it so far answers for itself.
fn is_early(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::BadGateway { .. }
            | Error::Overloaded { .. }
            | Error::NotAPipeline { .. }
    )
}

/// The event that was created, answered and read back.
async fn proof(key: &str, begun: Instant, timeout: Duration, client: &Client) -> Result<Document, Error> {
    let id = create::plain(key, client).await?;
    let event = read::wait(id, begun, Some(timeout), client, || {}).await?;
    let answered = event.text("valor");
    let read = client.get(&format!("/{id}"), &[]).await?.body.text("valor");
    if answered.is_empty() || answered != read {
        return Err(Error::Differs { id, answered, read });
    }
    Ok(event)
}
