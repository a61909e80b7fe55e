//! The API client: it retries where this is safe, and turns problem documents into errors.

use std::time::{Duration, SystemTime};

use eventpipeline_outbound::{Route, retry_after};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use url::Url;

use crate::document::Document;
use crate::error::Error;

/// Maximum number of attempts per request.
const TRIES: u32 = 5;
/// Longest pause that a server can request.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Maximum length of a printed reason, in characters.
const LONGEST_REASON: usize = 1000;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for the answer to a request that does not wait for an event.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// Temporary errors: the pipeline is overloaded, or a proxy does not reach it.
const PASSING: [StatusCode; 4] = [
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
    StatusCode::INSUFFICIENT_STORAGE,
];

pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    route: Route,
}

/// A 2xx response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Document,
}

impl Client {
    pub(crate) fn new(url: Url) -> Result<Self, Error> {
        let route = Route::to(&url);
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .user_agent(concat!("eventpipeline-cli/", env!("CARGO_PKG_VERSION")));
        let builder = if route == Route::Direct { builder.no_proxy() } else { builder };
        Ok(Self { http: builder.build().map_err(Error::Client)?, url, route })
    }

    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        self.send(self.request(Method::GET, path, query).timeout(ANSWER_LIMIT)).await
    }

    pub(crate) async fn post(&self, path: &str) -> Result<Answer, Error> {
        self.send(self.request(Method::POST, path, &[])).await
    }

    pub(crate) async fn delete(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Error> {
        self.send(self.request(Method::DELETE, path, query)).await
    }

    /// Returns a request for a path relative to the API's address.
    pub(crate) fn request(&self, method: Method, path: &str, query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    /// Sends a request, and retries it while the pipeline is unreachable or overloaded. The request must be safe to repeat:
    /// creations carry an idempotency key.
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
                    // The URL may contain a password.
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

    /// Returns the error for a temporary failure, reported by the pipeline or by a proxy in front of it.
    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        match self.detail(response).await {
            Ok((_, detail)) => Error::Overloaded { detail },
            Err(_) => Error::BadGateway { host: self.host(), status },
        }
    }

    /// Asks the program once for its readiness. Returns the reasons why it is not ready, or `None` if it is.
    pub(crate) async fn waits_for(&self) -> Result<Option<String>, Error> {
        let unreachable =
            |source: reqwest::Error| Error::Unreachable { host: self.host(), source: source.without_url() };
        let request = self.request(Method::GET, "/readyz", &[]).timeout(CONNECT_LIMIT);
        let response = request.send().await.map_err(unreachable)?;
        Ok(match response.status() {
            status if status.is_success() => None,
            StatusCode::SERVICE_UNAVAILABLE => Some(reasons(&response.text().await.map_err(unreachable)?)),
            status => Some(format!("it returns {status} for /readyz: is this its admin port (9090)?")),
        })
    }

    async fn answer(&self, response: Response) -> Result<Answer, Error> {
        let status = response.status();
        if status.is_success() {
            return Ok(Answer { status, body: self.document(response).await? });
        }
        let (problem, detail) = self.detail(response).await?;
        match status {
            StatusCode::NOT_FOUND => Err(Error::NotFound { detail }),
            _ => Err(Error::Refused { detail, line: problem.get("line") }),
        }
    }

    /// Returns a problem document and its detail.
    async fn detail(&self, response: Response) -> Result<(Document, String), Error> {
        let problem = self.document(response).await?;
        let detail = problem.get("detail").or_else(|| problem.get("message"));
        let detail = detail.ok_or_else(|| self.not_a_pipeline())?;
        Ok((problem, detail))
    }

    async fn document(&self, response: Response) -> Result<Document, Error> {
        let text = response.text().await.ok();
        text.and_then(Document::parse).ok_or_else(|| self.not_a_pipeline())
    }

    /// Returns the error for a response that does not come from a pipeline.
    pub(crate) fn not_a_pipeline(&self) -> Error {
        Error::NotAPipeline { host: self.host() }
    }

    /// Returns the host without credentials, and the proxy that is used for it.
    pub(crate) fn host(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}{}", self.url.host_str().unwrap_or_default(), self.route)
    }
}

/// Joins the lines of `/readyz`.
fn reasons(text: &str) -> String {
    let lines = text.lines().map(|line| line.chars().filter(|char| !char.is_control()).take(LONGEST_REASON));
    lines.map(String::from_iter).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

fn pause(response: &Response) -> Duration {
    let asked = retry_after(response.headers(), SystemTime::now());
    asked.unwrap_or(Duration::from_secs(1)).min(LONGEST_PAUSE)
}
