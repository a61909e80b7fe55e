//! The Secret of the database's passwords.
//!
//! It belongs to the data, not to the pipeline: both stay when the pipeline goes, and are there when it comes back.

use k8s_openapi::api::core::v1::Secret;

use super::super::validate::Pipeline;
use super::meta::{Component, kept, mysql_name, selector};

/// Key of the password of the user that producers and consumers are.
pub(in crate::eventpipeline) const PASSWORD: &str = "password";
/// Key of root's password.
pub(in crate::eventpipeline) const ROOT_PASSWORD: &str = "root-password";

/// The Secret without its passwords.
pub(super) fn build(pipeline: &Pipeline) -> Secret {
    Secret {
        metadata: kept(pipeline, mysql_name(pipeline), selector(pipeline, Component::Mysql)),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}
