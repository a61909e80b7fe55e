//! Ports for programs that are told where to listen.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::atomic::{AtomicU8, Ordering},
};

use tokio::net::TcpSocket;

use crate::{error::Error, or_panic};

/// A port of 127.0.0.1 for a program that comes and goes. While this lives, Linux gives it to nobody who asks for any port.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Bound and not listening, both with `SO_REUSEADDR`: so the program can have the port beside it, as servers ask for it.
    _bound: TcpSocket,
}

impl Port {
    /// One that nobody has.
    ///
    /// # Panics
    /// When there is none.
    pub fn take() -> Self {
        let bind = || {
            let bound = TcpSocket::new_v4()?;
            bound.set_reuseaddr(true)?;
            bound.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(Self { number: bound.local_addr()?.port(), _bound: bound })
        };
        or_panic("a program's port", bind().map_err(Error::io("take a port")))
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Where the program listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}

/// A UDP address to be bound next. Nobody takes it meanwhile: each is on a loopback host of its own.
///
/// # Panics
/// When there is none.
pub fn free_udp() -> SocketAddr {
    static HOST: AtomicU8 = AtomicU8::new(2);
    let host = Ipv4Addr::new(127, 0, 0, HOST.fetch_add(1, Ordering::Relaxed));
    let address = UdpSocket::bind((host, 0)).and_then(|socket| socket.local_addr());
    or_panic("a program's port", address.map_err(Error::io("find a free port")))
}

/// Ports that were free a moment ago. Somebody else may take one before the server does: who uses them tries again.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::io("find a free port"))?;
        *port = listener.local_addr().map_err(Error::io("read the port of a socket"))?.port();
        // Held until all are known, so that they differ.
        listeners.push(listener);
    }
    Ok(ports)
}
