//! An open connection, and one that is being opened.

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

/// Idle time after which a connection is replaced: the server, or a device on the way, may have dropped it.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Average lifetime of a connection. Its replacement resolves the database's name again.
const LIFETIME: Duration = Duration::from_mins(1);
/// Extension of that lifetime if no other connection is available.
const REPRIEVE: Duration = Duration::from_secs(5);
/// Time limit of an orderly close.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);
/// Time limit of one connection attempt. Servers themselves give a client ten seconds.
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
        // The lifetime is random, so that a process's connections do not expire together.
        let expires = now + LIFETIME.mul_f64(0.75 + rand::random::<f64>() / 2.0);
        Self { connection, server, epoch, last_used: now, expires, _open: open }
    }

    /// Returns the connection, marked as used now.
    pub(super) fn used(self) -> Self {
        Self { last_used: Instant::now(), ..self }
    }

    /// Returns the connection with an extended lifetime, if no other is available.
    pub(super) fn for_longer(self) -> Self {
        Self { expires: Instant::now() + REPRIEVE, ..self }
    }

    /// Returns whether the connection can be trusted in `epoch`.
    pub(super) fn is_fit(&self, epoch: u64) -> bool {
        self.epoch == epoch && self.last_used.elapsed() < IDLE_LIMIT
    }

    pub(super) fn is_old(&self) -> bool {
        Instant::now() >= self.expires
    }

    /// Sends `COM_QUIT`; otherwise the server counts and logs an aborted connection.
    pub(super) async fn close(self) {
        match tokio::time::timeout(CLOSE_LIMIT, self.connection.close()).await {
            Ok(Err(error)) => debug!(%error, "failed to close a database connection"),
            Err(_) => debug!("a database connection took too long to close"),
            Ok(Ok(())) => {}
        }
    }
}

/// A connection attempt, which continues while no operation waits for it.
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

    /// Returns whether the attempt is of use in `epoch` and has not exceeded its time limit.
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
