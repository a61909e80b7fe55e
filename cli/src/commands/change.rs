//! `retry` and `cancel`.

use crate::args::State;
use crate::client::Client;
use crate::commands::read::{PAGE, Pages};
use crate::error::{Error, chain};
use crate::output::Output;

/// Work that takes less time shows no progress bar.
const FEW: usize = 20;

/// Applies an action to each event, and reports those that refused it.
pub(super) async fn each(change: &str, ids: &[u64], client: &Client, output: &Output) -> Result<(), Error> {
    let mut refused = all(change, ids, client, output).await?;
    match refused.len() {
        0 => Ok(()),
        1 if ids.len() == 1 => refused.pop().map_or(Ok(()), Err),
        many => {
            let first = refused.first().map(chain).unwrap_or_default();
            Err(Error::NotAll { many, all: ids.len(), first })
        }
    }
}

/// Retries each event that is dead now, once: some may die again at once. An event that is no longer dead is skipped.
pub(super) async fn retry_dead(client: &Client, output: &Output) -> Result<(), Error> {
    let (mut pages, mut ids) = (Pages::new(Some(State::Dead), PAGE), Vec::new());
    while let Some(events) = pages.next(client).await? {
        ids.extend(events.iter().filter_map(|event| event.get::<u64>("id")));
    }
    all("retry", &ids, client, output).await.map(drop)
}

/// Applies an action to each event, and returns the refusals.
async fn all(change: &str, ids: &[u64], client: &Client, output: &Output) -> Result<Vec<Error>, Error> {
    let progress = output.progress(u64::try_from(ids.len()).ok().filter(|_| ids.len() > FEW));
    let mut refused = Vec::new();
    for id in ids {
        match client.post(&format!("/v1/events/{id}/{change}")).await {
            Ok(answer) => {
                let state = answer.body.text("state");
                progress.suspend(|| output.line(&format!("event {id} is {state}"), &answer.body))?;
            }
            Err(error @ (Error::Refused { .. } | Error::NotFound { .. })) => refused.push(error),
            Err(error) => return Err(error),
        }
        progress.inc(1);
    }
    progress.finish();
    Ok(refused)
}
