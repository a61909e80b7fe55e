//! The common part of HTTP proxies: they accept connections and pass requests on.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Serves a listener until its task ends. If `answer` returns an error, the connection is cut.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) where
    F: Future<Output = io::Result<Response<Body>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, answer.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect<F>(client: TcpStream, answer: impl Fn(Request<Incoming>) -> F + Send)
where
    F: Future<Output = io::Result<Response<Body>>> + Send,
{
    let _ = client.set_nodelay(true);
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), service_fn(answer)).await;
}

/// Reads a request to its end.
pub(crate) async fn read(request: Request<Incoming>) -> io::Result<(Parts, Bytes)> {
    let (head, body) = request.into_parts();
    Ok((head, body.collect().await.map_err(io::Error::other)?.to_bytes()))
}

/// Returns the path of a request with its query.
pub(crate) fn path_of(head: &Parts) -> &str {
    head.uri.path_and_query().map_or("/", |path| path.as_str())
}

/// Sends a request to the server at this URL, and returns its response.
pub(crate) async fn pass_on(
    client: &Client,
    server: &str,
    head: Parts,
    body: Bytes,
) -> io::Result<Response<Body>> {
    let url = format!("{server}{}", path_of(&head));
    let mut headers = without_hop(&head.headers);
    headers.remove(header::HOST);
    let request = client.request(head.method, url).headers(headers).body(body);
    let response: Response<reqwest::Body> = request.send().await.map_err(io::Error::other)?.into();
    let (mut head, body) = response.into_parts();
    head.headers = without_hop(&head.headers);
    Ok(Response::from_parts(head, Body::new(body)))
}

/// Removes the headers that are about one connection.
fn without_hop(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for hop in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        headers.remove(hop);
    }
    headers
}
