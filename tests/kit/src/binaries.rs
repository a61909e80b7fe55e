//! The paths of the servers' programs: in the folder that `make` fills, or on PATH.

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
    Shfmt,
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
            Self::Shfmt => ("shfmt", "`dev/binaries.sh docs` builds it (`make test` calls that first)"),
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
        // On Debian, servers are in a folder that is not on the PATH of unprivileged users.
        [folder.clone()]
            .into_iter()
            .chain(env::split_paths(&path))
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
            .ok_or(Error::Missing { program, folder, remedy })
    }
}

/// Returns the path of mysqld.
///
/// # Panics
/// If it is missing.
pub fn mysqld() -> PathBuf {
    crate::or_panic("mysqld", Program::Mysqld.find())
}

/// Returns the path of kubectl.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn kubectl() -> PathBuf {
    or_panic("kubectl", Program::Kubectl.find())
}

/// Returns the path of Helm.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn helm() -> PathBuf {
    or_panic("helm", Program::Helm.find())
}

/// Returns the path of shfmt, which parses shell commands.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn shfmt() -> PathBuf {
    or_panic("shfmt", Program::Shfmt.find())
}

/// Returns the path of nginx.
///
/// # Panics
/// If it is missing.
pub fn nginx() -> PathBuf {
    crate::or_panic("nginx", Program::Nginx.find())
}

/// Returns the folder of files that are kept between runs, as in `dev/lib.sh`.
pub(crate) fn cache() -> PathBuf {
    let home = || Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cache/eventpipeline");
    env::var_os("EVENTPIPELINE_CACHE").map_or_else(home, PathBuf::from)
}

/// Returns the folder of the programs of `examples/polyglot` with their drivers.
///
/// # Panics
/// If they are not built.
#[must_use]
#[track_caller]
pub fn polyglot() -> PathBuf {
    filled("polyglot", "dev/polyglot.sh")
}

/// Returns the folder of foreign CRDs: those of Prometheus Operator and the Gateway API.
///
/// # Panics
/// If they are missing.
#[must_use]
#[track_caller]
pub fn definitions() -> PathBuf {
    filled("definitions", "dev/binaries.sh chart")
}

/// Returns the folder of the Go types of Grafana's dashboards, with a folder per package.
///
/// # Panics
/// If they are missing.
#[must_use]
#[track_caller]
pub fn grafana_types() -> PathBuf {
    filled("grafana-types", "dev/binaries.sh dashboards")
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

/// Returns the path of kube-score, which checks the reliability of Kubernetes objects.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn kube_score() -> PathBuf {
    or_panic("kube-score", Program::KubeScore.find())
}

/// Returns the path of Checkov, which checks the security of Kubernetes objects.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn checkov() -> PathBuf {
    or_panic("checkov", Program::Checkov.find())
}
