//! Hints between processes: "there is work", "these events are finished". They save waiting, and nothing depends on them.
//!
//! UDP datagrams to every peer, sent after a commit: a hint that is lost, late, double or invented costs a look at the
//! database, which is the truth. So there is no connection to keep, nothing to authenticate and nothing to retry; and no
//! value is ever sent.

mod datagram;
mod outbox;
mod peers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use prometheus::{IntCounter, IntCounterVec, Registry};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::Maker;
use crate::listen::listen_udp;
use outbox::Outbox;
use peers::Peers;

/// Where hints come from and go to.
#[derive(Debug, Clone, Args)]
pub struct HintArgs {
    /// Address (UDP) where hints are heard
    #[arg(long, env = "WAKE_ADDRESS", default_value = "[::]:9091")]
    pub wake_address: SocketAddr,
    /// Who is to hear ours: `host:port`, several with commas between; a name stands for all its addresses. Without it there
    /// are no hints, and everything takes a little longer
    #[arg(long, env = "WAKE_PEERS", value_delimiter = ',', value_parser = peers::peer)]
    pub wake_peers: Vec<String>,
}

/// What somebody may want to know at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// There are events to be claimed.
    Work,
    /// These events are done or dead.
    Finished(Vec<i64>),
}

impl Hint {
    const KINDS: [&'static str; 2] = ["work", "finished"];

    fn kind(&self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Finished(_) => "finished",
        }
    }
}

/// Up to so many peers are sent every hint at once: there is at most one a commit.
const FEW_PEERS: usize = 16;
/// More of them are sent nothing more before this time is over: what comes up meanwhile goes together.
const GAP: Duration = Duration::from_millis(1);

/// The ends of a process's hints: see [`Announcer`] for those that it gives.
#[derive(Debug)]
pub struct Hints {
    /// `None` where hints are switched off.
    wire: Option<Wire>,
    metrics: HintMetrics,
}

#[derive(Debug)]
struct Wire {
    socket: UdpSocket,
    peers: Peers,
    outbox: Arc<Outbox>,
}

/// Gives hints. It never waits: what cannot be sent soon is dropped.
#[derive(Debug, Clone)]
pub struct Announcer {
    outbox: Option<Arc<Outbox>>,
    metrics: HintMetrics,
}

impl Announcer {
    /// There are events to be claimed.
    pub fn work(&self) {
        if let Some(outbox) = &self.outbox {
            outbox.work();
        }
    }

    /// These events are done or dead.
    pub fn finished(&self, ids: impl IntoIterator<Item = i64>) {
        if let Some(outbox) = &self.outbox {
            let dropped = outbox.finished(ids);
            self.metrics.dropped.inc_by(dropped);
        }
    }
}

impl Hints {
    /// Binds the socket, so that a port in use is an error at start. Nothing is bound where hints are switched off.
    pub fn bind(args: &HintArgs, metrics: HintMetrics) -> anyhow::Result<(Self, Announcer)> {
        if args.wake_peers.is_empty() {
            return Ok((Self { wire: None, metrics: metrics.clone() }, Announcer { outbox: None, metrics }));
        }
        let address = args.wake_address;
        let socket = listen_udp(address)
            .with_context(|| format!("failed to bind WAKE_ADDRESS {address}: is the port in use?"))?;
        info!(address = %socket.local_addr()?, peers = args.wake_peers.join(","), "hints are heard");
        let outbox = Arc::new(Outbox::default());
        let peers = Peers::new(args.wake_peers.clone(), socket.local_addr()?);
        let wire = Wire { socket, peers, outbox: Arc::clone(&outbox) };
        Ok((Self { wire: Some(wire), metrics: metrics.clone() }, Announcer { outbox: Some(outbox), metrics }))
    }

    /// Sends what is announced and tells `heard` what others announce, until `end`.
    pub async fn run(
        self,
        end: CancellationToken,
        heard: impl Fn(Hint) + Send + 'static,
    ) -> anyhow::Result<()> {
        let Some(wire) = &self.wire else {
            end.cancelled().await;
            return Ok(());
        };
        tokio::select! {
            () = end.cancelled() => Ok(()),
            () = wire.peers.keep_resolved() => Ok(()),
            () = self.send(wire) => Ok(()),
            () = self.listen(wire, heard) => Ok(()),
        }
    }

    async fn send(&self, wire: &Wire) {
        loop {
            let hints = wire.outbox.next().await;
            let peers = wire.peers.addresses();
            for hint in &hints {
                for datagram in datagram::encode(hint) {
                    for peer in &peers {
                        match wire.socket.send_to(&datagram, peer).await {
                            Ok(_) => self.metrics.sent.with_label_values(&[hint.kind()]).inc(),
                            // A peer that is gone is what happens in a rollout.
                            Err(error) => debug!(%peer, %error, "failed to send a hint"),
                        }
                    }
                }
            }
            if peers.len() > FEW_PEERS {
                tokio::time::sleep(GAP).await;
            }
        }
    }

