//! Clients of the API.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures::future::join_all;
use serde_json::{Value, json};

/// Number of concurrent clients.
const CLIENTS: usize = 4;
/// Length of the payloads.
const PAYLOAD: usize = 60_000;
const PAUSE: Duration = Duration::from_millis(200);

/// A client of a producer.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    api: String,
}

/// Queue statistics.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) created: i64,
    pub(crate) removed: i64,
    waiting: i64,
}

impl Stats {
    /// Returns the number of events without a value.
    pub(crate) fn unfinished(&self) -> i64 {
        self.waiting
    }
}

enum Answer {
    Accepted(i64),
    Refused,
    /// The outcome is unknown.
    Unavailable,
}

impl Client {
    pub(crate) fn of(api: String) -> Self {
        Self { http: eventpipeline_testkit::client(), api }
    }

    async fn create(&self) -> anyhow::Result<Answer> {
        let request = self.http.post(format!("{}/create-async", self.api)).json(&"x".repeat(PAYLOAD - 2));
        let answer = request.send().await?;
        let (status, retry) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
        let body: Value = answer.json().await?;
        match status {
            202 => Ok(Answer::Accepted(body["id"].as_i64().context("no id")?)),
            507 => {
                ensure!(body["type"] == "urn:eventpipeline:problem:storage-full" && retry, "{body}");
                let bytes = |name: &str| body[name].as_u64().with_context(|| format!("no {name}: {body}"));
                ensure!(bytes("freeBytes")? < bytes("requiredBytes")? * 5 / 4, "{body}");
                Ok(Answer::Refused)
            }
            503 => Ok(Answer::Unavailable),
            _ => bail!("creation answered {status}: {body}"),
        }
    }

    /// Creates events until the first refusal, and returns their ids in ascending order.
    pub(crate) async fn create_until_refused(&self, within: Duration) -> anyhow::Result<Vec<i64>> {
        let begun = Instant::now();
        let one = async || -> anyhow::Result<Vec<i64>> {
            let mut ids = Vec::new();
            while begun.elapsed() < within {
                match self.create().await? {
                    Answer::Accepted(id) => ids.push(id),
                    Answer::Refused => return Ok(ids),
                    // On a busy machine a commit may take longer than the timeout.
                    Answer::Unavailable => {}
                }
            }
            bail!("{} events and no refusal after {} s", ids.len(), within.as_secs())
        };
        let mut accepted = Vec::new();
        for ids in join_all((0..CLIENTS).map(|_| one())).await {
            accepted.extend(ids?);
        }
        accepted.sort_unstable();
        Ok(accepted)
    }

    /// Waits until creations are refused.
    pub(crate) async fn until_refused(&self, within: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !matches!(self.create().await?, Answer::Refused) {
            ensure!(begun.elapsed() < within, "no creation was refused within {} s", within.as_secs());
        }
        Ok(())
    }

    /// Checks that a creation is refused before it reaches the database.
    pub(crate) async fn check_refusal(&self) -> anyhow::Result<()> {
        match self.create().await? {
            Answer::Refused => Ok(()),
            Answer::Accepted(id) => bail!("event {id} was created on a full volume"),
            Answer::Unavailable => bail!("a creation failed instead of being refused"),
        }
    }

    /// Checks that reads of every kind succeed.
    pub(crate) async fn check_reads(&self, id: i64) -> anyhow::Result<()> {
        for path in
            ["/".to_owned(), format!("/{id}"), format!("/v1/events/{id}"), "/v1/events?limit=3".to_owned()]
        {
            let answer = self.http.get(format!("{}{path}", self.api)).send().await?;
            ensure!(answer.status() == 200, "GET {path} answered {}", answer.status());
        }
        Ok(())
    }

    async fn stats(&self) -> anyhow::Result<Option<Stats>> {
        let answer = self.http.get(format!("{}/v1/stats", self.api)).send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        let stats: Value = answer.json().await?;
        let of = |name: &str| stats[name].as_i64().with_context(|| format!("no {name}: {stats}"));
        ensure!(of("dead")? == 0, "events are dead: {stats}");
        let waiting = of("pending")? + of("scheduled")? + of("blocked")? + of("processing")?;
        Ok(Some(Stats { created: of("created")?, removed: of("removed")?, waiting }))
    }

    /// Waits until the queue statistics meet a condition.
    pub(crate) async fn until(
        &self,
        within: Duration,
        what: &str,
        is: impl Fn(&Stats) -> bool,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let stats = self.stats().await?;
            if stats.as_ref().is_some_and(&is) {
                return Ok(());
            }
            ensure!(begun.elapsed() < within, "not met after {} s: {what}: {stats:?}", within.as_secs());
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until creations succeed again. Their events are removed in the next round.
    pub(crate) async fn until_accepted_again(&self, within: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !matches!(self.create().await?, Answer::Accepted(_)) {
            ensure!(begun.elapsed() < within, "creations are still refused after {} s", within.as_secs());
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// Returns the payload of every event as the table stores it.
pub(crate) fn payload() -> String {
    json!("x".repeat(PAYLOAD - 2)).to_string()
}
