//! A connection, and one that is being made.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::mysql::MySqlConnection;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use super::settings::Server;
use crate::error::Error;
use crate::metrics::Open;

/// A connection that was not used for this long is made anew: the server, or something on the way, may have forgotten it.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// How long a connection lives, more or less: then it is made anew, where the database's name leads now.
const LIFETIME: Duration = Duration::from_mins(1);
/// How much longer it lives where no other can be had.
const REPRIEVE: Duration = Duration::from_secs(5);
/// How long a farewell may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// How long a connection may take to be made. Servers themselves give a client ten seconds.
const CONNECTING_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Connected {
    pub(super) connection: MySqlConnection,
    pub(super) server: Server,
    pub(super) epoch: u64,
    pub(super) last_used: Instant,
    pub(super) expires: Instant,
    _open: Open,
}

impl Connected {
    pub(super) fn new(connection: MySqlConnection, server: Server, epoch: u64, open: Open) -> Self {
        let now = Instant::now();
        // Those of a process do not end together.
        let expires = now + LIFETIME.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        Self { connection, server, epoch, last_used: now, expires, _open: open }
    }

    /// The same, after an operation.
    pub(super) fn used(self) -> Self {
        Self { last_used: Instant::now(), ..self }
    }

    /// The same, for want of another.
    pub(super) fn for_longer(self) -> Self {
        Self { expires: Instant::now() + REPRIEVE, ..self }
    }

    /// Whether it can be trusted in `epoch`.
    pub(super) fn is_fit(&self, epoch: u64) -> bool {
        self.epoch == epoch && self.last_used.elapsed() < IDLE_LIMIT
    }

    pub(super) fn is_old(&self) -> bool {
        Instant::now() >= self.expires
    }

    /// Says farewell to the server, which otherwise counts and logs the end as an abortion.
    pub(super) async fn close(self) {
        match tokio::time::timeout(CLOSE_LIMIT, self.connection.close()).await {
            Ok(Err(error)) => debug!(%error, "failed to close a database connection"),
            Err(_) => debug!("a database connection took too long to close"),
            Ok(Ok(())) => {}
        }
    }
}

/// A connection that is being made, whoever waits for it.
#[derive(Debug)]
pub(crate) struct Connecting {
    task: AbortOnDropHandle<Result<Connected, Error>>,
    epoch: u64,
    begun: Instant,
}

impl Connecting {
    pub(super) fn begin(
        epoch: u64,
        connecting: impl Future<Output = Result<Connected, Error>> + Send + 'static,
    ) -> Self {
        Self { task: AbortOnDropHandle::new(tokio::spawn(connecting)), epoch, begun: Instant::now() }
    }

    /// Whether it is of use in `epoch`, and may still come to something.
    pub(super) fn may_go_on(&self, epoch: u64) -> bool {
        self.epoch == epoch && self.begun.elapsed() < CONNECTING_LIMIT
    }
}

impl Future for Connecting {
    type Output = Result<Connected, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(context).map(|ended| match ended {
            Ok(connected) => connected,
            Err(panicked) => match panicked.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => {
                    Err(Error::ConnectTimeout { address: "the database".to_owned(), limit: Duration::ZERO })
                }
            },
        })
    }
}
