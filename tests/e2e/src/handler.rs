//! A handler outside of the cluster, in the test's process. It pauses for each event and records the calls.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use axum::{Json, Router, extract::State, routing::post};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::connect;

/// An HTTP server that answers each event after a pause.
pub struct SlowHandler {
    /// The URL for consumers.
    pub url: String,
    calls: Arc<Mutex<BTreeMap<i64, u32>>>,
    server: JoinHandle<std::io::Result<()>>,
}

#[derive(Clone)]
struct Handling {
    pause: Duration,
    calls: Arc<Mutex<BTreeMap<i64, u32>>>,
}

impl SlowHandler {
    /// Listens on an address that pods of the cluster can reach.
    pub async fn start(pause: Duration) -> Result<Self> {
        let listener = TcpListener::bind((this_machine().await?, 0)).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let calls = Arc::default();
        let handling = Handling { pause, calls: Arc::clone(&calls) };
        let router = Router::new().route("/", post(handle)).with_state(handling);
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        Ok(Self { url, calls, server })
    }

    /// Returns the number of calls for each event.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<i64, u32> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for SlowHandler {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn handle(State(handling): State<Handling>, Json(event): Json<Value>) -> Json<Value> {
    let id = event["id"].as_i64().unwrap_or_default();
    *handling.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(0) += 1;
    tokio::time::sleep(handling.pause).await;
    Json(json!({ "valor": format!("feito {id}") }))
}

/// Returns this machine's address towards the cluster's node. Finding it sends no packet.
async fn this_machine() -> Result<IpAddr> {
    let nodes: Api<Node> = Api::all(connect().await?);
    let nodes = nodes.list(&ListParams::default()).await?;
    let mut addresses = nodes.iter().filter_map(|node| node.status.as_ref()?.addresses.as_ref()).flatten();
    let internal = addresses.find(|address| address.type_ == "InternalIP").context("a node's address")?;
    let node: IpAddr = internal.address.parse()?;
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(SocketAddr::new(node, 9))?;
    Ok(socket.local_addr()?.ip())
}
