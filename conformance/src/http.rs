//! Requests to what is checked, and answers as the contracts look at them.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::report::{Broken, hold};

/// How long an answer may take, where the contract names no time: for a machine on which any program may be kept waiting.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// How long a connection is kept for the next request. Servers close theirs after seconds, and a request that goes out at that
/// moment is lost through nobody's fault.
const KEPT: Duration = Duration::from_secs(1);

/// A server that is checked.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    http: Client,
    url: Url,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was asked.
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

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Broken> {
        self.ask(Method::GET, path).await
    }

    /// A POST without body and without `Content-Type`, as clients of the first version send it.
    pub(crate) async fn post(&self, path: &str) -> Result<Answer, Broken> {
        self.ask(Method::POST, path).await
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Result<Answer, Broken> {
        let text = format!("{method} {path}");
        self.send(text, |http, url| http.request(method, url), path).await
    }

    /// Sends what `build` makes; no answer at all is the program's failure.
    pub(crate) async fn send(
        &self,
        request: String,
        build: impl FnOnce(&Client, Url) -> RequestBuilder,
        path: &str,
    ) -> Result<Answer, Broken> {
        let response = build(&self.http, self.url.join(path)?).send().await;
        let read = async {
            let response = response?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.text().await?))
        };
        match read.await {
            Ok((status, headers, body)) => Ok(Answer { request, status, headers, body }),
            Err(error) => Err(Broken::Clause {
                expected: format!("an answer to {request} within {} s", LIMIT.as_secs()),
                came: format!("{:#}", anyhow::Error::from(error)),
            }),
        }
    }
}

impl Answer {
    /// The answer, if it has one of these statuses.
    pub(crate) fn status(self, allowed: &[u16]) -> Result<Self, Broken> {
        let names: Vec<_> = allowed.iter().map(u16::to_string).collect();
        hold(
            allowed.contains(&self.status),
            format!("{} to answer {}", self.request, names.join(" or ")),
            self.shown(),
        )?;
        Ok(self)
    }

    /// A member of the JSON body.
    pub(crate) fn member(&self, name: &str) -> Result<Value, Broken> {
        let body: Option<Value> = serde_json::from_str(&self.body).ok();
        let member = body.and_then(|body| body.get(name).cloned());
        member.ok_or_else(|| Broken::Clause {
            expected: format!("{} to answer JSON with {name:?}", self.request),
            came: self.shown(),
        })
    }

    /// A member of the JSON body that is text.
    pub(crate) fn text(&self, name: &str) -> Result<String, Broken> {
        let member = self.member(name)?;
        member.as_str().map(str::to_owned).ok_or_else(|| Broken::Clause {
            expected: format!("{name:?} of {} to be text", self.request),
            came: self.shown(),
        })
    }

    /// A member of the JSON body that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Result<i64, Broken> {
        let member = self.member(name)?;
        member.as_i64().ok_or_else(|| Broken::Clause {
            expected: format!("{name:?} of {} to be a whole number", self.request),
            came: self.shown(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The status and the beginning of the body.
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.status, self.body.chars().take(200).collect::<String>())
    }
}
