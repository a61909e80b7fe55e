//! One read for all clients that ask for the same value at the same time.

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use crate::error::{Answer, Unavailable};
use crate::tasks::ANSWER_LIMIT;

/// Maximum number of clients that wait.
const CLIENTS: usize = 64;

/// A value that is read once for all clients that asked while the previous read was running.
#[derive(Debug)]
pub(super) struct SharedRead<T> {
    /// The last answer, and when its read began.
    last: Mutex<Option<(Instant, Answer<T>)>>,
    clients: Semaphore,
}

impl<T> Default for SharedRead<T> {
    fn default() -> Self {
        Self { last: Mutex::new(None), clients: Semaphore::new(CLIENTS) }
    }
}

impl<T: Clone> SharedRead<T> {
    /// Returns the result of a read that began after this call. This is `read`, or the read of another client.
    pub(super) async fn get(&self, read: impl Future<Output = Answer<T>>) -> Answer<T> {
        let _client = self.clients.try_acquire().map_err(|_| Unavailable::Overloaded)?;
        let called = Instant::now();
        let answer = async {
            let mut last = self.last.lock().await;
            match &*last {
                Some((began, answer)) if *began > called => answer.clone(),
                _ => {
                    let began = Instant::now();
                    let answer = read.await;
                    *last = Some((began, answer.clone()));
                    answer
                }
            }
        };
        timeout(ANSWER_LIMIT, answer).await.unwrap_or(Err(Unavailable::Timeout))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    /// Asks for the number of reads so far. A read takes a second.
    async fn ask(shared: Arc<SharedRead<u32>>, reads: Arc<AtomicU32>) -> Answer<u32> {
        let read = async {
            let number = reads.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(number)
        };
        shared.get(read).await
    }

    #[tokio::test(start_paused = true)]
    async fn clients_that_ask_during_a_read_share_the_next_one() {
        let (shared, reads) = <(Arc<SharedRead<u32>>, Arc<AtomicU32>)>::default();
        let ask = || tokio::spawn(ask(Arc::clone(&shared), Arc::clone(&reads)));
        let first = ask();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let others: Vec<_> = (0..10).map(|_| ask()).collect();
        assert_eq!(first.await.unwrap(), Ok(1));
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(2));
        }
        assert_eq!(ask().await.unwrap(), Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_clients_are_refused() {
        let shared = Arc::new(SharedRead::<u32>::default());
        let never = |shared: Arc<SharedRead<u32>>| async move { shared.get(std::future::pending()).await };
        let waiting: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(never(Arc::clone(&shared)))).collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(shared.get(async { Ok(1) }).await, Err(Unavailable::Overloaded));
        for client in waiting {
            assert_eq!(client.await.unwrap(), Err(Unavailable::Timeout));
        }
        assert_eq!(shared.get(async { Ok(1) }).await, Ok(1));
    }
}
