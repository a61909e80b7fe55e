//! The service: its tasks, and the order in which they end.

mod drain;
mod tasks;

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::http::HeaderValue;
use clap::{ArgAction, Args};
use eventpipeline_database::{Database, DatabaseArgs};
use eventpipeline_service::{
    HttpLimits, Lifecycle, SamplerArgs, Service, ServiceArgs, WakeupArgs, Wakeups, listen,
};
use futures::FutureExt as _;
use futures::future::join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;
use url::Url;

use crate::api::{self, Api, BasePath, Limits, Reach, Requests, StatsBody, Trust};
use crate::instruments::{Instruments, NAME};
use crate::memory::Memory;
use crate::retention::RetentionArgs;
use crate::storage::Storage;
use crate::waiters::Waiters;
use tasks::{Common, Keeping};

/// Arguments of the service.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address of the HTTP API
    #[arg(long, env = "LISTEN_ADDRESS", default_value = "[::]:8080")]
    listen_address: SocketAddr,
    /// Address of a second port for clients that are not trusted with everything: it creates events and reads their
    /// values, and refuses to list, show, change or remove them. Without, there is none; where it is the same as the
    /// first, that one serves no more than this
    #[arg(long, env = "PUBLIC_ADDRESS")]
    public_address: Option<SocketAddr>,
    /// Path below which a proxy serves the API, such as /orders; requests without it are answered as well
    #[arg(long, env = "BASE_PATH", default_value = "/")]
    base_path: BasePath,
    /// What `x-served-by` says, so that a client can see which producer answered
    #[arg(long, env = "POD_NAME", default_value = "local", value_parser = header_value)]
    pod_name: HeaderValue,
    /// The longest payload of an event, in bytes, from 1 to 4194304
    #[arg(long, env = "PAYLOAD_MAX_BYTES", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    payload_max_bytes: u32,
    /// Seconds after which a create-sync that still waits is answered like a create-async; without, it waits as long as
    /// its client
    #[arg(long, env = "MAX_WAIT_SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    max_wait_seconds: Option<u32>,
    /// Where the agent beside the database tells how full its volume is, as `http://HOST:9090/volume`; creations are refused
    /// before it is full. If not set, it is not known
    #[arg(long, env = "VOLUME_URL", value_parser = http_url)]
    volume_url: Option<Url>,
    #[command(flatten)]
    retention: RetentionArgs,
    /// Whether requests are part of the trace that their `traceparent` names; if not, they only link to it. Strangers could
    /// otherwise have each request recorded
    #[arg(long, env = "TRUST_TRACEPARENT", action = ArgAction::Set, default_value_t = true)]
    trust_traceparent: bool,
    #[command(flatten)]
    lines: SamplerArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    wakeups: WakeupArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| "must be printable ASCII, as it is sent in a header".to_owned())
}

fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("must be a URL: {error}"))?;
    if url.scheme() == "http" { Ok(url) } else { Err("must begin with http://".to_owned()) }
}

/// Serves until SIGTERM.
pub(crate) fn run(args: ServeArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve(NAME, &service, async move |service| start(args, service))
}

fn start(args: ServeArgs, service: &mut Service) -> anyhow::Result<()> {
    let ServeArgs {
        listen_address,
        public_address,
        base_path,
        pod_name,
        payload_max_bytes,
        max_wait_seconds,
        volume_url,
        retention,
        trust_traceparent,
        lines,
        database,
        wakeups,
        service: _,
    } = args;
    let ports = ports(listen_address, public_address)?;
    let instruments = Instruments::new(&service.registry)?;
    let database = Database::new(database, instruments.database);
    let metrics = instruments.api;
    let limits =
        Limits { payload_bytes: usize::try_from(payload_max_bytes)?, wait_seconds: max_wait_seconds };
    // Ends after the API has: its last clients still need the tasks that serve them.
    let api_ended = CancellationToken::new();
    let (wakeups, announcer) = Wakeups::bind(&wakeups, instruments.wakeups)?;
    let waiters = Waiters::new(metrics.clone());
    tasks::hear(&mut service.lifecycle, wakeups, waiters.clone());
    let storage = Storage::new(instruments.storage);
    let common = Common { limits, answers: Memory::default(), waiters, announcer, storage, metrics };
    tasks::watch_volume(&mut service.lifecycle, volume_url.clone(), &common.storage)?;
    let keeping = Keeping { rules: retention.rules(), watches: volume_url.is_some() };
    let requests = tasks::spawn(service, &database, instruments.ledger, &common, keeping, &api_ended);
    let Common { limits, answers, waiters, announcer, storage, metrics } = common;
    add_pages(service, &storage, &requests);
    let api = Api {
        requests,
        waiters,
        announcer,
        give_up: drain::end_of_waiting(&mut service.lifecycle, api_ended.clone()),
        limits,
        bodies: Memory::default(),
        answers,
        storage,
        metrics,
        served_by: pod_name,
        tracer: service.tracer.clone(),
        trust: if trust_traceparent { Trust::Everybody } else { Trust::Nobody },
        lines: tasks::tell(&mut service.lifecycle, lines, api_ended.clone()),
    };
    let api = Arc::new(api);
    let router = |port: Port| Ok((api::router(&api, port.reach, &base_path)?, port));
    let ports = ports.into_iter().map(router).collect::<anyhow::Result<Vec<_>>>()?;
    let limits = HttpLimits {
        // Each port has its own share: clients of one take no connection from those of the other.
        connections: service.connections / ports.len().max(1),
        refusals: api::refusals(api.metrics.clone(), api.served_by.clone()),
        ..HttpLimits::default()
    };
    spawn_api(&mut service.lifecycle, ports, limits, api_ended);
    Ok(())
}

/// The figures that the operator asks for.
fn add_pages(service: &Service, storage: &Storage, requests: &Requests) {
    let told = storage.clone();
    service.admin_routes.add("/storage", move || ready(Ok::<_, Infallible>(told.page())));
    // Weak: the surveyor ends when the API has, and the pages do not end before.
    let queue = requests.surveys.queue.downgrade();
    service.admin_routes.add("/queue", move || {
        let queue = queue.clone();
        async move { queue.ask(()).await.map(StatsBody::from) }
    });
}

/// A port that is taken, and what is served there.
struct Port {
    listener: TcpListener,
    reach: Reach,
}

fn ports(listen_address: SocketAddr, public_address: Option<SocketAddr>) -> anyhow::Result<Vec<Port>> {
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

fn spawn_api(
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
            let what = match reach {
                Reach::Everything => "the API",
                Reach::Public => "the public API",
            };
            let connections = limits.connections;
            info!(%address, connections, "{what} listens, for up to {connections} connections");
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
