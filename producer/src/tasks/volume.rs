//! The task that asks the agent next to the database for the free space of its volume.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use eventpipeline_service::{STARTUP, error_chain};
use reqwest::{Client, redirect};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use crate::storage::{Storage, Volume};

/// Pause between two requests. The reserve is larger than what a disk can write in this time.
const PERIOD: Duration = Duration::from_secs(1);
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Asks the agent periodically.
#[derive(Debug)]
pub(crate) struct VolumeTask {
    client: Client,
    url: Url,
    storage: Storage,
}

impl VolumeTask {
    pub(crate) fn new(url: Url, storage: Storage) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(TIMEOUT)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .context("failed to create the HTTP client for the database's agent")?;
        Ok(Self { client, url, storage })
    }

    /// Asks until `end`. Creations are not refused because the agent does not answer.
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
                    self.storage.set_volume(*volume);
                    (has_answered, reported) = (true, None);
                }
                Err(failure) => {
                    let is_starting = !has_answered && started.elapsed() < STARTUP;
                    if reported.replace(is_starting) != Some(is_starting) {
                        self.log(failure, is_starting);
                    }
                    self.storage.volume_unknown();
                }
            }
            tokio::select! {
                () = end.cancelled() => return Ok(()),
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Logs a failure. It is normal while the system starts.
    fn log(&self, failure: &reqwest::Error, is_starting: bool) {
        let (url, error) = (self.url.as_str(), error_chain(failure));
        if is_starting {
            info!(url, error, "waiting for the database's agent, which reports the volume's free space");
        } else {
            warn!(url, error, "failed to read the volume's free space from the database's agent");
        }
    }

    async fn ask(&self) -> reqwest::Result<Volume> {
        self.client.get(self.url.clone()).send().await?.error_for_status()?.json().await
    }
}
