//! The same measurements of a producer and a consumer.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tokio::sync::mpsc;

use super::CLIENTS;
use super::peer::Measured;
use crate::http;
use crate::load::{self, Outcome};
use crate::scenarios::{consumers, to_done};
use crate::system::{Conditions, System};

/// This repository's programs.
#[derive(Debug)]
pub(super) struct Own<'a> {
    pub(super) programs: &'a Path,
}

impl Own<'_> {
    fn conditions() -> Conditions {
        Conditions { stock: true, ..Conditions::default() }
    }

    pub(super) async fn creations(&self, time: Duration) -> anyhow::Result<Outcome> {
        let system = System::start_under(self.programs, Self::conditions()).await?;
        let producer = system.producer().await;
        let request = || http::request("POST", "/create-async");
        // The first second is not measured for any queue.
        load::closed(&[producer.api], request(), CLIENTS, Duration::from_secs(1)).await?;
        let outcome = load::closed(&[producer.api], request(), CLIENTS, time).await?;
        ensure!(outcome.failed == 0, "{} of {} were refused", outcome.failed, outcome.succeeded);
        Ok(outcome)
    }

    /// Returns the events per second, and a note.
    pub(super) async fn drain(&self, events: u32) -> anyhow::Result<(f64, String)> {
        consumers::drain(self.programs, Self::conditions(), 1, events).await
    }

    pub(super) async fn latency(&self, rate: u32, time: Duration) -> anyhow::Result<Measured> {
        let system = System::start_under(self.programs, Self::conditions()).await?;
        let producer = system.producer().await;
        let _consumer = system.consumer().await;
        let request = || http::request("POST", "/create-async");
        load::open(producer.api, request(), 50, Duration::from_secs(2), CLIENTS, None).await?;
        let (answered, answers) = mpsc::unbounded_channel();
        let reader = tokio::spawn(to_done::read(system.connect().await?, answers));
        let outcome = load::open(producer.api, request(), rate, time, CLIENTS, Some(answered)).await?;
        ensure!(outcome.failed == 0, "{} of {} were refused", outcome.failed, outcome.succeeded);
        let times = reader.await??;
        #[expect(clippy::cast_precision_loss, reason = "a time")]
        let at = |quantile| times.value_at_quantile(quantile) as f64 / 1000.0;
        Ok(Measured { p50_ms: at(0.5), p99_ms: at(0.99), ..Measured::default() })
    }
}
