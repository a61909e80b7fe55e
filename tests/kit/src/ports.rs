//! Listen addresses for programs.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU8, Ordering},
};

use tokio::net::TcpSocket;

use crate::{error::Error, or_panic};

/// A port of 127.0.0.1 for a program that restarts. While this exists, Linux assigns the port to no other process.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Bound and not listening, with `SO_REUSEADDR`: a program can bind the same port, because servers set the option too.
    _bound: TcpSocket,
}

impl Port {
    /// Takes a free port.
    ///
    /// # Panics
    /// If no port is free.
    pub fn take() -> Self {
        let bind = || {
            let bound = TcpSocket::new_v4()?;
            bound.set_reuseaddr(true)?;
            bound.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(Self { number: bound.local_addr()?.port(), _bound: bound })
        };
        or_panic("a program's port", bind().map_err(Error::io("take a port")))
    }

    /// Returns its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Returns the address for the program.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}

/// Returns a free UDP address. It stays free until the program binds it, because each has its own loopback host.
///
/// # Panics
/// If no address is free.
pub fn free_udp() -> SocketAddr {
    static HOST: AtomicU8 = AtomicU8::new(2);
    let host = Ipv4Addr::new(127, 0, 0, HOST.fetch_add(1, Ordering::Relaxed));
    let address = UdpSocket::bind((host, 0)).and_then(|socket| socket.local_addr());
    or_panic("a program's port", address.map_err(Error::io("find a free port")))
}

/// Returns ports that were free a moment ago. Another process may take one first, so callers must retry.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::io("find a free port"))?;
        *port = listener.local_addr().map_err(Error::io("read the port of a socket"))?.port();
        // All stay bound until the last is known, so that they differ.
        listeners.push(listener);
    }
    Ok(ports)
}
