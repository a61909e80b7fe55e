//! The life of one connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::Service;
use tracing::debug;

use super::activity::Activity;
use super::socket::Socket;

/// The router, with a record of when it answers a request.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    router: Router,
    activity: Arc<Activity>,
}

impl Tracked {
    pub(super) fn new(router: Router, activity: Arc<Activity>) -> Self {
        Self { router, activity }
    }
}

type Routed = <Router as Service<Request<Incoming>>>::Future;

impl Service<Request<Incoming>> for Tracked {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Incoming>>::poll_ready(&mut self.router, cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> Answering {
        self.activity.begin();
        Answering { routed: self.router.call(request), activity: Arc::clone(&self.activity) }
    }
}

/// A request that is being answered.
pub(super) struct Answering {
    routed: Routed,
    activity: Arc<Activity>,
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.routed).poll(cx));
        self.activity.end();
        Poll::Ready(answer)
    }
}

/// Serves the connection until its client closes it. Closes it earlier, as soon as no request is being
/// answered, when `draining`, or when it is idle and its slot is `wanted`.
pub(super) async fn drive(
    mut connection: Pin<&mut http1::Connection<Socket, TowerToHyperService<Tracked>>>,
    activity: &Activity,
    wanted: &Arc<Notify>,
    draining: &CancellationToken,
) {
    let mut drain = std::pin::pin!(draining.cancelled());
    let mut idle = None;
    let mut ending = false;
    let ended = poll_fn(|cx| {
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(result);
            }
            if ending {
                return Poll::Pending;
            }
            if activity.is_answering() {
                idle = None;
            } else {
                let notified = idle.get_or_insert_with(|| Box::pin(Arc::clone(wanted).notified_owned()));
                ending = notified.as_mut().poll(cx).is_ready();
            }
            ending = ending || drain.as_mut().poll(cx).is_ready();
            if !ending {
                return Poll::Pending;
            }
            idle = None;
            connection.as_mut().graceful_shutdown();
        }
    });
    if let Err(error) = ended.await {
        debug!(%error, "a connection ended early");
    }
}
