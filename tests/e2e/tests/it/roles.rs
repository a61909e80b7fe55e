//! The cluster's default roles include pipelines.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use eventpipeline_e2e::{connect, until};
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::Api;

#[tokio::test]
async fn viewers_see_pipelines_and_editors_change_them() -> Result<()> {
    let cluster_roles: Api<ClusterRole> = Api::all(connect().await?);
    for (role, may_delete) in [("view", false), ("edit", true), ("admin", true)] {
        let verbs = until(role, Duration::from_secs(30), async || {
            let rules = cluster_roles.get(role).await?.rules.unwrap_or_default();
            let ours = rules
                .into_iter()
                .filter(|rule| rule.resources.iter().flatten().any(|it| it == "eventpipelines"));
            let verbs: BTreeSet<String> = ours.flat_map(|rule| rule.verbs).collect();
            Ok(verbs.contains("watch").then_some(verbs))
        })
        .await?;
        assert_eq!(verbs.contains("delete"), may_delete, "{role}: {verbs:?}");
    }
    Ok(())
}
