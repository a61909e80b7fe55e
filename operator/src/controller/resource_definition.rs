//! Waits for the CustomResourceDefinition. Exiting instead would cause a crash loop.

use std::time::Duration;

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::{Check, error_chain};
use kube::Api;
use kube::api::ListParams;

use super::Scope;
use crate::api::{Cluster, Error};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);

/// Returns once pipelines can be listed in a namespace. Until then the readiness check reports the reason. The
/// watches report the other namespaces.
pub(super) async fn wait(cluster: &Cluster, scope: &Scope, check: &Check) {
    let apis = scope.apis::<EventPipeline>(&cluster.client());
    let mut pause = FIRST;
    loop {
        for pipelines in &apis {
            match list_one(cluster, pipelines).await {
                Ok(()) => return,
                Err(error) if error.not_found() => {
                    check.not_ready(
                        "the resource definition eventpipelines.eventpipeline.dev is not installed",
                    );
                }
                Err(error) => check.not_ready(error_chain(&error)),
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

async fn list_one(cluster: &Cluster, pipelines: &Api<EventPipeline>) -> Result<(), Error> {
    let one = ListParams::default().limit(1);
    let listed = async { pipelines.list_metadata(&one).await.map(drop) };
    cluster.call("list EventPipelines".to_owned(), listed).await
}
