//! Where the servers' programs are: in the folder that `make` fills, else on PATH.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::error::Error;
use crate::or_panic;

const CHART: &str = "`dev/binaries.sh chart` builds it (`make test` calls that first)";
const API: &str = "`dev/binaries.sh api` builds it (`make test` calls that first)";
const DATABASES: &str = "`dev/databases.sh` installs it (`make test` calls that first)";

const PROMETHEUS: &str = "`make test` unpacks it (`dev/debian-programs.sh prometheus`)";

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
    Helm3,
    KubeScore,
    Checkov,
    Openssl,
    Nginx,
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
            Self::Nginx => {
                ("nginx", "`make test` unpacks it (`dev/debian-programs.sh nginx usr/sbin/nginx`)")
            }
            Self::Helm3 => ("helm3", CHART),
            Self::KubeScore => ("kube-score", CHART),
            Self::Checkov => ("checkov", "`dev/checkov.sh` installs it (`make test` calls that first)"),
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

/// Where mysqld is.
///
/// # Panics
/// When it is not there.
pub fn mysqld() -> PathBuf {
    crate::or_panic("mysqld", Program::Mysqld.find())
}

/// Where nginx is.
///
/// # Panics
/// When it is not there.
pub fn nginx() -> PathBuf {
    crate::or_panic("nginx", Program::Nginx.find())
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
    filled("polyglot", "dev/polyglot.sh")
}

/// Where the definitions of others' resources are: of Prometheus Operator and the Gateway API.
///
/// # Panics
/// When they are not there.
#[must_use]
#[track_caller]
pub fn definitions() -> PathBuf {
    filled("definitions", "dev/binaries.sh chart")
}

#[track_caller]
fn filled(name: &str, by: &str) -> PathBuf {
    let folder = cache().join(name);
    assert!(
        folder.is_dir(),
        "{} is missing: `{by}` fills it (`make test` calls that first)",
        folder.display()
    );
    folder
}

/// kube-score, which knows what makes Kubernetes objects unreliable.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn kube_score() -> PathBuf {
    or_panic("kube-score", Program::KubeScore.find())
}

/// Checkov, which knows what makes Kubernetes objects insecure.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn checkov() -> PathBuf {
    or_panic("checkov", Program::Checkov.find())
}
