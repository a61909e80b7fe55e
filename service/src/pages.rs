//! Pages of the internal port that a program adds: figures as JSON, made when they are asked for.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
type Page = Arc<dyn Fn() -> Answer + Send + Sync>;

/// What the internal port answers beside `/livez`, `/readyz` and `/metrics`.
#[derive(Clone, Default)]
pub struct Pages {
    pages: Arc<RwLock<BTreeMap<&'static str, Page>>>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = self.pages.read().unwrap_or_else(PoisonError::into_inner);
        formatter.debug_set().entries(pages.keys()).finish()
    }
}

impl Pages {
    /// Adds a page. `path` begins with `/`; an error is answered as 503 with its text.
    ///
    /// The pages live until the process ends: `ask` must keep alive nothing that another task waits for the end of.
    pub fn add<T, E, F>(&self, path: &'static str, ask: impl Fn() -> F + Send + Sync + 'static)
    where
        T: Serialize,
        E: Display,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let page = move || -> Answer {
            let answer = ask();
            Box::pin(async move {
                match answer.await {
                    Ok(body) => Json(body).into_response(),
                    Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
                }
            })
        };
        self.pages.write().unwrap_or_else(PoisonError::into_inner).insert(path, Arc::new(page));
    }

    fn find(&self, path: &str) -> Option<Page> {
        self.pages.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

/// Answers the page of that path.
pub(crate) async fn answer(State(pages): State<Pages>, uri: Uri) -> Response {
    match pages.find(uri.path()) {
        Some(page) => page().await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
