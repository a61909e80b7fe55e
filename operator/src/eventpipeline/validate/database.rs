//! The database of a pipeline.

use std::collections::BTreeMap;

use eventpipeline_crds as crd;

use super::amount::Resources;
use super::{Error, PodSettings, Size};

/// Minimum memory limit of a database.
const LEAST_MEMORY: u128 = 1 << 30;

/// The database of a pipeline.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) enum Database {
    Managed(Box<ManagedDatabase>),
    External(ExternalDatabase),
}

/// A database that the pipeline does not manage.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct ExternalDatabase {
    /// Secret with its address and credentials.
    pub(in crate::eventpipeline) secret_name: String,
    pub(in crate::eventpipeline) way: DatabaseWay,
}

/// The way to an external database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::eventpipeline) enum DatabaseWay {
    /// Connections to the server, whose certificate is verified.
    Direct(crd::ExternalTls),
    /// Connections to a proxy in the same pod at this port. It encrypts the rest of the way.
    Proxy(i32),
}

/// A MySQL server that belongs to the pipeline.
#[derive(Debug, Clone)]
pub(in crate::eventpipeline) struct ManagedDatabase {
    pub(in crate::eventpipeline) image: String,
    pub(in crate::eventpipeline) size: Size,
    pub(in crate::eventpipeline) access_mode: crd::AccessMode,
    pub(in crate::eventpipeline) class_name: Option<String>,
    /// Size in the claim template of the existing StatefulSet, which is immutable.
    pub(in crate::eventpipeline) first_size: Option<String>,
    pub(in crate::eventpipeline) deletion_policy: crd::DeletionPolicy,
    pub(in crate::eventpipeline) resources: Resources,
    /// Options of mysqld.
    pub(in crate::eventpipeline) config: BTreeMap<String, String>,
    /// Generation of the passwords of producers and consumers.
    pub(in crate::eventpipeline) password_generation: i32,
    pub(in crate::eventpipeline) pod: PodSettings,
}

impl Database {
    pub(super) fn new(database: &crd::Database) -> Result<Self, Error> {
        match database {
            crd::Database { managed: Some(managed), external: None } => {
                Ok(Self::Managed(Box::new(ManagedDatabase::new(managed)?)))
            }
            crd::Database { managed: None, external: Some(external) } => {
                Ok(Self::External(ExternalDatabase::new(external)?))
            }
            _ => Err(Error::Union { union: "database", members: "`managed` and `external`" }),
        }
    }
}

impl ExternalDatabase {
    fn new(database: &crd::ExternalDatabase) -> Result<Self, Error> {
        let crd::ExternalDatabase { secret_name, tls, proxy_port } = database;
        let way = match (tls, proxy_port) {
            (Some(_), Some(_)) => return Err(Error::TlsAndProxy),
            (tls, None) => DatabaseWay::Direct(tls.unwrap_or_default()),
            (None, Some(port)) => DatabaseWay::Proxy(*port),
        };
        Ok(Self { secret_name: secret_name.clone(), way })
    }
}

impl ManagedDatabase {
    fn new(database: &crd::ManagedDatabase) -> Result<Self, Error> {
        let crd::ManagedDatabase {
            image,
            storage,
            deletion_policy,
            resources,
            config,
            password_generation,
            pod,
        } = database;
        let pod = PodSettings::new("the database", pod.as_ref())?;
        let crd::Storage { size, access_mode, class_name } = storage;
        let resources = Resources::new(resources)
            .map_err(|source| Error::Resources { of: "the database".to_owned(), source })?;
        if resources.memory_limit().is_some_and(|limit| limit < LEAST_MEMORY) {
            return Err(Error::DatabaseMemory);
        }
        if let Some(name) = config.keys().find(|name| !crd::MYSQL_OPTIONS.contains(&name.as_str())) {
            return Err(Error::Option { name: name.clone() });
        }
        Ok(Self {
            image: image.clone(),
            size: Size::new(&size.0).ok_or_else(|| Error::Size { size: size.0.clone() })?,
            access_mode: *access_mode,
            class_name: class_name.clone(),
            first_size: None,
            deletion_policy: *deletion_policy,
            resources,
            config: config.clone(),
            password_generation: *password_generation,
            pod,
        })
    }
}
