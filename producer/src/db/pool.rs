//! A pool of database sessions.

use std::sync::Arc;

use eventpipeline_database::Session;
use futures::future::select_all;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, Semaphore};
use tokio::time::timeout;

use crate::error::{Answer, Unavailable};
use crate::tasks::ANSWER_LIMIT;

/// Maximum number of requests that use a session or wait for one.
const REQUESTS: usize = 256;

/// A session for the time of one operation.
pub(super) type PooledSession = OwnedMappedMutexGuard<Option<Session>, Session>;

/// Sessions that requests take turns to use.
#[derive(Debug)]
pub(super) struct SessionPool {
    /// `None` in place of each session that is closed.
    sessions: Vec<Arc<Mutex<Option<Session>>>>,
    requests: Arc<Semaphore>,
}

impl SessionPool {
    pub(super) fn new(sessions: impl IntoIterator<Item = Session>) -> Self {
        let sessions = sessions.into_iter().map(|session| Arc::new(Mutex::new(Some(session)))).collect();
        Self { sessions, requests: Arc::new(Semaphore::new(REQUESTS)) }
    }

    /// Runs an operation on the first session that becomes free.
    ///
    /// Dropping the future withdraws an operation that has not started. An operation that has started runs to its end,
    /// because an abandoned query costs the session its connection.
    pub(super) async fn run<T, F>(&self, operation: impl FnOnce(PooledSession) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let request = Arc::clone(&self.requests).try_acquire_owned().map_err(|_| Unavailable::Overloaded)?;
        let answer = async {
            let operation = operation(self.session().await?);
            let task = tokio::spawn(async move {
                let _request = request;
                operation.await
            });
            task.await.unwrap_or(Err(Unavailable::Timeout))
        };
        timeout(ANSWER_LIMIT, answer).await.unwrap_or(Err(Unavailable::Timeout))
    }

    async fn session(&self) -> Answer<PooledSession> {
        let locks = self.sessions.iter().map(|session| Box::pin(Arc::clone(session).lock_owned()));
        let (session, ..) = select_all(locks).await;
        OwnedMutexGuard::try_map(session, Option::as_mut).map_err(|_| Unavailable::Database)
    }

    /// Closes each session when its operation has ended. Later requests are refused.
    pub(super) async fn close(&self) {
        for session in &self.sessions {
            let session = session.lock().await.take();
            if let Some(session) = session {
                session.close().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use eventpipeline_database::{Database, DatabaseArgs, Metrics, Tls};
    use eventpipeline_testkit::eventually;
    use prometheus::Registry;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    /// A pool of two sessions that never connect.
    fn pool() -> Arc<SessionPool> {
        let args = DatabaseArgs {
            database_host: "127.0.0.1".to_owned(),
            database_port: 1,
            database_name: String::new(),
            database_user: String::new(),
            database_password_file: "/dev/null".into(),
            database_tls: Tls::Preferred,
            database_tls_ca_file: None,
        };
        let database = Database::new(args, Metrics::new(&Registry::new()).unwrap());
        Arc::new(SessionPool::new([database.session(), database.session()]))
    }

    /// Runs an operation that ends when the sender is used or dropped.
    fn hold(pool: &Arc<SessionPool>) -> (oneshot::Sender<()>, JoinHandle<Answer<()>>) {
        let (end, ended) = oneshot::channel();
        let pool = Arc::clone(pool);
        let run = async move {
            let wait = |session| async move {
                let _ = ended.await;
                drop::<PooledSession>(session);
                Ok(())
            };
            pool.run(wait).await
        };
        (end, tokio::spawn(run))
    }

    fn free(pool: &SessionPool) -> usize {
        pool.sessions.iter().filter(|session| session.try_lock().is_ok()).count()
    }

    #[tokio::test]
    async fn requests_wait_for_a_free_session() {
        let pool = pool();
        let (first, first_ended) = hold(&pool);
        let (_second, _) = hold(&pool);
        eventually(async || (free(&pool) == 0).then_some(())).await;
        let (third, third_ended) = hold(&pool);
        tokio::task::yield_now().await;
        third.send(()).unwrap();
        tokio::task::yield_now().await;
        assert!(!third_ended.is_finished());
        first.send(()).unwrap();
        assert_eq!(first_ended.await.unwrap(), Ok(()));
        assert_eq!(third_ended.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn an_operation_that_has_started_survives_its_client() {
        let pool = pool();
        let (started, has_started) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let client = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                let operation = |_session| async move {
                    let _ = started.send(());
                    let _ = ended.await;
                    let _ = done.send(());
                    Ok(())
                };
                pool.run(operation).await
            }
        });
        has_started.await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        end.send(()).unwrap();
        is_done.await.unwrap();
        eventually(async || (free(&pool) == 2).then_some(())).await;
    }

    #[tokio::test]
    async fn an_operation_that_has_not_started_leaves_with_its_client() {
        let pool = pool();
        let held = [hold(&pool), hold(&pool)];
        eventually(async || (free(&pool) == 0).then_some(())).await;
        let (never, withdrawn) = hold(&pool);
        tokio::task::yield_now().await;
        withdrawn.abort();
        assert!(withdrawn.await.unwrap_err().is_cancelled());
        assert!(never.is_closed());
        drop(held);
        eventually(async || (free(&pool) == 2).then_some(())).await;
        assert_eq!(pool.requests.available_permits(), REQUESTS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_times_out_and_too_many_are_refused() {
        let pool = pool();
        let waiting: Vec<_> = (0..REQUESTS).map(|_| hold(&pool)).collect();
        eventually(async || (pool.requests.available_permits() == 0).then_some(())).await;
        assert_eq!(pool.run(|_| async { Ok(()) }).await, Err(Unavailable::Overloaded));
        let (held, timed_out): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        for request in timed_out {
            assert_eq!(request.await.unwrap(), Err(Unavailable::Timeout));
        }
        assert_eq!(pool.requests.available_permits(), REQUESTS - 2);
        drop(held);
        eventually(async || (pool.requests.available_permits() == REQUESTS).then_some(())).await;
    }

    #[tokio::test]
    async fn closing_waits_for_operations_and_refuses_later_ones() {
        let pool = pool();
        let (end, ended) = hold(&pool);
        eventually(async || (free(&pool) == 1).then_some(())).await;
        let closing = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        end.send(()).unwrap();
        closing.await.unwrap();
        assert_eq!(ended.await.unwrap(), Ok(()));
        assert_eq!(pool.run(|_| pending::<Answer<()>>()).await, Err(Unavailable::Database));
    }
}
