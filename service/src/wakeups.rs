//! Wake-ups between processes: "there is work", "these events are finished". They shorten waits; nothing
//! depends on them.
//!
//! A wake-up is a UDP datagram to every peer, sent after a commit. A wake-up that is lost, late, duplicated
//! or forged costs one look at the database, which is the source of truth. Hence there is no connection to
//! keep, nothing to authenticate and nothing to retry, and no value is ever sent.

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

use crate::MetricFactory;
use crate::listen::listen_udp;
use outbox::Outbox;
use peers::Peers;

/// Arguments of the wake-up socket.
#[derive(Debug, Clone, Args)]
pub struct WakeupArgs {
    /// UDP address that receives wake-ups
    #[arg(long, env = "WAKE_ADDRESS", default_value = "[::]:9091")]
    pub wake_address: SocketAddr,
    /// Peers that receive wake-ups from this process: `host:port`, separated by commas. A name means all its
    /// addresses. Without peers no wake-ups are sent or received, and every wait takes a little longer
    #[arg(long, env = "WAKE_PEERS", value_delimiter = ',', value_parser = peers::peer)]
    pub wake_peers: Vec<String>,
}

/// The content of a wake-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakeup {
    /// Events can be claimed.
    Work,
    /// These events are done or dead.
    Finished(Vec<i64>),
}

impl Wakeup {
    const KINDS: [&'static str; 2] = ["work", "finished"];

    fn kind(&self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Finished(_) => "finished",
        }
    }
}

/// Up to this many peers receive each wake-up at once: there is at most one wake-up per commit.
const FEW_PEERS: usize = 16;
/// Pause between wake-ups to more peers than that. Whatever is announced meanwhile is sent together.
const GAP: Duration = Duration::from_millis(1);

/// Receives the wake-ups of other processes and sends those of this one; see [`Announcer`].
#[derive(Debug)]
pub struct Wakeups {
    /// `None` if wake-ups are disabled.
    wire: Option<Wire>,
    metrics: WakeupMetrics,
}

#[derive(Debug)]
struct Wire {
    socket: UdpSocket,
    peers: Peers,
    outbox: Arc<Outbox>,
}

/// Announces wake-ups. It never waits: wake-ups that cannot be sent soon are dropped.
#[derive(Debug, Clone)]
pub struct Announcer {
    outbox: Option<Arc<Outbox>>,
    metrics: WakeupMetrics,
}

impl Announcer {
    /// Announces that events can be claimed.
    pub fn work(&self) {
        if let Some(outbox) = &self.outbox {
            outbox.work();
        }
    }

    /// Announces that these events are done or dead.
    pub fn finished(&self, ids: impl IntoIterator<Item = i64>) {
        if let Some(outbox) = &self.outbox {
            let dropped = outbox.finished(ids);
            self.metrics.dropped.inc_by(dropped);
        }
    }
}

impl Wakeups {
    /// Binds the socket, so that a port in use is an error at startup. Binds nothing if wake-ups are
    /// disabled.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub fn bind(args: &WakeupArgs, metrics: WakeupMetrics) -> anyhow::Result<(Self, Announcer)> {
        if args.wake_peers.is_empty() {
            return Ok((Self { wire: None, metrics: metrics.clone() }, Announcer { outbox: None, metrics }));
        }
        let address = args.wake_address;
        let socket = listen_udp(address)
            .with_context(|| format!("failed to bind WAKE_ADDRESS {address}: is the port in use?"))?;
        info!(address = %socket.local_addr()?, peers = args.wake_peers.join(","), "receiving wake-ups");
        let outbox = Arc::new(Outbox::default());
        let peers = Peers::new(args.wake_peers.clone(), socket.local_addr()?);
        let wire = Wire { socket, peers, outbox: Arc::clone(&outbox) };
        Ok((Self { wire: Some(wire), metrics: metrics.clone() }, Announcer { outbox: Some(outbox), metrics }))
    }

    /// Sends what is announced and passes the wake-ups of other processes to `received`, until `end`.
    pub async fn run(
        self,
        end: CancellationToken,
        received: impl Fn(Wakeup) + Send + 'static,
    ) -> anyhow::Result<()> {
        let Some(wire) = &self.wire else {
            end.cancelled().await;
            return Ok(());
        };
        tokio::select! {
            () = end.cancelled() => Ok(()),
            () = wire.peers.keep_resolved() => Ok(()),
            () = self.send(wire) => Ok(()),
            () = self.listen(wire, received) => Ok(()),
        }
    }

    async fn send(&self, wire: &Wire) {
        loop {
            let wakeups = wire.outbox.next().await;
            let peers = wire.peers.addresses();
            for wakeup in &wakeups {
                for datagram in datagram::encode(wakeup) {
                    for peer in &peers {
                        match wire.socket.send_to(&datagram, peer).await {
                            Ok(_) => self.metrics.sent.with_label_values(&[wakeup.kind()]).inc(),
                            // Peers vanish in every rollout.
                            Err(error) => debug!(%peer, %error, "failed to send a wake-up"),
                        }
                    }
                }
            }
            if peers.len() > FEW_PEERS {
                tokio::time::sleep(GAP).await;
            }
        }
    }

    async fn listen(&self, wire: &Wire, received: impl Fn(Wakeup)) {
        let mut buffer = [0; 2048];
        loop {
            let wakeup = match wire.socket.recv_from(&mut buffer).await {
                Ok((length, _)) => buffer.get(..length).and_then(datagram::decode),
                // Linux reports here that an earlier datagram was not delivered.
                Err(error) => {
                    debug!(%error, "failed to receive a wake-up");
                    continue;
                }
            };
            match wakeup {
                Some(wakeup) => {
                    self.metrics.received.with_label_values(&[wakeup.kind()]).inc();
                    received(wakeup);
                }
                None => self.metrics.malformed.inc(),
            }
        }
    }
}

