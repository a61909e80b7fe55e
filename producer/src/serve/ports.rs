//! The ports of the HTTP API.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use eventpipeline_service::{HttpLimits, Lifecycle, listen};
use futures::FutureExt as _;
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::drain;
use crate::http::Reach;

/// A listener, and the operations that it serves.
pub(super) struct Port {
    pub(super) listener: TcpListener,
    pub(super) reach: Reach,
}

/// Listens on one or both addresses.
pub(super) fn open(
    listen_address: SocketAddr,
    public_address: Option<SocketAddr>,
) -> anyhow::Result<Vec<Port>> {
    let take = |variable: &str, address: SocketAddr, reach: Reach| {
        let listener = listen(address)
            .with_context(|| format!("failed to listen on {variable} {address}: is the port in use?"))?;
        anyhow::Ok(Port { listener, reach })
    };
    let reach = if public_address == Some(listen_address) { Reach::Public } else { Reach::Everything };
    let mut ports = vec![take("LISTEN_ADDRESS", listen_address, reach)?];
    if let Some(address) = public_address.filter(|address| *address != listen_address) {
        ports.push(take("PUBLIC_ADDRESS", address, Reach::Public)?);
    }
    Ok(ports)
}

/// Serves the ports until the drain, and then cancels `api_ended`.
pub(super) fn serve(
    lifecycle: &mut Lifecycle,
    ports: Vec<(Router, Port)>,
    limits: HttpLimits,
    api_ended: CancellationToken,
) {
    let accepting = drain::end_of_accepting(lifecycle).shared();
    lifecycle.spawn("api", async move {
        let mut served = Vec::new();
        for (router, Port { listener, reach }) in ports {
            let address = listener.local_addr()?;
            let api = match reach {
                Reach::Everything => "the API",
                Reach::Public => "the public API",
            };
            let connections = limits.connections;
            info!(%address, connections, "{api} listens, for at most {connections} connections");
            served.push(eventpipeline_service::serve_http(
                listener,
                router,
                limits.clone(),
                accepting.clone(),
            ));
        }
        join_all(served).await;
        api_ended.cancel();
        Ok(())
    });
}
