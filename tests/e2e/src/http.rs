//! A pipeline's HTTP API through the ingress controller.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::until;

/// Longer than any test waits for a response to create-sync.
const NEVER: Duration = Duration::from_mins(10);

/// The ingress controller, and the pipeline's host name. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Ingress {
    client: Client,
    url: String,
    host: String,
}

impl Ingress {
    /// Uses the ingress of `make up`, or the one in `EVENTPIPELINE_URL`.
    pub fn new(host: &str) -> Result<Self> {
        // A second installation fails, and the first one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(NEVER).pool_max_idle_per_host(64).build()?;
        let url = env::var_os("EVENTPIPELINE_URL").map_or_else(
            || "http://127.0.0.1:8080".to_owned(),
            |url| url.to_string_lossy().trim_end_matches('/').to_owned(),
        );
        Ok(Self { client, url, host: host.to_owned() })
    }

    /// Sends a request without a body.
    pub async fn send(&self, method: Method, path: &str) -> Result<Response> {
        let request = self.request(method, path);
        request.send().await.with_context(|| format!("{path} at {}", self.url))
    }

    /// Sends a creation with an idempotency key.
    pub async fn create(&self, path: &str, idempotency_key: &str) -> Result<Response> {
        let request = self.request(Method::POST, path).header("idempotency-key", idempotency_key);
        request.send().await.with_context(|| format!("{path} at {}", self.url))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).header(header::HOST, &self.host)
    }

    async fn answer(&self, method: Method, path: &str, expected: StatusCode) -> Result<Value> {
        let response = self.send(method, path).await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status == expected, "{path}: {status} instead of {expected}: {body}");
        json(&body)
    }

    /// Sends `POST /create-sync` and returns the value.
    pub async fn create_sync(&self) -> Result<String> {
        field(&self.answer(Method::POST, "/create-sync", StatusCode::CREATED).await?, "valor")
    }

    /// Sends `POST /create-async` and returns the id.
    pub async fn create_async(&self) -> Result<i64> {
        field(&self.answer(Method::POST, "/create-async", StatusCode::ACCEPTED).await?, "id")
    }

    /// Sends `GET /{id}` and returns the value, which is empty before there is one.
    pub async fn value(&self, id: i64) -> Result<String> {
        field(&self.answer(Method::GET, &format!("/{id}"), StatusCode::OK).await?, "valor")
    }

    /// Sends `GET /v1/events/{id}` and returns the event.
    pub async fn event(&self, id: i64) -> Result<Value> {
        self.answer(Method::GET, &format!("/v1/events/{id}"), StatusCode::OK).await
    }

    /// Waits until an event is done, and returns it.
    pub async fn end_of(&self, id: i64, within: Duration) -> Result<Value> {
        until(&format!("the end of event {id}"), within, async || {
            let event = self.event(id).await?;
            Ok((event["state"] == "done").then_some(event))
        })
        .await
    }

    /// Sends `GET /` and returns the number of events ever created.
    pub async fn count(&self) -> Result<i64> {
        field(&self.answer(Method::GET, "/", StatusCode::OK).await?, "events")
    }
}

fn json(body: &str) -> Result<Value> {
    serde_json::from_str(body).with_context(|| format!("no JSON: {body}"))
}

fn field<T: DeserializeOwned>(body: &Value, name: &str) -> Result<T> {
    serde_json::from_value(body[name].clone()).with_context(|| format!("no `{name}` in {body}"))
}
