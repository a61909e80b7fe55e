//! The path prefix under which a proxy serves the API. Requests with and without the prefix are served alike.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use tower::Service;

/// The path prefix, such as `/orders`, or an empty string for the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BasePath(Arc<str>);

/// First segments of the API's own paths. A prefix that starts with one of them would be ambiguous.
const OWN: [&str; 4] = ["v1", "create-async", "create-sync", "openapi.json"];

impl FromStr for BasePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.trim_end_matches('/');
        if path.is_empty() && text.starts_with('/') {
            return Ok(Self(Arc::from("")));
        }
        let segments = path.strip_prefix('/').ok_or("must begin with /, such as /orders")?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        if segments.split('/').any(|segment| segment.is_empty() || !segment.bytes().all(allowed)) {
            return Err(
                "must consist of segments of letters, digits, `.`, `_`, `~` and `-`, such as /shop/orders",
            );
        }
        let first = segments.split('/').next().unwrap_or_default();
        if OWN.contains(&first) || first.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(
                "must not begin with a path of the API: /v1, /create-async, /create-sync, /openapi.json or a number",
            );
        }
        Ok(Self(Arc::from(path)))
    }
}

impl BasePath {
    /// Returns the prefix, or `None` for the root.
    pub(super) fn path(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&self.0)
    }

    /// Serves the routes under the prefix as well.
    pub(super) fn serve(&self, routes: Router) -> Router {
        if self.0.is_empty() {
            return routes;
        }
        Router::new().fallback_service(PrefixedRoutes { routes, base: self.clone() })
    }

    /// Removes the prefix from a URI. Returns `None` if the URI does not have it.
    fn strip(&self, uri: &Uri) -> Option<Uri> {
        let rest = uri.path_and_query()?.as_str().strip_prefix(&*self.0)?;
        let rest: PathAndQuery = match rest.bytes().next() {
            Some(b'/') => rest.parse().ok()?,
            Some(b'?') | None => format!("/{rest}").parse().ok()?,
            Some(_) => return None,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(rest);
        Uri::from_parts(parts).ok()
    }
}

#[derive(Debug, Clone)]
struct PrefixedRoutes {
    routes: Router,
    base: BasePath,
}

impl Service<Request> for PrefixedRoutes {
    type Response = Response;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.routes, cx)
    }

    fn call(&mut self, mut request: Request) -> ResponseFuture {
        let stripped = self.base.strip(request.uri());
        let base = stripped.is_some().then(|| self.base.clone());
        if let Some(uri) = stripped {
            *request.uri_mut() = uri;
        }
        ResponseFuture { routed: self.routes.call(request), base }
    }
}

/// A response that is not ready yet.
struct ResponseFuture {
    routed: RouteFuture<Infallible>,
    /// `None` if the request did not have the prefix.
    base: Option<BasePath>,
}

impl Future for ResponseFuture {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(mut response) = ready!(Pin::new(&mut self.routed).poll(cx));
        if let (Some(BasePath(base)), Some(location)) =
            (&self.base, response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok()))
            && let Ok(location) = HeaderValue::try_from(format!("{base}{location}"))
        {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Poll::Ready(Ok(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_whole_segments() {
        let base: BasePath = "/orders/".parse().unwrap();
        assert_eq!(base.path(), Some("/orders"));
        for (asked, found) in [
            ("/orders", Some("/")),
            ("/orders/", Some("/")),
            ("/orders?a=1", Some("/?a=1")),
            ("/orders/create-async?priority=9", Some("/create-async?priority=9")),
            ("/orders/orders/2", Some("/orders/2")),
            ("http://example.com/orders/2", Some("http://example.com/2")),
            ("/ordersx", None),
            ("/2", None),
            ("/", None),
        ] {
            let stripped = base.strip(&asked.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(stripped.as_deref(), found, "{asked}");
        }
    }

    #[test]
    fn the_root_is_no_prefix_and_paths_of_the_api_are_refused() {
        assert_eq!("/".parse::<BasePath>().unwrap().path(), None);
        for wrong in
            ["", "orders", "/a//b", "/a b", "/v1", "/v1/x", "/create-async", "/openapi.json/", "/7", "/é"]
        {
            assert!(wrong.parse::<BasePath>().is_err(), "{wrong}");
        }
        for right in ["/v12", "/a/v1", "/7a", "/A/b_c.d~e-f"] {
            assert!(right.parse::<BasePath>().is_ok(), "{right}");
        }
    }
}
