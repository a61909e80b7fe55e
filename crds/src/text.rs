//! Patterns of texts that more than one type holds.

/// A reference of an image, as far as one can tell by its characters.
pub(crate) const IMAGE: &str = "^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$";

/// A name that can be part of the names of other objects.
pub(crate) const LABEL_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

/// Name of an object that may have dots.
pub(crate) const SUBDOMAIN: &str = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$";

/// Key of a ConfigMap or Secret.
pub(crate) const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";

/// Key of a label, taint or annotation.
pub(crate) const QUALIFIED_NAME: &str =
    "^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$";

/// Value of a label.
pub(crate) const LABEL_VALUE: &str = "^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$";

/// Host name, or `*.` and a host name for all below it.
pub(crate) const HOST: &str = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// Path that begins a URL's path.
pub(crate) const PATH: &str = "^/[A-Za-z0-9/._~-]*$";
