//! Routes of the admin port that a program adds: JSON, built for each request.

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
type Route = Arc<dyn Fn() -> Answer + Send + Sync>;

/// The routes of the admin port other than `/livez`, `/readyz` and `/metrics`.
#[derive(Clone, Default)]
pub struct AdminRoutes {
    routes: Arc<RwLock<BTreeMap<&'static str, Route>>>,
}

impl fmt::Debug for AdminRoutes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        formatter.debug_set().entries(routes.keys()).finish()
    }
}

impl AdminRoutes {
    /// Adds a route. `path` starts with `/`. An error becomes a 503 with its text.
    ///
    /// Routes live until the process ends, so `body` must not keep alive anything whose end another task
    /// awaits.
    pub fn add<T, E, F>(&self, path: &'static str, body: impl Fn() -> F + Send + Sync + 'static)
    where
        T: Serialize,
        E: Display,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let route = move || -> Answer {
            let body = body();
            Box::pin(async move {
                match body.await {
                    Ok(body) => Json(body).into_response(),
                    Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
                }
            })
        };
        self.routes.write().unwrap_or_else(PoisonError::into_inner).insert(path, Arc::new(route));
    }

    fn find(&self, path: &str) -> Option<Route> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

/// Answers the route at the path, or 404.
pub(crate) async fn answer(State(routes): State<AdminRoutes>, uri: Uri) -> Response {
    match routes.find(uri.path()) {
        Some(route) => route().await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
