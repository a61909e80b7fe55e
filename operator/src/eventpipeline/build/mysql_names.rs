//! Names in the pod of a managed database.

/// Name of the container and of its port, and of the data directory on the volume.
pub(in crate::eventpipeline) const MYSQL: &str = "mysql";
/// Name of the claim template, and prefix of the claim's name.
pub(super) const DATA: &str = "data";
/// Folder of the credentials in the container.
pub(super) const CREDENTIALS_FOLDER: &str = "/etc/eventpipeline/mysql";
