//! The task that creates events: what arrived while the last commit was running is the next transaction.

use std::time::{Duration, Instant};

use eventpipeline_database::{Created, Creation, Session};
use eventpipeline_service::{Announcer, error_chain};
use tokio::sync::oneshot;
use tracing::error;

use crate::error::Unavailable;
use crate::mailbox::{Answer, Inbox, Request};
use crate::memory::Held;
use crate::metrics::Metrics;

/// How many requests may wait.
pub(crate) const CAPACITY: usize = 8192;
/// How many requests are taken at once.
const BATCH: usize = 512;
/// How many events one transaction creates at the most, so that a commit stays a matter of milliseconds.
const BATCH_EVENTS: usize = 1024;
/// How many bytes of payload it creates at the most. What the server does not take at once goes in several packets.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// For how long it is looked for the request that is refused. Its neighbours wait meanwhile.
const HALVING_LIMIT: Duration = Duration::from_secs(5);

/// A request to create events.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) creation: Creation,
    /// The memory that its payloads take, until they are stored.
    pub(crate) held: Held,
}

impl Order {
    fn events(&self) -> usize {
        self.creation.events().len()
    }

    fn bytes(&self) -> usize {
        let payloads = self.creation.events().iter().filter_map(|event| event.payload.as_ref());
        payloads.map(String::len).sum()
    }
}

type Create = Request<Order, Created>;

/// Creates events until the last mailbox is dropped.
pub(crate) async fn run(
    mut session: Session,
    mut inbox: Inbox<Order, Created>,
    announcer: Announcer,
    metrics: Metrics,
) -> anyhow::Result<()> {
    while let Some(batch) = inbox.next_batch(BATCH).await {
        for transaction in within_limits(batch) {
            create(&mut session, transaction, &announcer, &metrics).await;
        }
    }
    session.close().await;
    Ok(())
}

/// The batch in parts within [`BATCH_EVENTS`] and [`BATCH_BYTES`], each as long as it can be. A request is never divided:
/// it is created as a whole or not at all.
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

/// Creates what was ordered. What the database refuses is halved until it is known which request it is: the others are created.
async fn create(session: &mut Session, batch: Vec<Create>, announcer: &Announcer, metrics: &Metrics) {
    let (orders, answers): (Vec<Order>, Vec<_>) =
        batch.into_iter().map(|Request { input, answer }| (input, answer)).unzip();
    let (creations, _held): (Vec<Creation>, Vec<Held>) =
        orders.into_iter().map(|Order { creation, held }| (creation, held)).unzip();
    let mut parts = vec![(creations, answers)];
    let begun = Instant::now();
    while let Some((mut creations, mut answers)) = parts.pop() {
        let failure = match session.create(&creations).await {
            Ok(created) => {
                answer(answers, created, announcer, metrics);
                continue;
            }
            Err(failure) => failure,
        };
        let requests = creations.len();
        if failure.is_refusal() && requests > 1 && begun.elapsed() < HALVING_LIMIT {
            let half = requests / 2;
            parts.push((creations.split_off(half), answers.split_off(half)));
            parts.push((creations, answers));
            continue;
        }
        let why = Unavailable::from(&failure);
        error!(
            requests,
            error = error_chain(&failure),
            "the events of {requests} requests were not created: {why}"
        );
        for answer in answers {
            let _ = answer.send(Err(why));
        }
    }
}

fn answer(
    answers: Vec<oneshot::Sender<Answer<Created>>>,
    created: Vec<Created>,
    announcer: &Announcer,
    metrics: &Metrics,
) {
    let events = created.iter().map(new_events).sum();
    if events > 0 {
        announcer.work();
        metrics.created(events);
    }
    for (answer, created) in answers.into_iter().zip(created) {
        // A client that left in the meantime has its event all the same.
        let _ = answer.send(Ok(created));
    }
}

fn new_events(created: &Created) -> usize {
    match created {
        Created::New(ids) => ids.len(),
        Created::Replayed(_) | Created::KeyReused | Created::TooLarge { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use eventpipeline_database::NewEvent;
    use tokio::sync::oneshot;

    use super::*;

    fn request(events: usize, bytes: usize) -> Create {
        let event = NewEvent { payload: Some("x".repeat(bytes)), ..NewEvent::default() };
        let creation = Creation::many(vec![event; events]).unwrap();
        Request { input: Order { creation, held: Held::default() }, answer: oneshot::channel().0 }
    }

    fn parts(requests: impl IntoIterator<Item = Create>) -> Vec<usize> {
        within_limits(requests.into_iter().collect()).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_transaction_has_limits_and_nothing_is_left_out() {
        let mebibytes = |sizes: &[usize]| parts(sizes.iter().map(|size| request(1, size * 1024 * 1024)));
        assert_eq!(mebibytes(&[3, 2, 1, 5, 0, 0]), [1, 2, 1, 2]);
        let events = |numbers: &[usize]| parts(numbers.iter().map(|number| request(*number, 1)));
        assert_eq!(events(&[1000, 24, 1, 1000, 1000]), [2, 2, 1]);
        assert!(parts([]).is_empty());
    }
}
