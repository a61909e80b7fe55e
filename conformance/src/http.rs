//! Requests to the checked server, and its responses.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::report::{Failure, expect};

/// Time limit of a response for which the contract names none, with a margin for busy machines.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// Idle timeout of a connection. Servers close theirs after seconds, and a request that is sent at that moment is lost.
const KEPT: Duration = Duration::from_secs(1);

/// The checked server.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    http: Client,
    url: Url,
}

/// A response with its complete body.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Method and path of the request.
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Subject {
    pub(crate) fn new(url: Url) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(LIMIT).pool_idle_timeout(KEPT);
        Ok(Self { http: http.redirect(reqwest::redirect::Policy::none()).build()?, url })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.ask(Method::GET, path).await
    }

    /// Sends a POST without a body and without `Content-Type`, as clients of the first version do.
    pub(crate) async fn post(&self, path: &str) -> Result<Answer, Failure> {
        self.ask(Method::POST, path).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Result<Answer, Failure> {
        let text = format!("{method} {path}");
        self.send(text, |http, url| http.request(method, url), path).await
    }

    /// Sends the request that `build` returns. Without a response the check fails.
    pub(crate) async fn send(
        &self,
        request: String,
        build: impl FnOnce(&Client, Url) -> RequestBuilder,
        path: &str,
    ) -> Result<Answer, Failure> {
        let response = build(&self.http, self.url.join(path)?).send().await;
        let read = async {
            let response = response?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.text().await?))
        };
        match read.await {
            Ok((status, headers, body)) => Ok(Answer { request, status, headers, body }),
            Err(error) => Err(Failure::Violated {
                expected: format!("an answer to {request} within {} s", LIMIT.as_secs()),
                got: format!("{:#}", anyhow::Error::from(error)),
            }),
        }
    }
}

impl Answer {
    /// Returns the response if it has one of these statuses.
    pub(crate) fn status(self, allowed: &[u16]) -> Result<Self, Failure> {
        let names: Vec<_> = allowed.iter().map(u16::to_string).collect();
        expect(
            allowed.contains(&self.status),
            format!("{} to answer {}", self.request, names.join(" or ")),
            self.shown(),
        )?;
        Ok(self)
    }

    /// Returns a member of the JSON body.
    pub(crate) fn member(&self, name: &str) -> Result<Value, Failure> {
        let body: Option<Value> = serde_json::from_str(&self.body).ok();
        let member = body.and_then(|body| body.get(name).cloned());
        member.ok_or_else(|| Failure::Violated {
            expected: format!("{} to answer JSON with {name:?}", self.request),
            got: self.shown(),
        })
    }

    /// Returns a member of the JSON body that is text.
    pub(crate) fn text(&self, name: &str) -> Result<String, Failure> {
        let member = self.member(name)?;
        member.as_str().map(str::to_owned).ok_or_else(|| Failure::Violated {
            expected: format!("{name:?} of {} to be text", self.request),
            got: self.shown(),
        })
    }

    /// Returns a member of the JSON body that is an integer.
    pub(crate) fn number(&self, name: &str) -> Result<i64, Failure> {
        let member = self.member(name)?;
        member.as_i64().ok_or_else(|| Failure::Violated {
            expected: format!("{name:?} of {} to be an integer", self.request),
            got: self.shown(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the status and the beginning of the body.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.status, self.body.chars().take(200).collect::<String>())
    }
}
