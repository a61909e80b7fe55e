//! `selftest`: whether the pipeline does what it is for.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::Client;
use crate::commands::{create, read};
use crate::duration::rounded_up;
use crate::error::Error;
use crate::output::Output;

pub(super) async fn run(timeout: Duration, client: &Client, output: &Output) -> Result<(), Error> {
    let begun = Instant::now();
    // One event, however often it is tried.
    let key = create::random_key();
    let event = loop {
        match proof(&key, begun, timeout, client).await {
            Err(Error::Unreachable { .. } | Error::Overloaded { .. }) if begun.elapsed() < timeout => {}
            ended => break ended?,
        }
    };
    let (id, valor) = (&event["id"], &event["valor"]);
    output.line(&format!("event {id} was answered {valor} after {}", rounded_up(begun.elapsed())), &event)
}

/// The event that was created, answered and read back.
async fn proof(key: &str, begun: Instant, timeout: Duration, client: &Client) -> Result<Value, Error> {
    let id = create::plain(key, client).await?;
    let event = read::wait(id, begun, Some(timeout), client, || {}).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (answered, read) =
        (text(&event["valor"]), text(&client.get(&format!("/{id}"), &[]).await?.body["valor"]));
    if answered.is_empty() || answered != read {
        return Err(Error::Differs { id, answered, read });
    }
    Ok(event)
}
