//! Reports on `/readyz` and as a metric whether the operator can do its work. It keeps retrying while it
//! cannot.

use std::sync::Arc;
use std::time::Duration;

use eventpipeline_service::Check;
use tokio::time::{MissedTickBehavior, interval};

use super::Context;
use crate::cache::Watches;

/// Time after which a pending list, a failing watch, or an API server that fails every call is reported.
const BOUND: Duration = Duration::from_mins(1);
/// Interval of the check.
const TICK: Duration = Duration::from_millis(200);

/// Keeps the check and the metric up to date, forever.
pub(super) async fn watch(context: Arc<Context>, check: Check) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Some(why) = trouble(&context) {
            check.not_ready(why);
            context.metrics.works.set(0);
        } else {
            check.ready();
            context.metrics.works.set(1);
        }
    }
}

/// Returns what prevents the operator from working.
fn trouble(context: &Context) -> Option<String> {
    let watches: &Watches = context.cache.watches();
    watches
        .broken_for(BOUND)
        .or_else(|| watches.missing())
        .or_else(|| context.cluster.answers().failing_for(BOUND))
}
