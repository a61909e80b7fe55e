//! Access to the database: the variables and files that are the contract with programs in any language.

use eventpipeline_crds as crd;
use k8s_openapi::api::core::v1::{
    EnvVar, EnvVarSource, ProjectedVolumeSource, SecretKeySelector, Volume, VolumeMount, VolumeProjection,
};

use super::super::validate::{Database, DatabaseWay, ExternalDatabase, ManagedDatabase, Pipeline};
use super::environment::variable;
use super::meta::mysql_name;
use super::secrets::{self, AUTHORITY, CONSUMER_PASSWORD, PASSWORD, PRODUCER_PASSWORD, files};

/// Port of a managed database.
pub(super) const MYSQL_PORT: i32 = 3306;

/// Name of the database in a managed server, and prefix of its users' names (`database/src/accounts.rs`).
const DATABASE: &str = "eventpipeline";
const FOLDER: &str = "/etc/eventpipeline/database";
const VOLUME: &str = "database";
/// Folder of all users' passwords, within that of the schema Job.
const ACCOUNTS: &str = "accounts";
/// Key of the password of the user that may change the tables of an external database, if it is another user.
const SCHEMA_PASSWORD: &str = "schema-password";

/// Client of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Schema,
    Producer,
    Consumer,
}

/// Returns the variables with the database's address, the user, and the verification of the server's
/// certificate.
pub(super) fn variables(pipeline: &Pipeline, role: Role) -> Vec<EnvVar> {
    let (mut variables, tls) = match &pipeline.database {
        Database::Managed(database) => (managed(pipeline, database, role), "verify-identity"),
        Database::External(database) => (external(database, role), tls_mode(database.way)),
    };
    variables.extend([
        variable("DATABASE_PASSWORD_FILE", format!("{FOLDER}/{PASSWORD}")),
        variable("DATABASE_TLS", tls),
    ]);
    if !is_behind_proxy(&pipeline.database) {
        variables.push(variable("DATABASE_TLS_CA_FILE", format!("{FOLDER}/{AUTHORITY}")));
    }
    variables
}

fn tls_mode(way: DatabaseWay) -> &'static str {
    match way {
        DatabaseWay::Direct(crd::ExternalTls::VerifyIdentity) => "verify-identity",
        DatabaseWay::Direct(crd::ExternalTls::VerifyCa) => "verify-ca",
        // The connection does not leave the pod.
        DatabaseWay::Proxy(_) => "preferred",
    }
}

fn is_behind_proxy(database: &Database) -> bool {
    matches!(database, Database::External(ExternalDatabase { way: DatabaseWay::Proxy(_), .. }))
}

fn managed(pipeline: &Pipeline, database: &ManagedDatabase, role: Role) -> Vec<EnvVar> {
    let generation = database.password_generation;
    let user = match role {
        Role::Schema => format!("{DATABASE}_schema"),
        Role::Producer => format!("{DATABASE}_producer_{generation}"),
        Role::Consumer => format!("{DATABASE}_consumer_{generation}"),
    };
    let mut variables = vec![
        variable("DATABASE_HOST", mysql_name(pipeline)),
        variable("DATABASE_PORT", MYSQL_PORT.to_string()),
        variable("DATABASE_NAME", DATABASE),
        variable("DATABASE_USER", user),
    ];
    if role == Role::Schema {
        variables.extend([
            variable("ACCOUNTS_GENERATION", generation.to_string()),
            variable("ACCOUNTS_FOLDER", format!("{FOLDER}/{ACCOUNTS}")),
        ]);
    }
    variables
}

fn external(database: &ExternalDatabase, role: Role) -> Vec<EnvVar> {
    let secret = &database.secret_name;
    let [host, port] = match database.way {
        DatabaseWay::Direct(_) => [
            from_secret("DATABASE_HOST", secret, "host", None),
            from_secret("DATABASE_PORT", secret, "port", Some(true)),
        ],
        DatabaseWay::Proxy(port) => {
            [variable("DATABASE_HOST", "127.0.0.1"), variable("DATABASE_PORT", port.to_string())]
        }
    };
    let mut variables = vec![
        host,
        port,
        from_secret("DATABASE_NAME", secret, "database", None),
        from_secret("DATABASE_USER", secret, "username", None),
    ];
    if role == Role::Schema {
        variables.extend([
            from_secret("SCHEMA_USER", secret, "schema-username", Some(true)),
            variable("SCHEMA_PASSWORD_FILE", format!("{FOLDER}/{SCHEMA_PASSWORD}")),
        ]);
    }
    variables
}

fn from_secret(name: &str, secret: &str, key: &str, optional: Option<bool>) -> EnvVar {
    let key = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional };
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() }),
    }
}

/// Returns the volume with the files that this role needs, and no others.
pub(super) fn volume(pipeline: &Pipeline, role: Role) -> Volume {
    let sources = match &pipeline.database {
        Database::Managed(database) => managed_files(pipeline, database, role),
        Database::External(database) => external_files(database, role),
    };
    projected(VOLUME, sources)
}

fn managed_files(pipeline: &Pipeline, database: &ManagedDatabase, role: Role) -> Vec<VolumeProjection> {
    let users = secrets::users(pipeline, database);
    let authority = files(&secrets::certificate(pipeline), &[(AUTHORITY, AUTHORITY)], None);
    match role {
        Role::Producer => vec![files(&users, &[(PRODUCER_PASSWORD, PASSWORD)], None), authority],
        Role::Consumer => vec![files(&users, &[(CONSUMER_PASSWORD, PASSWORD)], None), authority],
        Role::Schema => {
            let paths = [PRODUCER_PASSWORD, CONSUMER_PASSWORD].map(|key| (key, format!("{ACCOUNTS}/{key}")));
            let accounts = paths.each_ref().map(|(key, path)| (*key, path.as_str()));
            let own = files(&secrets::schema(pipeline), &[(PASSWORD, PASSWORD)], None);
            vec![own, files(&users, &accounts, None), authority]
        }
    }
}

fn external_files(database: &ExternalDatabase, role: Role) -> Vec<VolumeProjection> {
    let secret = &database.secret_name;
    let needed: &[(&str, &str)] = match database.way {
        DatabaseWay::Direct(_) => &[(PASSWORD, PASSWORD), (AUTHORITY, AUTHORITY)],
        DatabaseWay::Proxy(_) => &[(PASSWORD, PASSWORD)],
    };
    let mut sources = vec![files(secret, needed, None)];
    if role == Role::Schema {
        sources.push(files(secret, &[(SCHEMA_PASSWORD, SCHEMA_PASSWORD)], Some(true)));
    }
    sources
}

/// Returns the mount of [`volume`].
pub(super) fn mount() -> VolumeMount {
    VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: FOLDER.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

/// Returns a volume with parts of several Secrets, readable by the pod's group.
pub(super) fn projected(name: &str, sources: Vec<VolumeProjection>) -> Volume {
    Volume {
        name: name.to_owned(),
        projected: Some(ProjectedVolumeSource { default_mode: Some(0o440), sources: Some(sources) }),
        ..Volume::default()
    }
}
