//! The capacity of the volume.

use eventpipeline_crds::{ManagedDatabase, Retention};
use serde_json::Value;

use super::super::finding::Finding;
use crate::eventpipeline::bytes;

/// Space that mysqld uses in addition to the events (ADR 21).
const OVERHEAD: u128 = 512 << 20;
/// Denominator of the share of the volume that must stay free for creations.
const SHARE: u128 = 20;
/// Space in the table and its index of an event with a payload of 1 kB.
const EVENT: u128 = 2048;

/// Reports the capacity if the size is a default, and warns if it is small for the retention.
pub(super) fn of(database: &ManagedDatabase, retention: &Retention, object: &Value) -> Option<Finding> {
    let written = object.pointer("/spec/database/managed/storage/size").is_some_and(|size| !size.is_null());
    let size = &database.storage.size;
    let capacity = bytes(&size.0)?;
    let events = capacity.saturating_sub(capacity / SHARE + OVERHEAD) / EVENT;
    let default = if written { "" } else { "the default size of " };
    let start = format!("the volume has {default}{size}");
    let message = match u128::try_from(retention.done_seconds) {
        Ok(0) => format!(
            "{start}, and done events are kept forever (`retention.doneSeconds: 0`): the volume has room for {events} events \
             of 1 kB, after which creations are refused"
        ),
        Ok(seconds) if !written || events < seconds => format!(
            "{start}, and done events are kept for {seconds} s (`retention.doneSeconds`): the volume has room for {} per hour \
             with a payload of 1 kB",
            events * 3600 / seconds
        ),
        _ => return None,
    };
    Some(Finding::warning("spec.database.managed.storage.size", message))
}
