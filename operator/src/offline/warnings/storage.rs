//! What the volume has room for.

use eventpipeline_crds::{ManagedDatabase, Retention};
use serde_json::Value;

use super::super::pipeline::Finding;
use crate::eventpipeline::bytes;

/// What mysqld takes beside the events (ADR 21).
const OVERHEAD: u128 = 512 << 20;
/// The share of the volume that stays free: creations are refused before.
const SHARE: u128 = 20;
/// What an event with a payload of 1 kB takes in the table, with its place in the index.
const EVENT: u128 = 2048;

/// Says what fits where nobody has said how large the volume is to be, and where next to nothing fits.
pub(super) fn of(database: &ManagedDatabase, retention: &Retention, object: &Value) -> Option<Finding> {
    let written = object.pointer("/spec/database/managed/storage/size").is_some_and(|size| !size.is_null());
    let size = &database.storage.size;
    let capacity = bytes(&size.0)?;
    let events = capacity.saturating_sub(capacity / SHARE + OVERHEAD) / EVENT;
    let default = if written { "" } else { "the default size of " };
    let beginning = format!("the volume has {default}{size}");
    let message = match u128::try_from(retention.done_seconds) {
        Ok(0) => format!(
            "{beginning}, and events that are done are kept forever (`retention.doneSeconds: 0`): there is room for {events} \
             of 1 kB, after which creations are refused"
        ),
        Ok(seconds) if !written || events < seconds => format!(
            "{beginning}, and events that are done are kept for {seconds} s (`retention.doneSeconds`): there is room for \
             {} of 1 kB an hour",
            events * 3600 / seconds
        ),
        _ => return None,
    };
    Some(Finding::warning("spec.database.managed.storage.size", message))
}
