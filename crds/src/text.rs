//! Patterns of strings that several types use.

/// Characters of an image reference.
pub(crate) const IMAGE: &str = "^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$";

/// A DNS label, which can be part of the names of other objects.
pub(crate) const LABEL_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// A DNS subdomain.
pub(crate) const SUBDOMAIN: &str = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$";

/// A type of events, or `.*` after the beginning of several.
pub(crate) const EVENT_TYPES: &str = r"^[A-Za-z0-9]([A-Za-z0-9._:/+-]{0,253}[A-Za-z0-9])?(\.\*)?$";

/// Key of a ConfigMap or Secret.
pub(crate) const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";

/// Key of a label, taint or annotation.
pub(crate) const QUALIFIED_NAME: &str =
    "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$";

/// Value of a label.
pub(crate) const LABEL_VALUE: &str = "^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$";

/// A host name, or a wildcard such as `*.example.com`.
pub(crate) const HOST: &str = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Prefix of the path of a URL.
pub(crate) const PATH: &str = "^/[A-Za-z0-9/._~-]*$";

/// Path and query of a request.
pub(crate) const URL_PATH: &str = "^/[!-~]*$";

/// Relative path of a file, without `.` and `..`.
pub(crate) const FILE_PATH: &str = r"^[.]?[A-Za-z0-9_-][A-Za-z0-9._-]*(/[.]?[A-Za-z0-9_-][A-Za-z0-9._-]*)*$";

/// Absolute path of a mount, without `.`, `..` and a slash at the end.
pub(crate) const MOUNT_PATH: &str = r"^(/[.]?[A-Za-z0-9_-][A-Za-z0-9._-]*)+$";

/// Field of a pod that a variable may contain.
pub(crate) const FIELD_PATH: &str = r"^(metadata[.](name|namespace|uid|(labels|annotations)\['[^']+'\])|spec[.](nodeName|serviceAccountName)|status[.](hostIP|hostIPs|podIP|podIPs))$";
