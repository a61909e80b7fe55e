//! `get`, `watch`, `list` and `stats`.

use std::time::{Duration, Instant};

use crate::args::{State, name};
use crate::client::Client;
use crate::document::Document;
use crate::error::Error;
use crate::output::Output;

/// Polling interval of an event.
pub(super) const PERIOD: Duration = Duration::from_millis(250);
const STATS_PERIOD: Duration = Duration::from_secs(1);
/// Largest page of the API.
pub(super) const PAGE: u32 = 1000;

pub(super) async fn get(id: u64, client: &Client, output: &Output) -> Result<(), Error> {
    let event = client.get(&format!("/v1/events/{id}"), &[]).await?.body;
    output.fields(&event)
}

pub(super) async fn watch(
    id: u64,
    timeout: Option<Duration>,
    client: &Client,
    output: &Output,
) -> Result<(), Error> {
    let progress = output.progress(None);
    let event = wait(id, Instant::now(), timeout, client, || progress.inc(1)).await?;
    progress.finish_and_clear();
    output.line(&event.text("valor"), &event)
}

/// Waits for an event's value and returns the event. `looked` is called after each poll without a value.
pub(super) async fn wait(
    id: u64,
    begun: Instant,
    timeout: Option<Duration>,
    client: &Client,
    looked: impl Fn(),
) -> Result<Document, Error> {
    loop {
        let event = client.get(&format!("/v1/events/{id}"), &[]).await?.body;
        match event.text("state").as_str() {
            "done" => return Ok(event),
            state @ ("dead" | "cancelled") => {
                return Err(Error::NoValue { id, state: state.to_owned(), why: event.get("error") });
            }
            _ => {}
        }
        if let Some(waited) = timeout.filter(|timeout| begun.elapsed() >= *timeout) {
            return Err(Error::WaitOver { id, waited });
        }
        looked();
        tokio::time::sleep(PERIOD).await;
    }
}

pub(super) async fn list(
    state: Option<State>,
    limit: u32,
    all: bool,
    client: &Client,
    output: &Output,
) -> Result<(), Error> {
    let mut pages = Pages::new(state, if all { PAGE } else { limit });
    let mut left = if all { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) };
    // Each page is printed when it arrives, with its own column widths.
    while left > 0 {
        let Some(mut events) = pages.next(client).await? else { break };
        events.truncate(left);
        left -= events.len();
        let fields = ["id", "state", "type", "key", "valor", "attempts", "priority", "createdAt", "error"];
        output.rows(&events, &fields)?;
    }
    Ok(())
}

pub(super) async fn stats(watch: bool, client: &Client, output: &Output) -> Result<(), Error> {
    loop {
        let stats = client.get("/v1/stats", &[]).await?.body;
        output.statistics(&stats)?;
        if !watch {
            return Ok(());
        }
        tokio::time::sleep(STATS_PERIOD).await;
    }
}

/// The pages of a list.
pub(super) struct Pages {
    query: Vec<(&'static str, String)>,
    cursor: Option<String>,
    over: bool,
}

impl Pages {
    pub(super) fn new(state: Option<State>, size: u32) -> Self {
        let mut query = vec![("limit", size.to_string())];
        query.extend(state.map(|state| ("state", name(&state))));
        Self { query, cursor: None, over: false }
    }

    pub(super) async fn next(&mut self, client: &Client) -> Result<Option<Vec<Document>>, Error> {
        if self.over {
            return Ok(None);
        }
        let mut query = self.query.clone();
        query.extend(self.cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.get("/v1/events", &query).await?.body;
        self.cursor = page.get("next");
        self.over = self.cursor.is_none();
        page.list("events").map(Some).ok_or_else(|| client.not_a_pipeline())
    }
}
