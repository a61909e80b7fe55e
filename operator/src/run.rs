//! The operator as a process: its client, its tasks, its readiness.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_service::Service;
use kube::Config;
use kube::client::ClientBuilder;

use crate::api::Cluster;
use crate::cli::RunArgs;
use crate::controller::{self, Context, Scope};
use crate::eventpipeline::Rollouts;
use crate::instruments::{Instruments, NAME};
use crate::leadership::{Custodian, Election, Term};

/// How long a connection may bring nothing while something is waited for: longer than a watch is quiet, and not for as long
/// as a network is cut that tells nobody.
const SILENCE: Duration = Duration::from_secs(295);

/// Runs until SIGTERM.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve(NAME, &service, async move |service| start(args, service).await)
}

async fn start(args: RunArgs, service: &mut Service) -> anyhow::Result<()> {
    let RunArgs { image, watch_namespace, pod_name, observe_seconds, max_rollouts, election, service: _ } =
        args;
    let every = Duration::from_secs(observe_seconds.into());
    let Instruments { requests, leads, controller: metrics } = Instruments::new(&service.registry)?;
    let mut config = Config::infer().await.context(
        "failed to find the API server: neither KUBECONFIG nor a service account tells where it is",
    )?;
    config.read_timeout = Some(SILENCE);
    let client = ClientBuilder::try_from(config)
        .context("failed to set up the client of the API server")?
        .with_layer(&requests)
        .build();
    let scope = Scope::new(watch_namespace);
    let custodian = Custodian::new(client.clone(), election.lease());
    let election = Election::new(client.clone(), election, &pod_name, &leads)?;
    let term = election.as_ref().map_or_else(Term::without_end, Election::term);
    let (rollouts, turns) = Rollouts::new(max_rollouts);
    let cluster = Cluster::new(client, term);
    let context = Arc::new(Context::new(cluster, custodian, rollouts, image, pod_name, metrics));
    let check = service.readiness.check("pipelines");
    let draining = service.lifecycle.draining();
    let work = controller::run(context, scope, every, turns, (check.clone(), draining.clone()));
    match election {
        Some(election) => service.lifecycle.spawn("controller", election.lead(work, check, draining)),
        None => service.lifecycle.spawn("controller", work),
    }
    Ok(())
}
