//! The Secrets of a managed database: which there are, and what is to be in them.
//!
//! A Secret is created once and never changed or read: whoever may change one is answered with all that is in it. What
//! must change gets a Secret of another name, which changes the templates of the pods that use it.

use k8s_openapi::api::core::v1::{KeyToPath, Secret, SecretProjection, VolumeProjection};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::super::validate::{Database, ManagedDatabase, Pipeline};
use super::meta::{kept, mysql_name, owned, selector};
use crate::labels::Component;

/// Key of root's password.
pub(in crate::eventpipeline) const ROOT_PASSWORD: &str = "root-password";
/// Key of a user's own password, and name of the file that a pod finds it in.
pub(in crate::eventpipeline) const PASSWORD: &str = "password";
/// Key of what mysqld runs at each start.
pub(in crate::eventpipeline) const INIT: &str = "init.sql";
/// Key of the password of the user that producers are.
pub(in crate::eventpipeline) const PRODUCER_PASSWORD: &str = "producer-password";
/// Key of the password of the user that consumers are.
pub(in crate::eventpipeline) const CONSUMER_PASSWORD: &str = "consumer-password";
/// Key of the authority that has signed the server's certificate.
pub(in crate::eventpipeline) const AUTHORITY: &str = "ca.crt";
/// Key of the server's certificate.
pub(in crate::eventpipeline) const CERTIFICATE: &str = "tls.crt";
/// Key of the server's private key.
pub(in crate::eventpipeline) const KEY: &str = "tls.key";

/// A Secret that is to be there.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct NewSecret {
    /// Without its data.
    pub(in crate::eventpipeline) object: Secret,
    /// What its data is made of, when it is created.
    pub(in crate::eventpipeline) content: Content,
}

/// What is in a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::eventpipeline) enum Content {
    /// The password of root, who comes in from the database's own pod only.
    Root,
    /// The password of the user that keeps the schema and the other users, and the statements that make that user.
    Schema,
    /// The passwords of the users that producers and consumers are.
    Users,
    /// A certificate for these names, with the authority that has signed it.
    Certificate { names: Vec<String> },
}

/// The Secrets of the pipeline; none of a database that is somebody else's.
pub(super) fn build(pipeline: &Pipeline) -> Vec<NewSecret> {
    let Database::Managed(database) = &pipeline.database else {
        return Vec::new();
    };
    let selector = selector(pipeline, Component::Mysql);
    // What it says is true of the data, and so it is there when a pipeline of that name comes back.
    let with_data = |name| kept(pipeline, name, selector.clone());
    vec![
        secret(with_data(root(pipeline)), Content::Root),
        secret(with_data(schema(pipeline)), Content::Schema),
        secret(with_data(users(pipeline, database)), Content::Users),
        secret(
            owned(pipeline, certificate(pipeline), selector.clone()),
            Content::Certificate { names: host_names(pipeline) },
        ),
    ]
}

fn secret(metadata: ObjectMeta, content: Content) -> NewSecret {
    let type_ = match content {
        Content::Certificate { .. } => "kubernetes.io/tls",
        Content::Root | Content::Schema | Content::Users => "Opaque",
    };
    let object = Secret {
        metadata,
        type_: Some(type_.to_owned()),
        // Nobody has to watch it for changes.
        immutable: Some(true),
        ..Secret::default()
    };
    NewSecret { object, content }
}

/// Name of the Secret of root's password.
pub(super) fn root(pipeline: &Pipeline) -> String {
    mysql_name(pipeline)
}

/// Name of the Secret of the schema's user.
pub(super) fn schema(pipeline: &Pipeline) -> String {
    format!("{}-schema", mysql_name(pipeline))
}

/// Name of the Secret of the users of producers and consumers: one a generation of passwords.
pub(super) fn users(pipeline: &Pipeline, database: &ManagedDatabase) -> String {
    format!("{}-users-{}", mysql_name(pipeline), database.password_generation)
}

/// Name of the Secret of the server's certificate: one a term of validity, of this very pipeline and no namesake, because
/// its age is that of the pipeline.
pub(super) fn certificate(pipeline: &Pipeline) -> String {
    let uid: String = pipeline.owner.uid.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{}-tls-{uid}-{}", mysql_name(pipeline), pipeline.certificate_term)
}

/// What the server is called by who connects to it: the first name by our own pods, the others by people.
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

/// Keys of a Secret as files, each `(key, path)`. All of them have to be there, unless the Secret's part is `optional`.
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
