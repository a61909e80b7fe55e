//! Creates Secrets. An existing Secret is in use, so it is never changed or read.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use tracing::info;

use super::super::super::resources::NewSecret;
use super::super::credentials;
use super::super::failures::Why;
use super::{Writer, component};
use crate::cache::Kind as _;

impl Writer<'_> {
    /// Creates the Secret unless it exists.
    ///
    /// Secrets are not watched, so a deletion goes unnoticed. While all pods are ready none of them lacks a
    /// Secret; otherwise the Secret is created again.
    pub(in super::super) async fn create(&mut self, secret: &NewSecret) {
        let name = secret.object.name_any();
        let known = self.last_applied.knows_secret(&self.existing.key, &name);
        if self.unavailable.is_some() || known && self.pods_are_ready() {
            return;
        }
        let key = (<Secret as k8s_openapi::Resource>::KIND, name);
        match self.created(secret).await {
            Ok(true) => info!(secret = key.1, "created Secret {}", key.1),
            Ok(false) => {}
            Err(why) => {
                let component = component(&secret.object);
                self.failed(&key, component.clone(), why);
                if !known {
                    self.missing.push((key, component));
                }
                return;
            }
        }
        self.last_applied.secret_exists(&self.existing.key, key.1);
    }

    async fn created(&self, secret: &NewSecret) -> Result<bool, Why> {
        let data = credentials::generate(&secret.content, Timestamp::now()).map_err(Why::Credentials)?;
        let secret = Secret { data: Some(data), ..secret.object.clone() };
        self.cluster.create(&secret).await.map_err(Why::Call)
    }

    fn pods_are_ready(&self) -> bool {
        self.existing.objects.iter().all(|((kind, _), record)| {
            if *kind == StatefulSet::NAME {
                let status = record.snapshot::<StatefulSet>().and_then(|stateful_set| stateful_set.status);
                status.is_some_and(|status| status.ready_replicas.unwrap_or_default() >= 1)
            } else if *kind == Deployment::NAME {
                let status = record.snapshot::<Deployment>().and_then(|deployment| deployment.status);
                status.is_some_and(|status| status.unavailable_replicas.unwrap_or_default() == 0)
            } else {
                true
            }
        })
    }
}
