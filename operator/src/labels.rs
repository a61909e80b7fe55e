//! Labels of the objects that the operator creates.

/// Name of the application: always `eventpipeline`.
pub(crate) const NAME: &str = "app.kubernetes.io/name";
/// Name of the pipeline.
pub(crate) const INSTANCE: &str = "app.kubernetes.io/instance";
/// [`Component`] that the object belongs to.
pub(crate) const COMPONENT: &str = "app.kubernetes.io/component";
/// Program that created the object: always [`MANAGER`].
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Name of the group of producers or consumers.
pub(crate) const GROUP: &str = "eventpipeline.dev/group";

/// Value of [`MANAGED_BY`].
pub(crate) const MANAGER: &str = "eventpipeline-operator";
/// Selector of every object that the operator creates.
pub(crate) const MANAGED_BY_OPERATOR: &str = "app.kubernetes.io/managed-by=eventpipeline-operator";

/// Part of a pipeline that an object belongs to.
#[derive(Debug, Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Component {
    Mysql,
    Schema,
    Producer,
    Consumer,
    Wakeups,
    Route,
}
