//! The task that creates events. Requests that arrive during a commit are created in the next transaction.

use std::time::{Duration, Instant};

use eventpipeline_database::{Created, Creation, Session};
use eventpipeline_service::{Announcer, MetricFactory, error_chain};
use prometheus::{Histogram, IntCounter, Registry, exponential_buckets};
use tokio::sync::oneshot;
use tracing::error;

use super::linger::Linger;
use super::mailbox::{Inbox, Mailbox, Request, mailbox};
use crate::error::{Answer, Unavailable};
use crate::memory_budget::MemoryPermit;

/// Maximum number of requests that wait.
const CAPACITY: usize = 8192;
/// Maximum number of requests that are taken at once.
const BATCH: usize = 512;
/// Maximum number of events per transaction, so that a commit takes milliseconds.
const BATCH_EVENTS: usize = 1024;
/// Maximum number of payload bytes per transaction. The database crate splits them if the server's packets are smaller.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Maximum time for finding the request that the database refuses. The other requests of the batch wait meanwhile.
const BISECT_LIMIT: Duration = Duration::from_secs(5);

/// A request to create events.
#[derive(Debug)]
pub(crate) struct CreateRequest {
    pub(crate) creation: Creation,
    /// Permit for the memory of the payloads until they are stored.
    pub(crate) permit: MemoryPermit,
}

/// The metrics of creations. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct WriterMetrics {
    events: IntCounter,
    batch_events: Histogram,
}

impl WriterMetrics {
    pub(crate) fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        Ok(Self {
            events: make.counter("eventpipeline_events_created_total", "Events created by this process.")?,
            batch_events: make.histogram(
                "eventpipeline_create_batch_events",
                "Events created by one transaction.",
                &exponential_buckets(1.0, 2.0, 10)?,
            )?,
        })
    }

    /// Counts a transaction that created `events` events.
    fn created(&self, events: usize) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.events.inc_by(events.into());
        self.batch_events.observe(events.into());
    }
}

impl CreateRequest {
    fn events(&self) -> usize {
        self.creation.events().len()
    }

    fn bytes(&self) -> usize {
        let payloads = self.creation.events().iter().filter_map(|event| event.payload.as_ref());
        payloads.map(String::len).sum()
    }
}

type Create = Request<CreateRequest, Created>;

/// Creates events in batches.
#[derive(Debug)]
pub(crate) struct Writer {
    session: Session,
    inbox: Inbox<CreateRequest, Created>,
    announcer: Announcer,
    metrics: WriterMetrics,
    linger: Linger,
}

impl Writer {
    pub(crate) fn new(
        session: Session,
        announcer: Announcer,
        metrics: WriterMetrics,
    ) -> (Self, Mailbox<CreateRequest, Created>) {
        let (mailbox, inbox) = mailbox(CAPACITY);
        (Self { session, inbox, announcer, metrics, linger: Linger::default() }, mailbox)
    }

    /// Creates events until the mailbox is dropped.
    pub(crate) async fn run(mut self) -> anyhow::Result<()> {
        while let Some(mut batch) = self.inbox.next_batch(BATCH).await {
            self.linger.fill(&mut batch, &mut self.inbox, BATCH).await;
            let (begun, requests) = (Instant::now(), batch.len());
            for transaction in within_limits(batch) {
                self.create(transaction).await;
            }
            self.linger.created(requests, self.inbox.len(), begun.elapsed());
        }
        self.session.close().await;
        Ok(())
    }

    /// Creates the events of a batch in one transaction. If the database refuses it, bisects the batch to find the request
    /// that is refused, and creates the others.
    async fn create(&mut self, batch: Vec<Create>) {
        let (requests, answers): (Vec<CreateRequest>, Vec<_>) =
            batch.into_iter().map(|Request { input, answer }| (input, answer)).unzip();
        let (creations, _permits): (Vec<Creation>, Vec<MemoryPermit>) =
            requests.into_iter().map(|CreateRequest { creation, permit }| (creation, permit)).unzip();
        let mut parts = vec![(creations, answers)];
        let begun = Instant::now();
        while let Some((mut creations, mut answers)) = parts.pop() {
            let failure = match self.session.create(&creations).await {
                Ok(created) => {
                    self.answer(answers, created);
                    continue;
                }
                Err(failure) => failure,
            };
            let requests = creations.len();
            if failure.is_refusal() && requests > 1 && begun.elapsed() < BISECT_LIMIT {
                let half = requests / 2;
                parts.push((creations.split_off(half), answers.split_off(half)));
                parts.push((creations, answers));
                continue;
            }
            let answer = Unavailable::from(&failure);
            error!(
                requests,
                error = error_chain(&failure),
                "failed to create events for {requests} requests: {answer}"
            );
            for client in answers {
                let _ = client.send(Err(answer));
            }
        }
    }

    fn answer(&self, answers: Vec<oneshot::Sender<Answer<Created>>>, created: Vec<Created>) {
        let events = created.iter().map(Created::new_events).sum();
        if events > 0 {
            self.announcer.work();
            self.metrics.created(events);
        }
        for (answer, created) in answers.into_iter().zip(created) {
            // The event is created even if the client has left.
            let _ = answer.send(Ok(created));
        }
    }
}

/// Splits a batch into parts of at most [`BATCH_EVENTS`] and [`BATCH_BYTES`]. A request is never split, because its events
/// are created in one transaction.
fn within_limits(batch: Vec<Create>) -> Vec<Vec<Create>> {
    let mut parts: Vec<Vec<Create>> = Vec::new();
    let (mut events, mut bytes) = (0, 0);
    for request in batch {
        let (more_events, more_bytes) = (request.input.events(), request.input.bytes());
        match parts.last_mut() {
            Some(part) if events + more_events <= BATCH_EVENTS && bytes + more_bytes <= BATCH_BYTES => {
                part.push(request);
                events += more_events;
                bytes += more_bytes;
            }
            _ => {
                parts.push(vec![request]);
                (events, bytes) = (more_events, more_bytes);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use eventpipeline_database::NewEvent;

    use super::*;

    fn request(events: usize, bytes: usize) -> Create {
        let event = NewEvent { payload: Some("x".repeat(bytes)), ..NewEvent::default() };
        let creation = Creation::many(vec![event; events]).unwrap();
        let input = CreateRequest { creation, permit: MemoryPermit::default() };
        Request { input, answer: oneshot::channel().0 }
    }

    fn parts(requests: impl IntoIterator<Item = Create>) -> Vec<usize> {
        within_limits(requests.into_iter().collect()).iter().map(Vec::len).collect()
    }

    #[test]
    fn transactions_stay_within_limits_and_contain_every_request() {
        let mebibytes = |sizes: &[usize]| parts(sizes.iter().map(|size| request(1, size * 1024 * 1024)));
        assert_eq!(mebibytes(&[3, 2, 1, 5, 0, 0]), [1, 2, 1, 2]);
        let events = |numbers: &[usize]| parts(numbers.iter().map(|number| request(*number, 1)));
        assert_eq!(events(&[1000, 24, 1, 1000, 1000]), [2, 2, 1]);
        assert!(parts([]).is_empty());
    }
}
