//! Round-robin over the addresses of a name: each new connection goes to the next one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves names like the system, and starts with another address each time.
#[derive(Debug, Default)]
pub(super) struct RoundRobin(AtomicUsize);

impl Resolve for RoundRobin {
    fn resolve(&self, name: Name) -> Resolving {
        let turn = self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses: Addrs = Box::new(turned(addresses, turn).into_iter());
            Ok(addresses)
        })
    }
}

/// Rotates the addresses of each family. The family that the system prefers remains first.
fn turned(mut addresses: Vec<SocketAddr>, turn: usize) -> Vec<SocketAddr> {
    addresses.dedup();
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    addresses.sort_by_key(|address| address.is_ipv6() != prefers_v6);
    let preferred = addresses.partition_point(|address| address.is_ipv6() == prefers_v6);
    let (first, second) = addresses.split_at_mut(preferred);
    for family in [first, second] {
        let start = turn.checked_rem(family.len()).unwrap_or_default();
        family.rotate_left(start);
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn each_address_has_its_turn_and_the_preferred_family_remains_first() {
        let known = addresses(&["::1", "::2", "10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        assert_eq!(turned(known.clone(), 0), known);
        assert_eq!(turned(known.clone(), 1), addresses(&["::2", "::1", "10.0.0.2", "10.0.0.3", "10.0.0.1"]));
        let mut begun: Vec<_> = (7..10).map(|turn| turned(known[2..].to_vec(), turn)[0]).collect();
        begun.sort();
        assert_eq!(begun, known[2..]);
        assert_eq!(turned(Vec::new(), 3), []);
    }

    #[tokio::test]
    async fn a_name_is_resolved() {
        let resolver = RoundRobin::default();
        let found = resolver.resolve("localhost".parse().unwrap()).await.unwrap();
        assert!(found.into_iter().all(|address| address.ip().is_loopback()));
    }
}
