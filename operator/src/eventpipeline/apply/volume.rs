//! Expands the database's volume. This works without a running database. A larger volume is never shrunk.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::json;
use tracing::info;

use super::super::resources::{DataVolume, Expansion};
use super::super::validate::Size;
use super::failures::Why;
use super::writer::Writer;
use crate::api::Verdict;
use crate::cache::Kind as _;

/// Checks the claim's owner, and expands the volume if the spec asks for more than the claim requests.
///
/// A refused expansion holds up no other object.
pub(super) async fn reconcile(writer: &mut Writer<'_>, volume: &mut DataVolume) {
    writer.check_claim(&volume.claim).await;
    volume.expansion = expansion(writer, volume).await;
}

async fn expansion(writer: &mut Writer<'_>, volume: &DataVolume) -> Expansion {
    let key = (PersistentVolumeClaim::NAME, volume.claim.clone());
    let Some(record) = writer.existing().objects.get(&key) else { return Expansion::Done };
    let Some(claim) = record.snapshot::<PersistentVolumeClaim>() else { return Expansion::Done };
    let requests = claim.spec.and_then(|spec| spec.resources).and_then(|resources| resources.requests);
    let capacity = claim.status.and_then(|status| status.capacity);
    let storage = |amounts: Option<BTreeMap<String, Quantity>>| amounts?.remove("storage");
    if is_less(storage(requests).as_ref(), &volume.size) {
        let uid = record.uid().to_owned();
        request(writer, volume, &uid).await
    } else if is_less(storage(capacity).as_ref(), &volume.size) {
        Expansion::InProgress
    } else {
        Expansion::Done
    }
}

fn is_less(amount: Option<&Quantity>, size: &Size) -> bool {
    amount.is_some_and(|amount| size.is_more_than(&amount.0) == Some(true))
}

async fn request(writer: &mut Writer<'_>, volume: &DataVolume, uid: &str) -> Expansion {
    let DataVolume { claim, size, expansion: _ } = volume;
    let patch = json!({"spec": {"resources": {"requests": {"storage": size.to_string()}}}});
    let namespace = &writer.existing().key.namespace;
    match writer.cluster().merge::<PersistentVolumeClaim>(namespace, (claim, uid), patch).await {
        Ok(()) => {
            info!(name = claim, "expanding the volume of PersistentVolumeClaim {claim} to {size}");
            Expansion::InProgress
        }
        Err(error) => match error.status() {
            Some(status) if error.verdict() == Verdict::Refused => Expansion::Refused(status.message.clone()),
            _ => {
                writer.failed(&(PersistentVolumeClaim::NAME, claim.clone()), None, Why::Call(error));
                Expansion::InProgress
            }
        },
    }
}
