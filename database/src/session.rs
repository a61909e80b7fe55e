//! One connection to the database: opened on first use, dropped when in doubt, with retries where MySQL asks for them.

mod connected;
mod database;
mod dial;
mod epoch;
mod operation;
mod retry;
mod settings;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tracing::debug;

use crate::contention::Contention;
use crate::error::{Error, Unusable, number, number_of};
use crate::id_block::Allocation;
use crate::sql_batch::{ROLLBACK, SqlBatch};
use connected::{Connected, Connecting};
pub use database::Database;
pub(crate) use operation::Operation;
use operation::Ping;

/// Time limit of one operation.
///
/// It exceeds the session's lock wait timeout, so that MySQL reports a lock first. It also exceeds the session's limit for
/// reads, so that a statement abandoned here has already ended on the server.
const OPERATION_LIMIT: Duration = Duration::from_secs(10);

/// One connection with the queue's operations. It belongs to one task.
#[derive(Debug)]
pub struct Session {
    pub(crate) database: Database,
    connection: Option<Connected>,
    /// A connection attempt that outlasted its operation. It continues, because the server counts a broken attempt against
    /// this host.
    connecting: Option<Connecting>,
    /// The ids that its next creation may use.
    pub(crate) allocation: Allocation,
    /// The time from which finished events may be counted again.
    pub(crate) count_again: Option<Instant>,
    /// Time until which this session accepts events with a key without asking the database again.
    pub(crate) has_keys_until: Option<Instant>,
}

impl Session {
    /// Runs an operation on the connection.
    ///
    /// Retries it as a whole if MySQL rolled it back because of locks. A patient operation is also retried if the server
    /// no longer accepts writes. Drops the connection unless the server itself reported the error, because the
    /// connection's state is unknown.
    pub(crate) async fn run<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let begun = Instant::now();
        let result = self.run_with_retries(work).await;
        self.database.metrics.ran(O::NAME, begun.elapsed(), result.is_ok());
        result
    }

    async fn run_with_retries<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let begun = Instant::now();
        loop {
            let failure = match self.attempt(work).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            let Some(pause) = retry::pause::<O>(&failure, begun.elapsed()) else {
                return Err(failure);
            };
            debug!(operation = O::NAME.as_ref(), error = %failure, "retrying");
            self.database.metrics.retried(O::NAME);
            tokio::time::sleep(pause.mul_f64(rand::random())).await;
        }
    }

    async fn attempt<O: Operation>(&mut self, work: &O) -> Result<O::Output, Error> {
        let operation = O::NAME.into();
        let mut connected = self.take_connection().await?;
        let attempt = work.attempt(&mut connected.connection);
        match tokio::time::timeout(OPERATION_LIMIT, attempt).await {
            Ok(Ok(done)) => {
                self.connection = Some(connected.used());
                Ok(done)
            }
            Ok(Err(source)) => {
                if number_of(&source).is_some_and(number::leaves_connection_well) {
                    self.connection = Box::pin(rolled_back(connected)).await;
                } else if retry::must_leave_server(&source) {
                    self.database.epoch.end(connected.epoch);
                }
                Err(Error::Query { operation, source })
            }
            Err(_) => {
                // A server that does not answer must be left as well, unless the operation reads many rows.
                if O::NAME.is_quick() {
                    self.database.epoch.end(connected.epoch);
                }
                Box::pin(self.database.end_abandoned(connected)).await;
                Err(Error::Timeout { operation, limit: OPERATION_LIMIT })
            }
        }
    }

    /// Takes the connection, or opens a new one if no trusted one exists. A successful operation puts it back.
    async fn take_connection(&mut self) -> Result<Connected, Error> {
        match self.connection.take() {
            Some(connected) if !connected.is_fit(self.database.epoch.now()) => {
                Box::pin(connected.close()).await;
            }
            Some(connected) if connected.is_old() => return Box::pin(self.renew(connected)).await,
            Some(connected) => return Ok(connected),
            None => {}
        }
        // Rare futures are boxed, which keeps the hot path small.
        Box::pin(self.open(dial::LIMIT)).await
    }

    /// Opens a connection to the server that the database's name resolves to now, then closes the old one.
    ///
    /// Keeps the old connection if the server has no connection to spare or is slow.
    async fn renew(&mut self, old: Connected) -> Result<Connected, Error> {
        match self.open(dial::RENEWAL_LIMIT).await {
            Ok(new) => {
                old.close().await;
                Ok(new)
            }
            Err(failure @ Error::Unusable { .. }) => {
                old.close().await;
                Err(failure)
            }
            Err(failure) => {
                debug!(error = %failure, "keeping a database connection beyond its lifetime");
                Ok(old.for_longer())
            }
        }
    }

    /// Opens a connection within `limit`. A slower attempt continues, and the next call may find it completed.
    async fn open(&mut self, limit: Duration) -> Result<Connected, Error> {
        let epoch = self.database.epoch.now();
        let connecting = self.connecting.take().filter(|connecting| connecting.may_go_on(epoch));
        let mut connecting = connecting.unwrap_or_else(|| self.database.begin_to_connect(epoch));
        if let Ok(connected) = tokio::time::timeout(limit, &mut connecting).await {
            return connected;
        }
        self.connecting = Some(connecting);
        Err(Error::ConnectTimeout { address: self.database.address(), limit })
    }

    /// Makes every session of this process reconnect, because the server's role has changed.
    pub(crate) fn leave(&mut self) {
        if let Some(connected) = self.connection.take() {
            self.database.epoch.end(connected.epoch);
        }
    }

    /// Returns an error if the server no longer accepts writes. Its data may then be stale, and a missing row may exist on
    /// another server. Call it after the read that it is about.
    pub(crate) async fn check_not_demoted(&mut self) -> Result<(), Error> {
        if self.run(&operation::ReadDemotion).await? {
            self.leave();
            return Err(Error::Unusable { address: self.database.address(), why: Unusable::ReadOnly });
        }
        Ok(())
    }

    /// Connects eagerly, so that the next operation's latency excludes connecting.
    pub async fn connect(&mut self) -> Result<(), Error> {
        self.connection = Some(self.take_connection().await?);
        Ok(())
    }

    /// Returns an error if the database does not answer.
    pub async fn ping(&mut self) -> Result<(), Error> {
        self.run(&Ping).await
    }

    pub(crate) fn contention(&self) -> Contention {
        self.database.contention.clone()
    }

    /// Closes the connection in an orderly way.
    pub async fn close(mut self) {
        if let Some(connected) = self.connection.take() {
            connected.close().await;
        }
    }
}

/// Rolls back the transaction that an error may have left open. Returns `None` if that fails, so that the next operation
/// opens a new connection.
async fn rolled_back(mut connected: Connected) -> Option<Connected> {
    let rollback = SqlBatch::new(ROLLBACK).execute(&mut connected.connection);
    matches!(tokio::time::timeout(OPERATION_LIMIT, rollback).await, Ok(Ok(_))).then_some(connected)
}
