//! The differences between MySQL and MariaDB as programs.

use std::path::PathBuf;

use crate::{binaries::Program, error::Error};

/// The engines that EventPipeline runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// MySQL of the series that the managed database runs.
    MySql,
    /// MariaDB from Debian's packages.
    MariaDb,
}

/// Small, quiet and local. With `nosync`, a commit is in the page cache, which survives the end of the process.
const COMMON: &[&str] = &[
    "--skip-name-resolve",
    "--skip-external-locking",
    "--innodb-buffer-pool-size=64M",
    "--max-connections=500",
];
const MYSQL: &[&str] = &["--mysqlx=OFF", "--performance-schema=OFF", "--innodb-redo-log-capacity=64M"];
const MARIADB: &[&str] = &["--innodb-log-file-size=64M"];
const NOT_DURABLE: &[&str] = &[
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
];
const DURABLE: &[&str] =
    &["--server-id=1", "--log-bin=binlog", "--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1"];

impl Engine {
    /// Returns both engines.
    pub fn all() -> [Self; 2] {
        [Self::MySql, Self::MariaDb]
    }

    /// Returns its name in messages and folders.
    pub fn name(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    pub(super) fn server(self) -> Result<PathBuf, Error> {
        match self {
            Self::MySql => Program::Mysqld.find(),
            Self::MariaDb => Program::Mariadbd.find(),
        }
    }

    pub(super) fn arguments(self, durable: bool) -> Vec<&'static str> {
        let own = match self {
            Self::MySql => MYSQL,
            Self::MariaDb => MARIADB,
        };
        let durability = if durable { DURABLE } else { NOT_DURABLE };
        let mut arguments = self.first_arguments();
        arguments.extend([COMMON, own, durability].concat());
        arguments
    }

    /// Returns the arguments that must precede all others. The wrapper of `dev/offline/mysql-rootfs.sh` ignores option files.
    pub(super) fn first_arguments(self) -> Vec<&'static str> {
        let mut arguments = match self {
            Self::MySql => vec![],
            Self::MariaDb => vec!["--no-defaults"],
        };
        // Both servers refuse to run as root without this.
        if rustix::process::getuid().is_root() {
            arguments.push("--user=root");
        }
        arguments
    }
}
