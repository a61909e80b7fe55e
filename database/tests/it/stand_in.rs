//! The image that replaces the official one in tests: its entrypoint initializes an empty data directory.

use std::fs;
use std::path::Path;

use eventpipeline_testkit::{Program, eventually, free_udp, mysqld};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{Connection as _, Row as _};

const ENTRYPOINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev/offline/mysql/entrypoint.sh");
/// Init file that the operator gives to mysqld.
const INIT: &str = include_str!("../../accounts/init.sql");

async fn root(socket: &Path, password: Option<&str>) -> Result<MySqlConnection, sqlx::Error> {
    let options = MySqlConnectOptions::new().username("root").socket(socket);
    let options = password.into_iter().fold(options, MySqlConnectOptions::password);
    MySqlConnection::connect_with(&options).await
}

/// The entrypoint sets the password of root and runs mysqld's `--init-file`, although mysqld runs only one file.
#[tokio::test]
async fn root_needs_its_password_and_the_pipelines_init_file_has_run() {
    let folder = tempfile::tempdir().unwrap();
    let [data, socket, password, init] =
        ["data", "socket", "password", "init.sql"].map(|name| folder.path().join(name));
    fs::create_dir(&data).unwrap();
    fs::write(&password, "of-root").unwrap();
    fs::write(&init, INIT.replace("{schema-password}", "of-schema")).unwrap();
    let bin = mysqld();
    let path = format!("{}:/usr/bin:/bin", bin.parent().unwrap().display());
    let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let address = free_udp();
    let arguments = [
        option("datadir", &data),
        option("socket", &socket),
        option("pid-file", &folder.path().join("pid")),
        option("init-file", &init),
        format!("--bind-address={}", address.ip()),
        format!("--port={}", address.port()),
        "--mysqlx=OFF".to_owned(),
        "--user=root".to_owned(),
    ];
    let command: Vec<_> =
        ["/bin/sh", ENTRYPOINT, "mysqld"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let environment = [
        ("PATH", path.as_str()),
        ("MYSQL_ROOT_PASSWORD_FILE", password.to_str().unwrap()),
        ("MYSQL_ROOT_HOST", "localhost"),
    ];
    let server = Program::start("mysqld", &command, &environment);
    server.line("ready for connections").await;

    let mut connection = eventually(async || root(&socket, Some("of-root")).await.ok()).await;
    let users = "SELECT COUNT(*) FROM mysql.user WHERE user = 'eventpipeline_schema'";
    let users: i64 = sqlx::query(users).fetch_one(&mut connection).await.unwrap().get(0);
    assert_eq!(users, 1);
    for wrong in [None, Some("of-schema")] {
        let refused = root(&socket, wrong).await.unwrap_err();
        assert!(refused.to_string().contains("Access denied"), "{wrong:?}: {refused}");
    }
}
