//! Retention of finished events.

use eventpipeline_crds as crd;

/// Seconds after which finished events are removed; `None` keeps them forever.
#[derive(Debug, Clone, Copy)]
pub(in crate::eventpipeline) struct Retention {
    pub(in crate::eventpipeline) done_seconds: Option<i64>,
    /// Applies to cancelled events as well.
    pub(in crate::eventpipeline) dead_seconds: Option<i64>,
}

impl Retention {
    pub(super) fn new(&crd::Retention { done_seconds, dead_seconds }: &crd::Retention) -> Self {
        let kept = |seconds| Some(seconds).filter(|seconds| *seconds > 0);
        Self { done_seconds: kept(done_seconds), dead_seconds: kept(dead_seconds) }
    }
}
