//! Waits for the CustomResourceDefinition. Exiting instead would cause a crash loop.

use std::time::Duration;

use eventpipeline_crds::EventPipeline;
use eventpipeline_service::{Check, error_chain};
use kube::api::ListParams;

use super::Scope;
use crate::api::Cluster;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);

/// Returns once pipelines can be listed. Until then the readiness check reports the reason.
pub(super) async fn wait(cluster: &Cluster, scope: &Scope, check: &Check) {
    let pipelines = scope.api::<EventPipeline>(cluster.client());
    let one = ListParams::default().limit(1);
    let mut pause = FIRST;
    loop {
        let listed = cluster
            .call("list EventPipelines".to_owned(), async { pipelines.list_metadata(&one).await })
            .await;
        match listed {
            Ok(_) => return,
            Err(error) if error.not_found() => {
                check.not_ready("the resource definition eventpipelines.eventpipeline.dev is not installed");
            }
            Err(error) => check.not_ready(error_chain(&error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}
