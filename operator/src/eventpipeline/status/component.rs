//! The state of a component.

/// The state of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Waiting,
    /// Waiting does not help: a user must act.
    Stalled,
}

/// A component of a pipeline, which has a condition of its own.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) type_: &'static str,
    pub(super) state: State,
    pub(super) reason: &'static str,
    /// Reason of the pipeline's `Ready` condition while this component is not ready.
    pub(super) not_ready: &'static str,
    pub(super) message: String,
}
