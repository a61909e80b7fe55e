//! The operator as a process: its client, tasks and readiness.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_service::Service;
use kube::Config;
use kube::client::ClientBuilder;

use crate::api::{Cluster, Term};
use crate::cli::RunArgs;
use crate::controller::{self, Context};
use crate::eventpipeline::Rollouts;
use crate::leadership::{Custodian, Election};
use crate::metrics::{Metrics, NAME};

/// Read timeout of connections to the API server: longer than a watch may be silent, so that it only ends
/// connections that a network failure cut silently.
const READ_TIMEOUT: Duration = Duration::from_secs(295);

/// Runs until SIGTERM.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let service = args.service.clone();
    eventpipeline_service::serve(NAME, &service, async move |service| start(args, service).await)
}

async fn start(args: RunArgs, service: &mut Service) -> anyhow::Result<()> {
    let RunArgs {
        image,
        user_ids,
        watch_namespaces,
        pod_name,
        observe_seconds,
        max_rollouts,
        election,
        service: _,
    } = args;
    let every = Duration::from_secs(observe_seconds.into());
    let Metrics { client: client_metrics, leads, controller: metrics } = Metrics::new(&service.registry)?;
    let mut config = Config::infer()
        .await
        .context("failed to find the API server: neither KUBECONFIG nor a service account is available")?;
    config.read_timeout = Some(READ_TIMEOUT);
    let client = ClientBuilder::try_from(config)
        .context("failed to create the client of the API server")?
        .with_layer(&client_metrics)
        .build();
    let custodian = Custodian::new(client.clone(), election.lease());
    let election = Election::new(client.clone(), election, &pod_name, &leads)?;
    let term = election.as_ref().map_or_else(Term::without_end, Election::term);
    let (rollouts, turns) = Rollouts::new(max_rollouts);
    let cluster = Cluster::new(client, term);
    let context = Arc::new(Context::new(cluster, custodian, rollouts, (image, user_ids), pod_name, metrics));
    let check = service.readiness.check("pipelines");
    let draining = service.lifecycle.draining();
    let work = controller::run(context, watch_namespaces, every, turns, (check.clone(), draining.clone()));
    match election {
        Some(election) => service.lifecycle.spawn("controller", election.lead(work, check, draining)),
        None => service.lifecycle.spawn("controller", work),
    }
    Ok(())
}
