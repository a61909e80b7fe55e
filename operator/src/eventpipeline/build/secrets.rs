//! The Secrets of a managed database.
//!
//! A Secret is created once and never changed or read, because whoever may change a Secret receives its
//! content in the response. New content gets a Secret of another name, which changes the templates of the
//! pods that use it.

use k8s_openapi::api::core::v1::{KeyToPath, Secret, SecretProjection, VolumeProjection};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::resources::{NewSecret, SecretContent};
use super::super::validate::{Database, ManagedDatabase, Pipeline};
use super::meta::{kept, mysql_name, owned, selector};
use crate::labels::Component;

/// Key of root's password.
pub(in crate::eventpipeline) const ROOT_PASSWORD: &str = "root-password";
/// Key of a user's own password, and name of the file in the user's pod.
pub(in crate::eventpipeline) const PASSWORD: &str = "password";
/// Key of the statements that mysqld runs at each start.
pub(in crate::eventpipeline) const INIT: &str = "init.sql";
/// Key of the password of the producers' user.
pub(in crate::eventpipeline) const PRODUCER_PASSWORD: &str = "producer-password";
/// Key of the password of the consumers' user.
pub(in crate::eventpipeline) const CONSUMER_PASSWORD: &str = "consumer-password";
/// Key of the certificate of the authority that signed the server's certificate.
pub(in crate::eventpipeline) const AUTHORITY: &str = "ca.crt";
/// Key of the server's certificate.
pub(in crate::eventpipeline) const CERTIFICATE: &str = "tls.crt";
/// Key of the server's private key.
pub(in crate::eventpipeline) const KEY: &str = "tls.key";

/// Builds the Secrets of the pipeline. An external database needs none.
pub(super) fn build(pipeline: &Pipeline) -> Vec<NewSecret> {
    let Database::Managed(database) = &pipeline.database else {
        return Vec::new();
    };
    let selector = selector(pipeline, Component::Mysql);
    // These match the data, so they are kept for the next pipeline of that name.
    let with_data = |name| kept(pipeline, name, selector.clone());
    vec![
        secret(with_data(root(pipeline)), SecretContent::Root),
        secret(with_data(schema(pipeline)), SecretContent::Schema),
        secret(with_data(users(pipeline, database)), SecretContent::Users),
        secret(
            owned(pipeline, certificate(pipeline), selector.clone()),
            SecretContent::Certificate { names: host_names(pipeline) },
        ),
    ]
}

fn secret(metadata: ObjectMeta, content: SecretContent) -> NewSecret {
    let type_ = match content {
        SecretContent::Certificate { .. } => "kubernetes.io/tls",
        SecretContent::Root | SecretContent::Schema | SecretContent::Users => "Opaque",
    };
    let object = Secret {
        metadata,
        type_: Some(type_.to_owned()),
        // The kubelet does not need to watch an immutable Secret.
        immutable: Some(true),
        ..Secret::default()
    };
    NewSecret { object, content }
}

/// Name of the Secret with root's password.
pub(super) fn root(pipeline: &Pipeline) -> String {
    mysql_name(pipeline)
}

/// Name of the Secret of the schema's user.
pub(super) fn schema(pipeline: &Pipeline) -> String {
    format!("{}-schema", mysql_name(pipeline))
}

/// Name of the Secret of the users of producers and consumers, one per password generation.
pub(super) fn users(pipeline: &Pipeline, database: &ManagedDatabase) -> String {
    format!("{}-users-{}", mysql_name(pipeline), database.password_generation)
}

/// Name of the Secret of the server's certificate, one per term of validity. The name contains the pipeline's
/// uid, because the term depends on the age of this pipeline and not of a namesake.
pub(super) fn certificate(pipeline: &Pipeline) -> String {
    let uid: String = pipeline.owner.uid.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{}-tls-{uid}-{}", mysql_name(pipeline), pipeline.certificate_term)
}

/// Names of the server: pods of the pipeline use the first, people the others.
fn host_names(pipeline: &Pipeline) -> Vec<String> {
    let service = mysql_name(pipeline);
    let in_cluster = format!("{service}.{}.svc", pipeline.namespace);
    vec![
        service.clone(),
        format!("{service}.{}", pipeline.namespace),
        in_cluster.clone(),
        format!("{in_cluster}.cluster.local"),
        "localhost".to_owned(),
    ]
}

/// Projects keys of a Secret as files, each `(key, path)`. All keys must exist unless the Secret is
/// `optional`.
pub(super) fn files(secret: &str, keys: &[(&str, &str)], optional: Option<bool>) -> VolumeProjection {
    let file =
        |&(key, path): &(&str, &str)| KeyToPath { key: key.to_owned(), path: path.to_owned(), mode: None };
    VolumeProjection {
        secret: Some(SecretProjection {
            name: secret.to_owned(),
            items: Some(keys.iter().map(file).collect()),
            optional,
        }),
        ..VolumeProjection::default()
    }
}
