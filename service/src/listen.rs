//! Dual-stack ports.
//!
//! `[::]` means every address of both families, regardless of `net.ipv6.bindv6only`. On a kernel without IPv6
//! it means every address of IPv4.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

/// Listen backlog. The kernel limits it to `net.core.somaxconn`, 4096 by default, and drops or resets
/// connections beyond it. The usual 128 is too small when all clients of a producer that ended reconnect to
/// another one.
const BACKLOG: u32 = 4096;

/// Listens on a TCP port.
///
/// # Errors
/// If the port is in use or binding is not permitted.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    dual_stack(address, |address| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // After a restart, the port may still have connections that ended a moment ago.
        socket.set_reuseaddr(true)?;
        accept_ipv4(&socket, address)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    })
}

/// Binds a UDP port.
pub(crate) fn listen_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    dual_stack(address, |address| {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
        accept_ipv4(&socket, address)?;
        rustix::net::bind(&socket, &address)?;
        UdpSocket::from_std(socket.into())
    })
}

/// Returns the address in the form in which a socket with the address `own` can send to it; `None` if it
/// cannot.
pub(crate) fn reachable_from(own: SocketAddr, peer: SocketAddr) -> Option<SocketAddr> {
    match (own, peer) {
        (SocketAddr::V6(_), SocketAddr::V4(peer)) => Some((peer.ip().to_ipv6_mapped(), peer.port()).into()),
        (SocketAddr::V4(_), SocketAddr::V6(_)) => None,
        (SocketAddr::V4(_), SocketAddr::V4(_)) | (SocketAddr::V6(_), SocketAddr::V6(_)) => Some(peer),
    }
}

fn accept_ipv4(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() && address.ip().is_unspecified() {
        sockopt::set_ipv6_v6only(socket, false)?;
    }
    Ok(())
}

fn dual_stack<T>(address: SocketAddr, take: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match take(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && has_no_ipv6(&error) => {
            take((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        result => result,
    }
}

fn has_no_ipv6(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    /// Returns the loopback addresses of the machine, which may lack IPv6.
    fn loopbacks(listens_on: SocketAddr) -> Vec<SocketAddr> {
        let port = listens_on.port();
        let mut all = vec![(Ipv4Addr::LOCALHOST, port).into()];
        if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            all.push((Ipv6Addr::LOCALHOST, port).into());
        }
        all
    }

    #[tokio::test]
    async fn a_tcp_port_of_any_address_answers_on_both_families() {
        let listener = listen("[::]:0".parse().unwrap()).unwrap();
        for address in loopbacks(listener.local_addr().unwrap()) {
            let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
            assert_eq!(client.unwrap().local_addr().unwrap().port(), accepted.unwrap().1.port(), "{address}");
        }
    }

    #[tokio::test]
    async fn a_udp_port_of_any_address_receives_from_and_sends_to_both_families() {
        let socket = listen_udp("[::]:0".parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        for address in loopbacks(own) {
            let peer = UdpSocket::bind((address.ip(), 0)).await.unwrap();
            peer.send_to(b"hear", address).await.unwrap();
            let mut buffer = [0; 8];
            assert_eq!(socket.recv_from(&mut buffer).await.unwrap().0, 4, "{address}");
            let to = reachable_from(own, peer.local_addr().unwrap()).unwrap();
            socket.send_to(b"reach", to).await.unwrap();
            assert_eq!(peer.recv_from(&mut buffer).await.unwrap().0, 5, "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_of_one_family_remains_in_that_family() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_eq!(listener.local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
        let own = "0.0.0.0:1".parse().unwrap();
        assert_eq!(reachable_from(own, "[::1]:1".parse().unwrap()), None);
    }

    #[test]
    fn without_ipv6_any_address_means_every_address_of_ipv4() {
        let without = |address: SocketAddr| match address {
            SocketAddr::V4(_) => Ok(address),
            SocketAddr::V6(_) => Err(io::Error::from(Errno::AFNOSUPPORT)),
        };
        let taken = |address: &str| dual_stack(address.parse().unwrap(), without);
        assert_eq!(taken("[::]:8080").unwrap(), "0.0.0.0:8080".parse().unwrap());
        // A specific address is never replaced.
        assert!(taken("[::1]:8080").is_err());
        let in_use = |_| Err::<(), _>(io::Error::from(Errno::ADDRINUSE));
        assert!(dual_stack("[::]:8080".parse().unwrap(), in_use).is_err());
    }
}
