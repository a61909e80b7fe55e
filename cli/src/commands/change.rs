//! `retry` and `cancel`.

use crate::args::State;
use crate::client::Client;
use crate::commands::read::Pages;
use crate::error::{Error, chain};
use crate::output::Output;

/// Events of a page of dead ones.
const PAGE: u32 = 500;

/// Does the same to each event, to the last one, and tells of those that refused.
pub(super) async fn each(change: &str, ids: &[u64], client: &Client, output: &Output) -> Result<(), Error> {
    let progress = output.progress(u64::try_from(ids.len()).ok().filter(|many| *many > 20));
    let mut refused = Vec::new();
    for id in ids {
        match client.post(&format!("/v1/events/{id}/{change}")).await {
            Ok(answer) => {
                let state = answer.body["state"].as_str().unwrap_or_default();
                output.line(&format!("event {id} is {state}"), &answer.body)?;
            }
            Err(error @ (Error::Refused { .. } | Error::NotFound { .. } | Error::NoValue { .. })) => {
                refused.push(error);
            }
            Err(error) => return Err(error),
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    match refused.len() {
        0 => Ok(()),
        1 if ids.len() == 1 => refused.pop().map_or(Ok(()), Err),
        many => {
            let first = refused.first().map(chain).unwrap_or_default();
            Err(Error::NotAll { many, all: ids.len(), first })
        }
    }
}

/// A page at a time: what is tried again is no longer dead, so that the first page is always the next one.
pub(super) async fn retry_dead(client: &Client, output: &Output) -> Result<(), Error> {
    loop {
        let events = Pages::new(Some(State::Dead), PAGE).next(client).await?.unwrap_or_default();
        let ids: Vec<u64> = events.iter().filter_map(|event| event["id"].as_u64()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        each("retry", &ids, client, output).await?;
    }
}
