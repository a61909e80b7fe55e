//! Where the servers' programs are: in the folder that `make` fills, else on PATH.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::error::Error;

const API: &str = "`dev/binaries.sh api` builds it (`make test` calls that first)";
const DATABASES: &str = "`dev/databases.sh` installs it (`make test` calls that first)";

const PROMETHEUS: &str = "`dev/prometheus.sh` fetches it (`make test` calls that first)";

/// The programs that the kit starts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    Mysqld,
    Mariadbd,
    MariadbInstallDb,
    Etcd,
    KubeApiserver,
    Kubectl,
    Helm,
    Openssl,
    Prometheus,
    Promtool,
}

impl Program {
    fn name_and_remedy(self) -> (&'static str, &'static str) {
        match self {
            Self::Mysqld => ("mysqld", DATABASES),
            Self::Mariadbd => ("mariadbd", DATABASES),
            Self::MariadbInstallDb => ("mariadb-install-db", DATABASES),
            Self::Etcd => ("etcd", API),
            Self::KubeApiserver => ("kube-apiserver", API),
            Self::Kubectl => ("kubectl", API),
            Self::Helm => ("helm", "`dev/binaries.sh tools` builds it (`make test` calls that first)"),
            Self::Prometheus => ("prometheus", PROMETHEUS),
            Self::Promtool => ("promtool", PROMETHEUS),
            Self::Openssl => ("openssl", "install the package `openssl`"),
        }
    }

    pub(crate) fn find(self) -> Result<PathBuf, Error> {
        let (program, remedy) = self.name_and_remedy();
        let folder = env::var_os("EVENTPIPELINE_BIN").map_or_else(|| cache().join("bin"), PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        // Debian keeps servers where the PATH of a plain user does not look.
        [folder.clone()]
            .into_iter()
            .chain(env::split_paths(&path))
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
            .ok_or(Error::Missing { program, folder, remedy })
    }
}

/// What is kept between runs, outside the checkout; the same folder as in `dev/lib.sh`.
pub(crate) fn cache() -> PathBuf {
    let home = || Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cache/eventpipeline");
    env::var_os("EVENTPIPELINE_CACHE").map_or_else(home, PathBuf::from)
}

/// Where the programs of `examples/polyglot` are, with their drivers.
///
/// # Panics
/// When they are not built.
#[must_use]
#[track_caller]
pub fn polyglot() -> PathBuf {
    let folder = cache().join("polyglot");
    assert!(
        folder.is_dir(),
        "{} is missing: `dev/polyglot.sh` fills it (`make test` calls that first)",
        folder.display()
    );
    folder
}
