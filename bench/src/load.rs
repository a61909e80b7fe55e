//! Loads: closed (each connection asks again when it is answered) and open (requests come when they come).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::http::Connection;

/// An event that a request has created, and when the request was due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) id: i64,
    pub(crate) due: Instant,
}

/// What came of a load.
pub(crate) struct Outcome {
    /// Microseconds from the time when a request was due to its answer.
    pub(crate) latencies: Histogram<u64>,
    /// The ids in answers of 2xx, where they have one.
    pub(crate) ids: Vec<i64>,
    /// How many answers were 2xx, and how many were not.
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) took: Duration,
}

impl Outcome {
    fn new() -> anyhow::Result<Self> {
        let latencies = Histogram::new_with_bounds(1, 600_000_000, 3)?;
        Ok(Self { latencies, ids: Vec::new(), succeeded: 0, failed: 0, took: Duration::ZERO })
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.latencies.add(&other.latencies).context("failed to add latencies")?;
        self.ids.extend(&other.ids);
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        Ok(())
    }

    /// Successful answers a second.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub(crate) fn rate(&self) -> f64 {
        self.succeeded as f64 / self.took.as_secs_f64()
    }

    /// A quantile of the latencies, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// Gives the id in the answer, where it is a 2xx and has one.
    async fn ask(
        &mut self,
        connection: &mut Connection,
        request: &[u8],
        due: Instant,
    ) -> anyhow::Result<Option<i64>> {
        let answer = connection.ask(request).await?;
        let mut id = None;
        if (200..300).contains(&answer.status) {
            self.succeeded += 1;
            id = answer.id();
            self.ids.extend(id);
        } else {
            self.failed += 1;
        }
        let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(micros);
        Ok(id)
    }
}

/// `connections` that each ask, are answered, and ask again, for `time`.
pub(crate) async fn closed(
    address: SocketAddr,
    request: Vec<u8>,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let request = Arc::new(request);
    let over = Arc::new(AtomicBool::new(false));
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let (request, over) = (Arc::clone(&request), Arc::clone(&over));
        let mut connection = Connection::open(address).await?;
        asking.spawn(async move {
            let mut outcome = Outcome::new()?;
            while !over.load(Ordering::Relaxed) {
                outcome.ask(&mut connection, &request, Instant::now()).await?;
            }
            anyhow::Ok(outcome)
        });
    }
    let begun = Instant::now();
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    join(asking, begun).await
}

/// `rate` requests a second for `time`, whether or not earlier ones are answered; latencies count from the time when a
/// request was due, so that a server which stalls does not hide it. `answered` is told of each event that was created.
pub(crate) async fn open(
    address: SocketAddr,
    request: Vec<u8>,
    rate: u32,
    time: Duration,
    connections: usize,
    answered: Option<mpsc::UnboundedSender<Answered>>,
) -> anyhow::Result<Outcome> {
    let request = Arc::new(request);
    let (due, dues) = mpsc::unbounded_channel();
    let dues = Arc::new(Mutex::new(dues));
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let (request, dues, answered) = (Arc::clone(&request), Arc::clone(&dues), answered.clone());
        let mut connection = Connection::open(address).await?;
        asking.spawn(async move {
            let mut outcome = Outcome::new()?;
            loop {
                let next = dues.lock().await.recv().await;
                let Some(due) = next else { break };
                let id = outcome.ask(&mut connection, &request, due).await?;
                if let (Some(id), Some(answered)) = (id, &answered) {
                    let _ = answered.send(Answered { id, due });
                }
            }
            anyhow::Ok(outcome)
        });
    }
    drop(answered);
    let begun = Instant::now();
    // A thread of its own: the runtime's timers are exact to a millisecond only.
    std::thread::spawn(move || {
        let interval = Duration::from_secs(1) / rate;
        let mut next = begun;
        while next < begun + time {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            if due.send(next).is_err() {
                break;
            }
            next += interval;
        }
    });
    join(asking, begun).await
}

async fn join(mut asking: JoinSet<anyhow::Result<Outcome>>, begun: Instant) -> anyhow::Result<Outcome> {
    let mut all = Outcome::new()?;
    while let Some(outcome) = asking.join_next().await {
        all.add(&outcome??)?;
    }
    all.took = begun.elapsed();
    Ok(all)
}