    async fn listen(&self, wire: &Wire, heard: impl Fn(Hint)) {
        let mut buffer = [0; 2048];
        loop {
            let hint = match wire.socket.recv_from(&mut buffer).await {
                Ok((length, _)) => buffer.get(..length).and_then(datagram::decode),
                // An earlier datagram was not delivered: Linux reports it here.
                Err(error) => {
                    debug!(%error, "failed to receive a hint");
                    continue;
                }
            };
            match hint {
                Some(hint) => {
                    self.metrics.received.with_label_values(&[hint.kind()]).inc();
                    heard(hint);
                }
                None => self.metrics.garbage.inc(),
            }
        }
    }
}

/// What is counted of hints. Clones share it.
#[derive(Debug, Clone)]
pub struct HintMetrics {
    sent: IntCounterVec,
    received: IntCounterVec,
    dropped: IntCounter,
    garbage: IntCounter,
}

impl HintMetrics {
    /// Metrics in `registry`.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = Maker(registry);
        let kinds = ("kind", &Hint::KINDS[..]);
        Ok(Self {
            sent: make.counters(
                "eventpipeline_hints_sent_total",
                "Hint datagrams sent, counted once a peer.",
                kinds,
            )?,
            received: make.counters(
                "eventpipeline_hints_received_total",
                "Hint datagrams received.",
                kinds,
            )?,
            dropped: make
                .counter("eventpipeline_hints_dropped_total", "Finished events that no hint was sent for.")?,
            garbage: make
                .counter("eventpipeline_hints_garbage_total", "Datagrams received that are no hints.")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::free_udp;
    use tokio::sync::mpsc;

    use super::*;

    fn start(own: SocketAddr, peers: Vec<String>) -> (Announcer, mpsc::UnboundedReceiver<Hint>, Registry) {
        let registry = Registry::new();
        let args = HintArgs { wake_address: own, wake_peers: peers };
        let (hints, announcer) = Hints::bind(&args, HintMetrics::new(&registry).unwrap()).unwrap();
        let (heard, hearing) = mpsc::unbounded_channel();
        tokio::spawn(hints.run(CancellationToken::new(), move |hint| {
            let _ = heard.send(hint);
        }));
        (announcer, hearing, registry)
    }

    #[tokio::test]
    async fn hints_reach_the_peer_and_many_ids_go_in_several_datagrams() {
        let (one, other) = (free_udp(), free_udp());
        let (announcer, _, _) = start(one, vec![other.to_string()]);
        let (_, mut hearing, _) = start(other, vec![one.to_string()]);
        let all: Vec<i64> = (1..=1000).collect();
        // Lost while the peer's name is not resolved yet: a hint is lossy, so that it is given again until it is heard.
        let first = eventpipeline_testkit::eventually(async || {
            announcer.work();
            hearing.try_recv().ok()
        })
        .await;
        assert_eq!(first, Hint::Work);
        announcer.finished(all.clone());
        let mut ids = Vec::new();
        while ids.len() < all.len() {
            match hearing.recv().await.unwrap() {
                Hint::Finished(some) => ids.extend(some),
                Hint::Work => {}
            }
        }
        assert_eq!(ids, all);
    }

    #[tokio::test]
    async fn garbage_is_counted_and_ignored() {
        let own = free_udp();
        let (_, mut hearing, registry) = start(own, vec!["127.0.0.1:9".to_owned()]);
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for garbage in [&b""[..], b"hello", &[0xE1, 1, 9], &[0xE1, 1, 2, 0]] {
            stranger.send_to(garbage, own).await.unwrap();
        }
        stranger.send_to(&datagram::encode(&Hint::Work)[0], own).await.unwrap();
        assert_eq!(hearing.recv().await, Some(Hint::Work));
        let counted = registry
            .gather()
            .iter()
            .find(|family| family.name() == "eventpipeline_hints_garbage_total")
            .map(|family| family.get_metric()[0].get_counter().get_value());
        assert_eq!(counted, Some(4.0));
    }

    #[tokio::test]
    async fn without_peers_nothing_is_bound() {
        let args = HintArgs { wake_address: free_udp(), wake_peers: Vec::new() };
        let (hints, announcer) = Hints::bind(&args, HintMetrics::new(&Registry::new()).unwrap()).unwrap();
        announcer.work();
        announcer.finished([1]);
        assert!(UdpSocket::bind(args.wake_address).await.is_ok());
        let end = CancellationToken::new();
        end.cancel();
        hints.run(end, |_| {}).await.unwrap();
    }
}
