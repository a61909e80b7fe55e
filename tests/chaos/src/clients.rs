//! Clients of the API, which record the responses.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_chaos::{Acknowledged, Read, Recorder, now};
use eventpipeline_testkit::client;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::pipeline::{KEPT_SECONDS, Pipeline};

const CLIENTS: u64 = 12;
/// Time limit of a request. After it, the outcome is unknown.
const TIMEOUT: Duration = Duration::from_secs(8);
/// The server errors of the API besides 503: the event of the request is dead, or the volume is full.
const SERVER_ERRORS: [&str; 2] =
    ["urn:eventpipeline:problem:event-dead", "urn:eventpipeline:problem:storage-full"];
/// Maximum number of requests of a creation with a key.
const TRIES: usize = 30;

struct Caller {
    number: u64,
    made: u64,
    random: StdRng,
    http: Client,
    pipeline: Arc<Pipeline>,
    recorder: Arc<Recorder>,
    /// Ids in the responses.
    ids: Vec<i64>,
}

/// The outcome of a request.
enum Outcome {
    Answered(StatusCode, Value),
    /// The request had no effect. The body is a problem document.
    Refused(StatusCode, Value),
    Unknown,
}

pub(crate) fn spawn(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    pipeline: &Arc<Pipeline>,
    recorder: &Arc<Recorder>,
    end: &CancellationToken,
    seed: u64,
) {
    for number in 0..CLIENTS {
        let mut caller = Caller {
            number,
            made: 0,
            random: StdRng::seed_from_u64(seed.wrapping_add(number + 2)),
            http: client(),
            pipeline: Arc::clone(pipeline),
            recorder: Arc::clone(recorder),
            ids: Vec::new(),
        };
        let end = end.clone();
        tasks.spawn(async move {
            while !end.is_cancelled() {
                caller.pipeline.load_wanted().await;
                caller.call().await;
                let pause = caller.random.random_range(0..40);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Ok(())
        });
    }
}

impl Caller {
    async fn call(&mut self) {
        match self.random.random_range(0..100) {
            0..45 => self.create_async().await,
            45..60 => self.create_sync("").await,
            60..65 => self.create_sync("wait=1").await,
            65..73 => self.create_many().await,
            73..80 => self.create_with_key().await,
            80..94 => self.read().await,
            94..96 => self.cancel().await,
            96 => self.purge().await,
            _ => self.retry_dead().await,
        }
    }

    /// Returns a text that is unique among payloads.
    fn mark(&mut self) -> String {
        self.made += 1;
        format!("client {} event {}", self.number, self.made)
    }

    fn url(&mut self, path: &str) -> String {
        let producer = self.random.random_range(0..2);
        format!("{}{path}", self.pipeline.api(producer))
    }

    async fn create_async(&mut self) {
        let mark = self.mark();
        let priority = self.random.random_range(0..3);
        // Delayed events become due while consumers are idle.
        let delay = if self.random.random_ratio(1, 10) {
            format!("&delaySeconds={}", self.random.random_range(1..8))
        } else {
            String::new()
        };
        let url = self.url(&format!("/create-async?priority={priority}{delay}"));
        let outcome = self.ask(self.http.post(url).json(&json!({ "mark": mark }))).await;
        self.created(outcome, vec![mark], None);
    }

    /// Creates an event and waits for its value: without a preference for as long as it takes, as the API promises.
    async fn create_sync(&mut self, prefer: &str) {
        let mark = self.mark();
        let url = self.url("/create-sync");
        let request = self.http.post(url).header("prefer", prefer).json(&json!({ "mark": mark }));
        let outcome =
            if prefer.is_empty() { self.wait(request, &mark).await } else { self.ask(request).await };
        match outcome {
            Outcome::Answered(StatusCode::CREATED, answer) => {
                let valor = answer["valor"].as_str().unwrap_or_default().to_owned();
                self.recorder.lock().answers.push((mark, valor));
            }
            outcome => self.created(outcome, vec![mark], None),
        }
    }

    async fn wait(&self, request: RequestBuilder, mark: &str) -> Outcome {
        self.recorder.lock().waiting.insert(mark.to_owned());
        let answer = self.ask_without_limit(request).await;
        let mut history = self.recorder.lock();
        history.waiting.remove(mark);
        history.waits[usize::from(answer.is_none())] += 1;
        answer.unwrap_or(Outcome::Unknown)
    }

    async fn create_many(&mut self) {
        let many = self.random.random_range(1..20);
        let marks: Vec<String> = (0..many).map(|_| self.mark()).collect();
        let events: Vec<Value> = marks.iter().map(|mark| json!({ "payload": { "mark": mark } })).collect();
        let url = self.url("/v1/events");
        let outcome = self.ask(self.http.post(url).json(&events)).await;
        self.created(outcome, marks, None);
    }

    /// Repeats a creation until it succeeds. The key makes that safe, whatever happened to earlier requests.
    async fn create_with_key(&mut self) {
        let mark = self.mark();
        let key = format!("key of {mark}");
        for _ in 0..TRIES {
            let url = self.url("/create-async");
            let request = self.http.post(url).header("idempotency-key", &key).json(&json!({ "mark": mark }));
            let outcome = self.ask(request).await;
            let answered = matches!(outcome, Outcome::Answered(..));
            self.created(outcome, vec![mark.clone()], Some(key.clone()));
            // A third of the clients repeats it once more, as after a lost response.
            if answered && self.random.random_ratio(2, 3) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn read(&mut self) {
        let Some(id) = self.some_id() else { return };
        let url = self.url(&format!("/{id}"));
        let asked = now();
        let valor = match self.ask(self.http.get(url)).await {
            Outcome::Answered(_, answer) => Some(answer["valor"].as_str().unwrap_or_default().to_owned()),
            Outcome::Refused(StatusCode::NOT_FOUND, _) => None,
            Outcome::Refused(..) | Outcome::Unknown => return,
        };
        self.recorder.lock().reads.push(Read { id, asked, answered: now(), valor });
    }

    async fn cancel(&mut self) {
        let Some(id) = self.some_id() else { return };
        let url = self.url(&format!("/v1/events/{id}/cancel"));
        self.ask(self.http.post(url)).await;
    }

    async fn purge(&mut self) {
        let state = ["done", "dead", "cancelled"][self.random.random_range(0..3)];
        let url = self.url(&format!("/v1/events?state={state}&olderThanSeconds={KEPT_SECONDS}"));
        self.ask(self.http.delete(url)).await;
    }

    async fn retry_dead(&mut self) {
        let url = self.url("/v1/events?state=dead&limit=3");
        let Outcome::Answered(_, page) = self.ask(self.http.get(url)).await else { return };
        for event in page["events"].as_array().into_iter().flatten() {
            let url = self.url(&format!("/v1/events/{}/retry", event["id"]));
            self.ask(self.http.post(url)).await;
        }
    }

    fn some_id(&mut self) -> Option<i64> {
        // Most of the last events are unfinished.
        let back = self.random.random_range(1..=20);
        self.ids.len().checked_sub(back).and_then(|index| self.ids.get(index)).copied()
    }

    async fn ask(&self, request: RequestBuilder) -> Outcome {
        self.ask_without_limit(request.timeout(TIMEOUT)).await.unwrap_or(Outcome::Unknown)
    }

    /// Returns `None` if no response arrives.
    async fn ask_without_limit(&self, request: RequestBuilder) -> Option<Outcome> {
        let response = request.send().await.ok()?;
        let (status, url) = (response.status(), response.url().clone());
        let body: Value = serde_json::from_str(&response.text().await.ok()?).unwrap_or_default();
        let mut history = self.recorder.lock();
        *history.statuses.entry(status.as_u16()).or_default() += 1;
        let documented = SERVER_ERRORS.iter().any(|problem| body["type"] == *problem);
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE && !documented {
            history.undocumented.push(format!("{}: {status} {body}", url.path()));
        }
        Some(match status {
            StatusCode::SERVICE_UNAVAILABLE => Outcome::Unknown,
            status if status.is_success() => Outcome::Answered(status, body),
            status => Outcome::Refused(status, body),
        })
    }

    fn created(&mut self, outcome: Outcome, marks: Vec<String>, key: Option<String>) {
        let mut history = self.recorder.lock();
        match outcome {
            Outcome::Answered(_, answer) => {
                let ids: Vec<i64> = match answer["ids"].as_array() {
                    Some(ids) => ids.iter().filter_map(Value::as_i64).collect(),
                    None => answer["id"].as_i64().into_iter().collect(),
                };
                self.ids.extend(&ids);
                history.acknowledged.push(Acknowledged { ids, marks, key });
            }
            Outcome::Refused(status, problem) => {
                history.refused += 1;
                if status == StatusCode::GONE
                    && let Some(id) = problem["id"].as_i64()
                {
                    history.told_removed.push((id, now()));
                }
            }
            Outcome::Unknown => history.unknown += 1,
        }
    }
}
