//! The API's client: it tries again where that is right, and turns problems into errors.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::Url;

use crate::error::Error;

/// How often a request is tried.
const TRIES: u32 = 5;
/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How much of a reason is shown, in characters.
const LONGEST_REASON: usize = 1000;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// What passes by itself, as a rule: the pipeline has no room, or a proxy in front of it does not reach it.
const PASSING: [StatusCode; 3] =
    [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
}

/// An answer of 2xx.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new(url: Url) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("eventpipeline-cli/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Error::Client)?;
        Ok(Self { http, url })
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        self.send(self.request(Method::GET, path, query)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Result<Answer, Error> {
        self.send(self.request(Method::POST, path, &[])).await
    }

    pub(crate) async fn delete(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        self.send(self.request(Method::DELETE, path, query)).await
    }

    /// A request to this path below the API's address.
    pub(crate) fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    /// Sends a request, and again while the pipeline cannot be reached or has no room. Only what may be repeated may be
    /// sent by this: creations carry a key.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Error> {
        for attempt in 1.. {
            let Some(request) = request.try_clone() else { break };
            let (error, pause) = match request.send().await {
                Ok(response) if PASSING.contains(&response.status()) => {
                    let pause = pause(&response);
                    (self.refusal(response).await, pause)
                }
                Ok(response) => return self.answer(response).await,
                Err(source) => {
                    // The URL may hold a password.
                    let source = source.without_url();
                    (Error::Unreachable { host: self.host(), source }, Duration::from_secs(1))
                }
            };
            if attempt == TRIES {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
        Err(self.not_a_pipeline())
    }

    /// Why there is no answer now: the pipeline says it, or a proxy in front of it that does not reach it.
    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        match self.detail(response).await {
            Ok((_, detail)) => Error::Overloaded { detail },
            Err(_) => Error::BadGateway { host: self.host(), status },
        }
    }

    /// What the program at this address waits for, asked once; nothing where it is ready.
    pub(crate) async fn waits_for(&self) -> Result<Option<String>, Error> {
        let unreachable =
            |source: reqwest::Error| Error::Unreachable { host: self.host(), source: source.without_url() };
        let request = self.request(Method::GET, "/readyz", &[]).timeout(CONNECT_LIMIT);
        let response = request.send().await.map_err(unreachable)?;
        Ok(match response.status() {
            status if status.is_success() => None,
            StatusCode::SERVICE_UNAVAILABLE => Some(reasons(&response.text().await.map_err(unreachable)?)),
            status => Some(format!("it answers {status} to /readyz: is this its internal port (9090)?")),
        })
    }

    async fn answer(&self, response: Response) -> Result<Answer, Error> {
        let status = response.status();
        if status.is_success() {
            let body = response.json().await.map_err(|_| self.not_a_pipeline())?;
            return Ok(Answer { status, body });
        }
        let (problem, detail) = self.detail(response).await?;
        let id = problem["id"].as_u64();
        match (status, id) {
            (StatusCode::NOT_FOUND, _) => Err(Error::NotFound { detail }),
            // A create-sync whose event ended otherwise.
            (_, Some(id)) => {
                Err(Error::NoValue { id, state: "without a value".to_owned(), why: Some(detail) })
            }
            _ => Err(Error::Refused { detail }),
        }
    }

    /// A problem document and what it says.
    async fn detail(&self, response: Response) -> Result<(Value, String), Error> {
        let problem: Value = response.json().await.map_err(|_| self.not_a_pipeline())?;
        let detail = problem["detail"].as_str().or_else(|| problem["message"].as_str());
        let detail = detail.ok_or_else(|| self.not_a_pipeline())?.to_owned();
        Ok((problem, detail))
    }

    /// What to say of an answer that no pipeline gives.
    pub(crate) fn not_a_pipeline(&self) -> Error {
        Error::NotAPipeline { host: self.host() }
    }

    /// Without user and password.
    pub(crate) fn host(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.url.host_str().unwrap_or_default())
    }
}

/// The lines of `/readyz` as one.
fn reasons(text: &str) -> String {
    let lines = text.lines().map(|line| line.chars().filter(|char| !char.is_control()).take(LONGEST_REASON));
    lines.map(String::from_iter).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

fn pause(response: &Response) -> Duration {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1)).min(LONGEST_PAUSE)
}
