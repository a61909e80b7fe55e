//! The addresses of the peers' names, which change as pods come and go.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tracing::info;

use crate::listen::reachable_from;

/// Time between resolutions of the names.
const PERIOD: Duration = Duration::from_secs(5);

/// Parses `host:port`.
pub(super) fn peer(text: &str) -> Result<String, String> {
    let port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    match text.rsplit_once(':') {
        Some((host, number)) if !host.is_empty() && port(number) => Ok(text.to_owned()),
        _ => Err("must be host:port".to_owned()),
    }
}

#[derive(Debug)]
pub(super) struct Peers {
    names: Vec<String>,
    /// Address of the socket that sends to them.
    own: SocketAddr,
    addresses: RwLock<Vec<SocketAddr>>,
}

impl Peers {
    pub(super) fn new(names: Vec<String>, own: SocketAddr) -> Self {
        Self { names, own, addresses: RwLock::default() }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Resolves the names periodically. A name that cannot be resolved has no addresses until the next time.
    pub(super) async fn keep_resolved(&self) {
        let mut failed = BTreeSet::new();
        loop {
            let mut found = BTreeSet::new();
            for name in &self.names {
                match tokio::net::lookup_host(name.as_str()).await {
                    Ok(addresses) => {
                        found.extend(addresses.filter_map(|peer| reachable_from(self.own, peer)));
                        failed.remove(name);
                    }
                    // Log only the first failure: the pods of a new pipeline may not exist yet.
                    Err(error) if failed.insert(name) => {
                        info!(peer = name, %error, "failed to resolve WAKE_PEERS: {name} gets no wake-ups until it is resolved");
                    }
                    Err(_) => {}
                }
            }
            self.replace(found.into_iter().collect());
            tokio::time::sleep(PERIOD).await;
        }
    }

    fn replace(&self, found: Vec<SocketAddr>) {
        let mut addresses = self.addresses.write().unwrap_or_else(PoisonError::into_inner);
        if *addresses != found {
            info!(peers = found.len(), "sending wake-ups to {} peers", found.len());
            *addresses = found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        for right in ["demo-wakeups.events.svc:9091", "127.0.0.1:1", "[::1]:9091"] {
            assert_eq!(peer(right), Ok(right.to_owned()));
        }
        for wrong in ["", "host", ":9091", "host:", "host:0", "host:65536", "host:http"] {
            assert!(peer(wrong).is_err(), "{wrong:?}");
        }
    }
}
