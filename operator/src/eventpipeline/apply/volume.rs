//! Lets the database's volume grow. It needs no running database, and never shrinks what is larger.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::json;
use tracing::info;

use super::super::dereference::Existing;
use super::super::resources::{Claim, Growth};
use super::super::validate::Size;
use super::failures::Why;
use super::writer::Writer;
use crate::api::{Cluster, Verdict};
use crate::cache::Kind as _;

/// The claim, grown if that is to be. A growth that is refused keeps nothing else from being applied.
pub(super) async fn grow(
    cluster: &Cluster,
    existing: &Existing,
    writer: &mut Writer<'_>,
    claim: Claim,
) -> Claim {
    let key = (PersistentVolumeClaim::NAME, claim.name.clone());
    let Some(record) = existing.objects.get(&key) else { return claim };
    let Some(there) = record.snapshot::<PersistentVolumeClaim>() else { return claim };
    let asked = there.spec.and_then(|spec| spec.resources).and_then(|resources| resources.requests);
    let has = there.status.and_then(|status| status.capacity);
    let storage = |amounts: Option<std::collections::BTreeMap<String, Quantity>>| amounts?.remove("storage");
    let growth = if is_less(storage(asked).as_ref(), &claim.size) {
        ask(cluster, existing, writer, &claim, record.uid()).await
    } else if is_less(storage(has).as_ref(), &claim.size) {
        Growth::UnderWay
    } else {
        Growth::Done
    };
    Claim { growth, ..claim }
}

fn is_less(amount: Option<&Quantity>, size: &Size) -> bool {
    amount.is_some_and(|amount| size.is_more_than(&amount.0) == Some(true))
}

async fn ask(
    cluster: &Cluster,
    existing: &Existing,
    writer: &mut Writer<'_>,
    claim: &Claim,
    uid: &str,
) -> Growth {
    let Claim { name, size, growth: _ } = claim;
    let patch = json!({"spec": {"resources": {"requests": {"storage": size.to_string()}}}});
    let namespace = &existing.key.namespace;
    match cluster.merge::<PersistentVolumeClaim>(namespace, (name, uid), patch).await {
        Ok(()) => {
            info!(name, "the volume of PersistentVolumeClaim {name} grows to {size}");
            Growth::UnderWay
        }
        Err(error) => match error.status() {
            Some(status) if error.verdict() == Verdict::Refused => Growth::Refused(status.message.clone()),
            _ => {
                writer.failed(&(PersistentVolumeClaim::NAME, name.clone()), None, Why::Call(error));
                Growth::UnderWay
            }
        },
    }
}
