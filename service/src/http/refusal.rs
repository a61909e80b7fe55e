//! Answers to requests that never reach the router.
//!
//! hyper itself answers a request that it cannot parse, with a status and an empty body, and has no hook for
//! this. Its answer is a single write of a known form, which the socket replaces.

use std::fmt;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;

type Make = dyn Fn(StatusCode) -> Response + Send + Sync;

/// Creates the responses to requests that never reach the router: requests that are not HTTP or whose head is
/// too large, and those of connections beyond the limit.
#[derive(Clone)]
pub struct Refusals(Arc<Make>);

impl fmt::Debug for Refusals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Refusals")
    }
}

impl Default for Refusals {
    /// Returns refusals with the status as text.
    fn default() -> Self {
        Self::new(|status| (status, format!("{status}\n")).into_response())
    }
}

impl Refusals {
    /// Creates refusals. `make` returns the response for a status, with a body that is available at once.
    pub fn new(make: impl Fn(StatusCode) -> Response + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn response(&self, status: StatusCode) -> Response {
        (self.0)(status)
    }

    /// Returns the bytes to write instead of hyper's response; `None` if `bytes` are not such a response.
    pub(super) fn instead_of(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let response = self.response(status_of_refusal(bytes)?);
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).now_or_never()?.ok()?;
        let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\n", head.status).into_bytes();
        for (name, value) in &head.headers {
            text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        if !head.headers.contains_key(axum::http::header::CONTENT_LENGTH) {
            text.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&body);
        Some(text)
    }
}

/// Returns the status if the bytes are a whole answer of hyper to a head that it cannot parse (hyper 1.12,
/// `on_error` in src/proto/h1/role.rs): only `connection: close`, `content-length: 0` and the date.
fn status_of_refusal(bytes: &[u8]) -> Option<StatusCode> {
    let head = bytes.strip_prefix(b"HTTP/1.1 4")?.strip_suffix(b"\r\n\r\n")?;
    let head = str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let digits = format!("4{}", lines.next()?.get(..2)?);
    let refuses = lines
        .all(|line| line == "connection: close" || line == "content-length: 0" || line.starts_with("date: "));
    if !refuses {
        return None;
    }
    StatusCode::from_bytes(digits.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_refusals_of_the_library_are_replaced() {
        let date = "date: Mon, 30 Nov 2026 00:00:00 GMT";
        let refusal = format!(
            "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n{date}\r\n\r\n"
        );
        let replaced = Refusals::default().instead_of(refusal.as_bytes()).unwrap();
        let replaced = String::from_utf8(replaced).unwrap();
        assert!(replaced.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{replaced}");
        assert!(replaced.ends_with("\r\n\r\n431 Request Header Fields Too Large\n"), "{replaced}");
        for other in [
            refusal.replace("date", "x-service-language: rust\r\ndate"),
            refusal.replace("HTTP/1.1 4", "HTTP/1.1 5"),
            refusal.trim_end().to_owned(),
            format!("{refusal}{{}}"),
            "HTTP/1.1 4".to_owned(),
        ] {
            assert!(Refusals::default().instead_of(other.as_bytes()).is_none(), "{other}");
        }
    }
}
