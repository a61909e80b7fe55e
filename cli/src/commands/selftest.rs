//! `selftest`: checks that a pipeline processes events.

use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use crate::client::Client;
use crate::commands::{create, read};
use crate::document::Document;
use crate::duration::rounded_up;
use crate::error::Error;
use crate::output::Output;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(timeout: Duration, client: &Client, output: &Output) -> Result<(), Error> {
    let begun = Instant::now();
    // One event for all attempts.
    let key = create::random_key();
    let event = loop {
        match proof(&key, begun, timeout, client).await {
            Err(error) if is_early(&error) && begun.elapsed() < timeout => tokio::time::sleep(PAUSE).await,
            ended => break ended?,
        }
    };
    let [id, valor] = ["id", "valor"].map(|name| event.member(name).map_or("", RawValue::get));
    output.line(&format!("event {id} got the value {valor} after {}", rounded_up(begun.elapsed())), &event)
}

/// Returns true if the pipeline or its route may not exist yet. A proxy without the route responds itself.
fn is_early(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::BadGateway { .. }
            | Error::Overloaded { .. }
            | Error::NotAPipeline { .. }
    )
}

/// Creates an event, waits for its value, reads it back and returns it.
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
