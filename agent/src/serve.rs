//! The service: one task that measures, and the internal port that tells.

use std::future::ready;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use eventpipeline_service::ServiceArgs;

use crate::instruments::NAME;
use crate::metrics::Metrics;
use crate::watch::{Last, Watch};

/// Arguments of the service.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The database's data directory, at the root of its volume or below
    #[arg(long, env = "DATA_FOLDER", default_value = "/var/lib/mysql")]
    data_folder: PathBuf,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Serves until SIGTERM.
pub(crate) fn run(ServeArgs { data_folder, service }: ServeArgs) -> ExitCode {
    eventpipeline_service::serve(NAME, &service, async move |service| {
        let last = Last::default();
        let told = last.clone();
        service.pages.add("/volume", move || ready(told.volume()));
        let watch = Watch {
            folder: data_folder,
            last,
            metrics: Metrics::new(&service.registry)?,
            check: service.readiness.check("volume"),
        };
        let draining = service.lifecycle.draining();
        service.lifecycle.spawn("volume", watch.run(draining));
        Ok(())
    })
}
