//! Clients that create events continuously, and record the outcome of each request.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

use crate::{Ingress, Pipeline, until};

/// Makes keys distinct over all loads of a test run. Each run creates its pipelines again.
static KEYS: AtomicU64 = AtomicU64::new(0);

/// Period of a client's requests, unless the last one is still unanswered: often enough that a request is always in flight,
/// and rarely enough that the pods have CPU time for other work.
const PACE: Duration = Duration::from_millis(50);

/// Number of requests that are checked at once.
const CHECKS: usize = 32;

/// A number of clients that send `POST /create-sync` continuously.
pub struct Load {
    ingress: Ingress,
    stop: watch::Sender<bool>,
    clients: JoinSet<Vec<Request>>,
}

/// The outcome of a request.
#[derive(Debug)]
pub struct Request {
    /// Its idempotency key.
    pub key: String,
    /// The event's value, or `None` if the response refers to a later request (202).
    pub answer: Result<Option<String>>,
}

impl Load {
    /// Starts the clients.
    #[must_use]
    pub fn start(ingress: &Ingress, clients: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(client(ingress.clone(), stopped.clone()));
        }
        Self { ingress: ingress.clone(), stop, clients: tasks }
    }

    /// Waits until the clients are being served: another client with the same requests gets some responses.
    pub async fn is_answered(&self) -> Result<()> {
        until("answers under load", Duration::from_mins(3), async || {
            for _ in 0..10 {
                self.ingress.create_sync().await?;
            }
            Ok(Some(()))
        })
        .await
    }

    /// Stops the clients after their last responses, and returns all requests.
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
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*stopped.borrow() {
        pace.tick().await;
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
    /// Repeats the request with its key, and returns the event's id and whether it existed before.
    async fn event(&self, ingress: &Ingress) -> Result<(i64, bool)> {
        let response = ingress.create("/create-async", &self.key).await?;
        let replayed = response.headers().contains_key("idempotent-replayed");
        let status = response.status();
        let body = response.text().await?;
        ensure!(status == StatusCode::ACCEPTED, "{}: {status}: {body}", self.key);
        let body: Value = serde_json::from_str(&body)?;
        Ok((body["id"].as_i64().context("an id")?, replayed))
    }

    /// Checks the promises about these requests, and returns their events. An answered request has its own event with the
    /// value in the response; any other request has at most one event.
    pub async fn check(requests: &[Self], pipeline: &Pipeline) -> Result<Vec<Value>> {
        let checked = stream::iter(requests).map(|request| request.check_one(&pipeline.ingress));
        let events: Vec<Value> = checked.buffer_unordered(CHECKS).try_collect().await?;
        let distinct: BTreeSet<i64> = events.iter().filter_map(|event| event["id"].as_i64()).collect();
        ensure!(distinct.len() == events.len(), "{} requests share {} events", events.len(), distinct.len());
        Ok(events)
    }

    async fn check_one(&self, ingress: &Ingress) -> Result<Value> {
        let (id, replayed) = self.event(ingress).await?;
        ensure!(replayed || self.answer.is_err(), "{self:?} was answered and is lost");
        let event = until(&format!("the end of event {id}"), Duration::from_mins(2), async || {
            Ok(Some(ingress.event(id).await?).filter(|event| event["state"] == "done"))
        })
        .await?;
        if let Ok(Some(answered)) = &self.answer {
            ensure!(
                event["valor"] == *answered,
                "{self:?} was answered with another value than that of {event}"
            );
        }
        Ok(event)
    }
}
