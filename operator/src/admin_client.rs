//! Client of the admin port that every program of a pipeline listens on.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// The admin port: probes, metrics and statistics.
pub(crate) const PORT: u16 = 9090;

/// Maximum length of a response. The program behind the address is not necessarily ours.
const MAX_RESPONSE: usize = 16 * 1024;

/// Reason why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The response did not arrive in time.
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The connection was not established.
    #[error("failed to connect")]
    Connect(#[source] std::io::Error),
    /// The request is invalid.
    #[error("failed to build the request")]
    Request(#[source] http::Error),
    /// The connection broke, or the peer does not speak HTTP.
    #[error("failed to exchange the request and the response")]
    Exchange(#[source] hyper::Error),
    /// The status is not 200.
    #[error("the response status was {0}")]
    Status(http::StatusCode),
    /// The body is too long, or was cut off.
    #[error("failed to read the response")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The body is not the expected JSON.
    #[error("failed to parse the response")]
    Json(#[source] serde_json::Error),
}

/// Gets a page of the admin port of the pod at `address` and parses its JSON, within `limit`.
pub(crate) async fn get<T: DeserializeOwned>(
    address: IpAddr,
    path: &'static str,
    limit: Duration,
) -> Result<T, Error> {
    let body =
        tokio::time::timeout(limit, fetch(address, path)).await.map_err(|_| Error::Timeout(limit))??;
    serde_json::from_slice(&body).map_err(Error::Json)
}

/// Opens one connection per request. Pods close idle connections long before the next request.
async fn fetch(address: IpAddr, path: &'static str) -> Result<Bytes, Error> {
    let stream = TcpStream::connect((address, PORT)).await.map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::Exchange)?;
    let request = http::Request::get(path)
        .header(http::header::HOST, host(address))
        .header(http::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(Error::Request)?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(Error::Exchange)?;
        if response.status() != http::StatusCode::OK {
            return Err(Error::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), MAX_RESPONSE).collect().await.map_err(Error::Body)?;
        Ok(body.to_bytes())
    };
    // An error of the connection surfaces in the exchange as well.
    let (body, _) = tokio::join!(exchange, connection);
    body
}

/// Returns the value of the `Host` header. IPv6 addresses are in brackets.
fn host(address: IpAddr) -> String {
    SocketAddr::new(address, PORT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_header_puts_ipv6_addresses_in_brackets() {
        assert_eq!(host("10.0.0.7".parse().unwrap()), "10.0.0.7:9090");
        assert_eq!(host("fd00::7".parse().unwrap()), "[fd00::7]:9090");
    }
}
