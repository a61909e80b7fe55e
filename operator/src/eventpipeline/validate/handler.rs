//! Handlers, which process events.

use eventpipeline_crds as crd;

use super::Error;

/// A handler, which processes events and returns their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Handler {
    Words,
    WordApi {
        url: String,
        timeout_seconds: Option<i32>,
    },
    Http {
        url: String,
        timeout_seconds: Option<i32>,
        headers_secret: Option<String>,
        final_statuses: Vec<i32>,
    },
}

impl Handler {
    pub(super) fn new(group: &str, handler: &crd::Handler, lease_seconds: i32) -> Result<Self, Error> {
        let handler = match handler {
            crd::Handler { words: Some(crd::WordsHandler {}), word_api: None, http: None } => Self::Words,
            crd::Handler { words: None, word_api: Some(api), http: None } => {
                let crd::WordApiHandler { url, timeout_seconds } = api.clone();
                Self::WordApi { url, timeout_seconds }
            }
            crd::Handler { words: None, word_api: None, http: Some(http) } => {
                let crd::HttpHandler { url, timeout_seconds, headers_secret_name, final_statuses } =
                    http.clone();
                Self::Http { url, timeout_seconds, headers_secret: headers_secret_name, final_statuses }
            }
            _ => {
                return Err(Error::Union { union: "handler", members: "`words`, `wordApi` and `http`" });
            }
        };
        handler.check(group, lease_seconds)?;
        Ok(handler)
    }

    fn check(&self, group: &str, lease_seconds: i32) -> Result<(), Error> {
        let (Self::WordApi { url, timeout_seconds } | Self::Http { url, timeout_seconds, .. }) = self else {
            return Ok(());
        };
        let absolute = |scheme: &str| url.len() > scheme.len() && url.starts_with(scheme);
        if !["http://", "https://"].into_iter().any(absolute) {
            return Err(Error::Url { group: group.to_owned(), url: url.clone() });
        }
        if timeout_seconds.is_some_and(|timeout| timeout >= lease_seconds) {
            return Err(Error::TimeoutOverLease { group: group.to_owned(), lease_seconds });
        }
        Ok(())
    }

    /// Returns whether the handler connects to anything outside the pipeline.
    pub(in crate::eventpipeline) fn calls_out(&self) -> bool {
        !matches!(self, Self::Words)
    }
}
