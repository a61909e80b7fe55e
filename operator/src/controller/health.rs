//! Whether the operator can do its work, for `/readyz` and as a metric: what it can't do says so and why, and is tried
//! all the while.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_service::Check;
use tokio::time::{MissedTickBehavior, interval};

use super::Context;
use crate::inventory::Watches;

/// How long a list may take, a watch fail, or the API server do nothing that it is asked.
const BOUND: Duration = Duration::from_mins(1);
/// How often to look.
const LOOK: Duration = Duration::from_millis(200);

/// Keeps the check and the metric up to date. Never ends.
pub(super) async fn watch(context: Arc<Context>, check: Check) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Some(why) = trouble(&context) {
            check.not_ready(why);
            context.metrics.works.set(0);
        } else {
            check.ready();
            context.metrics.works.set(1);
        }
    }
}

/// What keeps the operator from its work.
fn trouble(context: &Context) -> Option<String> {
    let watches: &Watches = context.inventory.watches();
    watches
        .broken_for(BOUND)
        .or_else(|| watches.missing())
        .or_else(|| context.cluster.answers().failing_for(BOUND))
}
