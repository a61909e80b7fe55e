//! What the programs of pipelines answer on their internal port.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// The port of probes, metrics and figures.
pub(crate) const PORT: u16 = 9090;

/// The longest answer: what stands behind an address may be anybody's program.
const LONGEST: usize = 16 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not in time.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// Nobody listens.
    #[error("failed to connect")]
    Connect(#[source] std::io::Error),
    /// A request that can't be made.
    #[error("failed to make the request")]
    Request(#[source] http::Error),
    /// The connection broke, or spoke no HTTP.
    #[error("failed to ask")]
    Exchange(#[source] hyper::Error),
    /// Another status than 200.
    #[error("the answer was {0}")]
    Status(http::StatusCode),
    /// An answer that is longer than it can be, or was cut off.
    #[error("failed to read the answer")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An answer that is not what was asked for.
    #[error("failed to understand the answer")]
    Json(#[source] serde_json::Error),
}

/// The JSON of a page of the internal port of the pod at `address`, if it comes within `limit`.
pub(crate) async fn ask<T: DeserializeOwned>(
    address: IpAddr,
    path: &'static str,
    limit: Duration,
) -> Result<T, Error> {
    let body = tokio::time::timeout(limit, get(address, path)).await.map_err(|_| Error::Late(limit))??;
    serde_json::from_slice(&body).map_err(Error::Json)
}

/// One connection for one question: the next is long after the end of what a pod keeps open.
async fn get(address: IpAddr, path: &'static str) -> Result<Bytes, Error> {
    let stream = TcpStream::connect((address, PORT)).await.map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Error::Exchange)?;
    let request = http::Request::get(path)
        .header(http::header::HOST, host(address))
        .header(http::header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(Error::Request)?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(Error::Exchange)?;
        if answer.status() != http::StatusCode::OK {
            return Err(Error::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(Error::Body)?;
        Ok(body.to_bytes())
    };
    // What goes wrong with the connection shows in the exchange.
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}

/// What is asked, as a URL names it: an address of IPv6 is in brackets.
fn host(address: IpAddr) -> String {
    SocketAddr::new(address, PORT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_as_in_a_url() {
        assert_eq!(host("10.0.0.7".parse().unwrap()), "10.0.0.7:9090");
        assert_eq!(host("fd00::7".parse().unwrap()), "[fd00::7]:9090");
    }
}
