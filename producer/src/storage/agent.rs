//! The task that asks the agent beside the database how full its volume is.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_service::{STARTUP, error_chain};
use reqwest::{Client, redirect};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::Storage;

/// How often it is asked: the reserve is larger than what a disk takes in this time.
const PERIOD: Duration = Duration::from_secs(1);
/// How long it may take.
const LIMIT: Duration = Duration::from_secs(2);
/// For how long an answer is believed while no other comes.
pub(super) const OLDEST: Duration = Duration::from_secs(15);

/// How large the volume is, and how much of it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    pub(crate) capacity_bytes: u64,
    pub(crate) free_bytes: u64,
}

/// Asks.
#[derive(Debug)]
pub(crate) struct Agent {
    client: Client,
    url: Url,
    storage: Storage,
}

impl Agent {
    pub(crate) fn new(url: Url, storage: Storage) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(LIMIT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .context("failed to make the client of the database's agent")?;
        Ok(Self { client, url, storage })
    }

    /// Asks until `end`. One that does not answer is no reason to refuse anything.
    pub(crate) async fn run(self, end: CancellationToken) -> anyhow::Result<()> {
        let started = Instant::now();
        let (mut has_answered, mut reported) = (false, None);
        loop {
            let answer = tokio::select! {
                () = end.cancelled() => return Ok(()),
                answer = self.ask() => answer,
            };
            match &answer {
                Ok(volume) => {
                    self.storage.told(*volume);
                    (has_answered, reported) = (true, None);
                }
                Err(failure) => {
                    let is_starting = !has_answered && started.elapsed() < STARTUP;
                    if reported.replace(is_starting) != Some(is_starting) {
                        self.report(failure, is_starting);
                    }
                    self.storage.untold();
                }
            }
            tokio::select! {
                () = end.cancelled() => return Ok(()),
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Logs a failure. While the system starts it is normal that the agent does not answer yet.
    fn report(&self, failure: &reqwest::Error, is_starting: bool) {
        let (url, error) = (self.url.as_str(), error_chain(failure));
        if is_starting {
            info!(url, error, "waiting for the database's agent, which reports how full the volume is");
        } else {
            warn!(url, error, "the database's agent does not report how full the volume is");
        }
    }

    async fn ask(&self) -> reqwest::Result<Volume> {
        self.client.get(self.url.clone()).send().await?.error_for_status()?.json().await
    }
}
