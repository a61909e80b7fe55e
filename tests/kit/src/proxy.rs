//! A TCP proxy between a client and a server that can be slow, stalled or cut.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{error::Error, or_panic};

/// A fault of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// Data is delayed by this time.
    Slow(Duration),
    /// No data arrives, and neither side gets an error.
    Stalled,
    /// Requests arrive, and responses do not.
    Mute,
    /// All connections are closed, including new ones.
    Cut,
}

/// A TCP proxy on 127.0.0.1. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    server: Arc<AtomicU16>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy without a fault to a server on 127.0.0.1, which may start later.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::io("bind a proxy"));
        let listener = or_panic("a proxy", listener);
        let address =
            or_panic("a proxy", listener.local_addr().map_err(Error::io("read the port of a proxy")));
        let (fault, faults) = watch::channel(Fault::None);
        let mut tasks = JoinSet::new();
        let server = Arc::new(AtomicU16::new(server));
        tasks.spawn(accept(listener, Arc::clone(&server), faults));
        Self { address, fault, server, _tasks: tasks }
    }

    /// Returns the port for clients.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Forwards new connections to another server on 127.0.0.1. Existing ones stay, as with a DNS name or a Service that moves.
    pub fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::Relaxed);
    }

    /// Sets the fault for all connections.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

async fn accept(listener: TcpListener, server: Arc<AtomicU16>, faults: watch::Receiver<Fault>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(connect(client, server.load(Ordering::Relaxed), faults.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards both directions of a connection until one ends or the network is cut.
async fn connect(client: TcpStream, server: u16, mut faults: watch::Receiver<Fault>) {
    if *faults.borrow() == Fault::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (up, down) = (faults.clone(), faults.clone());
    // Dropping the streams closes them.
    tokio::select! {
        _ = forward(from_client, to_server, up, &[Fault::Stalled]) => {}
        _ = forward(from_server, to_client, down, &[Fault::Stalled, Fault::Mute]) => {}
        _ = faults.wait_for(|fault| *fault == Fault::Cut) => {}
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut faults: watch::Receiver<Fault>,
    stops: &[Fault],
) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        let fault = *faults.borrow();
        if let Fault::Slow(delay) = fault {
            tokio::time::sleep(delay).await;
        }
        // The sender exists as long as the proxy.
        let fault = faults.wait_for(|fault| !stops.contains(fault)).await;
        if fault.is_ok_and(|fault| *fault == Fault::Cut) {
            return Ok(());
        }
        to.write_all(piece.get(..length).unwrap_or_default()).await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        port
    }

    async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
        stream.write_all(b"x").await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn a_network_stalls_recovers_and_is_cut() {
        let proxy = Proxy::start(echo().await).await;
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), b'x');

        proxy.set(Fault::Stalled);
        stream.write_all(b"y").await.unwrap();
        assert!(timeout(Duration::from_millis(50), stream.read_u8()).await.is_err());
        proxy.set(Fault::Slow(Duration::from_millis(1)));
        assert_eq!(stream.read_u8().await.unwrap(), b'y');

        proxy.set(Fault::Cut);
        assert!(stream.read_u8().await.is_err());
        let mut refused = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert!(ask(&mut refused).await.is_err());
        proxy.set(Fault::None);
        let mut again = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert_eq!(ask(&mut again).await.unwrap(), b'x');
    }
}
