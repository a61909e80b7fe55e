//! Loads: closed (each connection sends its next request after a response) and open (requests have a fixed rate).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::http::Connection;

/// An event that a request has created, and the time at which the request was due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Created {
    pub(crate) id: i64,
    pub(crate) due: Instant,
}

/// The outcome of a load.
pub(crate) struct Outcome {
    /// Microseconds from the time at which a request was due to its response.
    pub(crate) latencies: Histogram<u64>,
    /// The ids in successful responses, if they contain one.
    pub(crate) ids: Vec<i64>,
    /// Number of 2xx responses, and of others.
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

    /// Returns the number of successful responses per second.
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    pub(crate) fn rate(&self) -> f64 {
        self.succeeded as f64 / self.took.as_secs_f64()
    }

    /// Returns a quantile of the latencies in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "a time")]
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// Records a response, and returns the id in it if it is a 2xx with one.
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

/// Sends requests on `connections` for `time`, each after the response to the previous one. The connections are spread evenly
/// over the addresses.
pub(crate) async fn closed(
    addresses: &[SocketAddr],
    request: Vec<u8>,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let request = Arc::new(request);
    let over = Arc::new(AtomicBool::new(false));
    let mut asking = JoinSet::new();
    for address in addresses.iter().cycle().take(connections) {
        let (request, over) = (Arc::clone(&request), Arc::clone(&over));
        let mut connection = Connection::open(*address).await?;
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

/// Sends `rate` requests per second for `time`, whether or not earlier ones are answered. Latencies count from the time at
/// which a request was due, so that they include stalls of the server. `answered` receives each created event.
pub(crate) async fn open(
    address: SocketAddr,
    request: Vec<u8>,
    rate: u32,
    time: Duration,
    connections: usize,
    answered: Option<mpsc::UnboundedSender<Created>>,
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
                    let _ = answered.send(Created { id, due });
                }
            }
            anyhow::Ok(outcome)
        });
    }
    drop(answered);
    let begun = Instant::now();
    // A separate thread, because the runtime's timers have a resolution of one millisecond.
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
