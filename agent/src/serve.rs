//! The service: one task that measures, and the admin port that reports.

use std::future::ready;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use eventpipeline_service::ServiceArgs;

use crate::metrics::{Metrics, NAME};
use crate::watch::{Last, Watch};

/// Arguments of the service.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Data directory of the database, at or below the root of its volume
    #[arg(long, env = "DATA_FOLDER", default_value = "/var/lib/mysql")]
    data_folder: PathBuf,
    #[command(flatten)]
    service: ServiceArgs,
}

/// Serves until SIGTERM.
pub(crate) fn run(ServeArgs { data_folder, service }: ServeArgs) -> ExitCode {
    eventpipeline_service::serve(NAME, &service, async move |service| {
        let last = Last::default();
        let reported = last.clone();
        service.admin_routes.add("/volume", move || ready(reported.volume()));
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
