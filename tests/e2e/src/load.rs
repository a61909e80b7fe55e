//! Clients that create events without a pause, and remember what came of each request.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use crate::{Ingress, Pipeline, until};

/// Distinct over all loads of a test run, and by it over those of all runs: a pipeline is made anew for each.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// A number of clients that each send `POST /create-sync` again as soon as they are answered.
pub struct Load {
    ingress: Ingress,
    stop: watch::Sender<bool>,
    clients: JoinSet<Vec<Request>>,
}

/// What came of one request.
#[derive(Debug)]
pub struct Request {
    /// Its idempotency key.
    pub key: String,
    /// The event's value, or `None` when it was to be asked for later (202).
    pub answer: Result<Option<String>>,
}

impl Load {
    /// Begins.
    #[must_use]
    pub fn start(ingress: &Ingress, clients: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(client(ingress.clone(), stopped.clone()));
        }
        Self { ingress: ingress.clone(), stop, clients: tasks }
    }

    /// Waits until the clients, which go on, get answers: another that does the same has had some.
    pub async fn is_answered(&self) -> Result<()> {
        until("answers under load", Duration::from_mins(3), async || {
            for _ in 0..10 {
                self.ingress.create_sync().await?;
            }
            Ok(Some(()))
        })
        .await
    }

    /// Ends once each client has had its last answer, and gives all requests.
    pub async fn stop(mut self) -> Result<Vec<Request>> {
        self.stop.send_replace(true);
        let mut requests = Vec::new();
        while let Some(client) = self.clients.join_next().await {
            requests.extend(client.context("a client")?);
        }
        Ok(requests)
    }
}

async fn client(ingress: Ingress, stopped: watch::Receiver<bool>) -> Vec<Request> {
    let mut requests = Vec::new();
    while !*stopped.borrow() {
        let key = format!("load-{}", KEYS.fetch_add(1, Ordering::Relaxed));
        let answer = async { answer(ingress.create("/create-sync", &key).await?).await }.await;
        requests.push(Request { key, answer });
    }
    requests
}

async fn answer(response: Response) -> Result<Option<String>> {
    let status = response.status();
    let body = response.text().await?;
    ensure!(matches!(status, StatusCode::CREATED | StatusCode::ACCEPTED), "{status}: {body}");
    let body: Value = serde_json::from_str(&body)?;
    Ok(body["valor"].as_str().map(str::to_owned))
}

impl Request {
    /// Repeats the request with its key, and gives the event's id and whether it was there before.
    async fn event(&self, ingress: &Ingress) -> Result<(i64, bool)> {
        let response = ingress.create("/create-async", &self.key).await?;
        let replayed = response.headers().contains_key("idempotent-replayed");
        let status = response.status();
        let body = response.text().await?;
        ensure!(status == StatusCode::ACCEPTED, "{}: {status}: {body}", self.key);
        let body: Value = serde_json::from_str(&body)?;
        Ok((body["id"].as_i64().context("an id")?, replayed))
    }

    /// Holds these requests to what was promised: what was answered is stored, as an event of its own, with the value that
    /// was answered, and what was not answered is stored once or not at all. Returns the ids.
    pub async fn judge(requests: &[Self], pipeline: &Pipeline) -> Result<Vec<i64>> {
        let ingress = &pipeline.ingress;
        let mut ids = Vec::with_capacity(requests.len());
        for request in requests {
            let (id, replayed) = request.event(ingress).await?;
            ensure!(replayed || request.answer.is_err(), "{request:?} was answered and is lost");
            let what = format!("the value of event {id}");
            let value = until(&what, Duration::from_mins(2), async || {
                Ok(Some(ingress.value(id).await?).filter(|value| !value.is_empty()))
            })
            .await?;
            if let Ok(Some(answered)) = &request.answer {
                ensure!(value == *answered, "{request:?} was answered, and event {id} has the value {value}");
            }
            ids.push(id);
        }
        let distinct: BTreeSet<i64> = ids.iter().copied().collect();
        ensure!(distinct.len() == ids.len(), "{} requests share {} events", ids.len(), distinct.len());
        Ok(ids)
    }
}
