//! Data directories. An engine needs seconds to create one, so the cache keeps one per version, which is copied.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::Engine;
use crate::{
    binaries::{Program, cache},
    error::Error,
    process::run,
};

/// Version of the procedure that creates a template. Increase it with each change.
const RECIPE: u32 = 1;

/// Lets `root` connect over TCP: without name resolution, `localhost` means the socket only.
const MYSQL_ROOT: &str = "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\n\
    GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

/// Creates a fresh data directory at `to`.
pub(super) async fn copy(engine: Engine, to: &Path) -> Result<(), Error> {
    let to = to.to_owned();
    tokio::task::spawn_blocking(move || {
        let template = template(engine)?;
        // `cp` shares blocks if the file system supports it.
        run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(template).arg(to)).map(drop)
    })
    .await
    .map_err(|error| Error::io("copy a data directory")(error.into()))?
}

fn template(engine: Engine) -> Result<PathBuf, Error> {
    let server = engine.server()?;
    let version = run(Command::new(&server).arg("--version"))?;
    let templates = cache().join("testkit");
    let template = templates.join(format!("{}-{}-{RECIPE}", engine.name(), release(&version)));
    if template.exists() {
        return Ok(template);
    }
    fs::create_dir_all(&templates).map_err(Error::io(format!("make {}", templates.display())))?;
    let unfinished = tempfile::Builder::new()
        .prefix("unfinished-")
        .tempdir_in(&templates)
        .map_err(Error::io(format!("make a folder in {}", templates.display())))?;
    let data = unfinished.path().join("data");
    match engine {
        Engine::MySql => initialise_mysql(&server, &data, unfinished.path())?,
        Engine::MariaDb => initialise_mariadb(&data, unfinished.path())?,
    }
    match fs::rename(&data, &template) {
        // Another test binary has created the same template.
        Err(_) if template.exists() => Ok(template),
        renamed => renamed.map(|()| template).map_err(Error::io("keep a data directory")),
    }
}

fn initialise_mysql(server: &Path, data: &Path, scratch: &Path) -> Result<(), Error> {
    let users = scratch.join("users.sql");
    fs::write(&users, MYSQL_ROOT).map_err(Error::io(format!("write {}", users.display())))?;
    let mut command = Command::new(server);
    command
        .args(Engine::MySql.first_arguments())
        .args(["--initialize-insecure", "--innodb-redo-log-capacity=64M", "--innodb-flush-method=nosync"])
        .arg(format!("--init-file={}", users.display()))
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", scratch.display()));
    run(&mut command).map(drop)
}

fn initialise_mariadb(data: &Path, scratch: &Path) -> Result<(), Error> {
    let mut command = Command::new(Program::MariadbInstallDb.find()?);
    command
        .args(Engine::MariaDb.first_arguments())
        .args(["--skip-test-db", "--auth-root-authentication-method=normal", "--innodb-log-file-size=64M"])
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--tmpdir={}", scratch.display()));
    run(&mut command).map(drop)
}

/// Returns `9.7.4-2` for `/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))`.
fn release(version: &str) -> String {
    let release = version.split_whitespace().skip_while(|word| *word != "Ver").nth(1).unwrap_or("unknown");
    release.replace(|letter: char| !letter.is_ascii_alphanumeric() && !"-._+".contains(letter), "_")
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn a_template_is_named_after_the_release() {
        assert_eq!(release("/r/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"), "9.7.4-2");
        assert_eq!(release("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for ..."), "10.11.19-MariaDB-0+deb12u1");
        assert_eq!(release("Ver ../../x"), ".._.._x");
    }
}
