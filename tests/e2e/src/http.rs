//! A pipeline's HTTP API, through the ingress controller.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::until;

/// Longer than any test waits for an answer of create-sync.
const NEVER: Duration = Duration::from_mins(10);

/// The ingress controller, and the host name by which it knows the pipeline. One that is cloned shares its connections.
#[derive(Debug, Clone)]
pub struct Ingress {
    client: Client,
    url: String,
    host: String,
}

impl Ingress {
    /// The ingress of `make up`, or the one that `EVENTPIPELINE_URL` names.
    pub fn new(host: &str) -> Result<Self> {
        // A second installation is refused, and the first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(NEVER).pool_max_idle_per_host(64).build()?;
        let url = env::var_os("EVENTPIPELINE_URL").map_or_else(
            || "http://127.0.0.1:8080".to_owned(),
            |url| url.to_string_lossy().trim_end_matches('/').to_owned(),
        );
        Ok(Self { client, url, host: host.to_owned() })
    }

    /// Any request without a body.
    pub async fn send(&self, method: Method, path: &str) -> Result<Response> {
        let request = self.request(method, path);
        request.send().await.with_context(|| format!("{path} at {}", self.url))
    }

    /// A creation that is made once, however often it is sent.
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

    /// `POST /create-sync`: the value.
    pub async fn create_sync(&self) -> Result<String> {
        field(&self.answer(Method::POST, "/create-sync", StatusCode::CREATED).await?, "valor")
    }

    /// `POST /create-async`: the id.
    pub async fn create_async(&self) -> Result<i64> {
        field(&self.answer(Method::POST, "/create-async", StatusCode::ACCEPTED).await?, "id")
    }

    /// `GET /{id}`: the value, empty while there is none.
    pub async fn value(&self, id: i64) -> Result<String> {
        field(&self.answer(Method::GET, &format!("/{id}"), StatusCode::OK).await?, "valor")
    }

    /// `GET /v1/events/{id}`: all of it.
    pub async fn event(&self, id: i64) -> Result<Value> {
        self.answer(Method::GET, &format!("/v1/events/{id}"), StatusCode::OK).await
    }

    /// The same once it is done.
    pub async fn end_of(&self, id: i64, within: Duration) -> Result<Value> {
        until(&format!("the end of event {id}"), within, async || {
            let event = self.event(id).await?;
            Ok((event["state"] == "done").then_some(event))
        })
        .await
    }

    /// `GET /`: how many events there were.
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