/// Metrics of wake-ups. Clones share them.
#[derive(Debug, Clone)]
pub struct WakeupMetrics {
    sent: IntCounterVec,
    received: IntCounterVec,
    dropped: IntCounter,
    malformed: IntCounter,
}

impl WakeupMetrics {
    /// Registers the metrics in `registry`.
    ///
    /// # Errors
    /// If a name is already registered.
    pub fn new(registry: &Registry) -> anyhow::Result<Self> {
        let make = MetricFactory(registry);
        let kinds = ("kind", &Wakeup::KINDS[..]);
        Ok(Self {
            sent: make.counters(
                "eventpipeline_wakeups_sent_total",
                "Wake-up datagrams sent, counted once per peer.",
                kinds,
            )?,
            received: make.counters(
                "eventpipeline_wakeups_received_total",
                "Wake-up datagrams received.",
                kinds,
            )?,
            dropped: make.counter(
                "eventpipeline_wakeups_dropped_total",
                "Finished events for which no wake-up was sent.",
            )?,
            malformed: make.counter(
                "eventpipeline_wakeups_malformed_total",
                "Datagrams received that are not wake-ups.",
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use eventpipeline_testkit::free_udp;
    use tokio::sync::mpsc;

    use super::*;

    fn start(own: SocketAddr, peers: Vec<String>) -> (Announcer, mpsc::UnboundedReceiver<Wakeup>, Registry) {
        let registry = Registry::new();
        let args = WakeupArgs { wake_address: own, wake_peers: peers };
        let (wakeups, announcer) = Wakeups::bind(&args, WakeupMetrics::new(&registry).unwrap()).unwrap();
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(wakeups.run(CancellationToken::new(), move |wakeup| {
            let _ = sender.send(wakeup);
        }));
        (announcer, receiver, registry)
    }

    #[tokio::test]
    async fn wakeups_reach_the_peer_and_many_ids_are_split_into_datagrams() {
        let (one, other) = (free_udp(), free_udp());
        let (announcer, _, _) = start(one, vec![other.to_string()]);
        let (_, mut receiver, _) = start(other, vec![one.to_string()]);
        let all: Vec<i64> = (1..=1000).collect();
        // Wake-ups are lost until the peer's name is resolved, so it is announced until one arrives.
        let first = eventpipeline_testkit::eventually(async || {
            announcer.work();
            receiver.try_recv().ok()
        })
        .await;
        assert_eq!(first, Wakeup::Work);
        announcer.finished(all.clone());
        let mut ids = Vec::new();
        while ids.len() < all.len() {
            match receiver.recv().await.unwrap() {
                Wakeup::Finished(some) => ids.extend(some),
                Wakeup::Work => {}
            }
        }
        assert_eq!(ids, all);
    }

    #[tokio::test]
    async fn malformed_datagrams_are_counted_and_ignored() {
        let own = free_udp();
        let (_, mut receiver, registry) = start(own, vec!["127.0.0.1:9".to_owned()]);
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        for malformed in [&b""[..], b"hello", &[0xE1, 1, 9], &[0xE1, 1, 2, 0]] {
            stranger.send_to(malformed, own).await.unwrap();
        }
        stranger.send_to(&datagram::encode(&Wakeup::Work)[0], own).await.unwrap();
        assert_eq!(receiver.recv().await, Some(Wakeup::Work));
        let counted = registry
            .gather()
            .iter()
            .find(|family| family.name() == "eventpipeline_wakeups_malformed_total")
            .map(|family| family.get_metric()[0].get_counter().get_value());
        assert_eq!(counted, Some(4.0));
    }

    #[tokio::test]
    async fn without_peers_nothing_is_bound() {
        let args = WakeupArgs { wake_address: free_udp(), wake_peers: Vec::new() };
        let (wakeups, announcer) =
            Wakeups::bind(&args, WakeupMetrics::new(&Registry::new()).unwrap()).unwrap();
        announcer.work();
        announcer.finished([1]);
        assert!(UdpSocket::bind(args.wake_address).await.is_ok());
        let end = CancellationToken::new();
        end.cancel();
        wakeups.run(end, |_| {}).await.unwrap();
    }
}
