//! Encryption of connections, and verification of certificates.

use std::path::PathBuf;

use eventpipeline_database::{Database, DatabaseArgs, Error, Metrics, Tls};
use eventpipeline_testkit::{Database as Server, Engine, Options};
use prometheus::Registry;

use crate::support::Fixture;

/// Returns the fixture's arguments with other TLS options.
fn args(fixture: &Fixture, tls: Tls, ca: Option<PathBuf>) -> DatabaseArgs {
    DatabaseArgs { database_tls: tls, database_tls_ca_file: ca, ..fixture.args.clone() }
}

async fn ping(args: DatabaseArgs) -> Result<(), Error> {
    let database = Database::new(args, Metrics::new(&Registry::new()).unwrap());
    database.session().ping().await
}

/// MySQL generates its own authority, and a certificate without a host name.
#[tokio::test]
async fn a_certificate_is_verified_as_far_as_requested() {
    let mut fixture = Fixture::new(Server::shared(Engine::MySql).await).await;
    let folder: String = fixture.value("SELECT @@datadir").await;
    let authority = PathBuf::from(folder).join("ca.pem");
    let other = openssl_authority();

    ping(args(&fixture, Tls::Preferred, None)).await.unwrap();
    ping(args(&fixture, Tls::Required, None)).await.unwrap();
    ping(args(&fixture, Tls::VerifyCa, Some(authority.clone()))).await.unwrap();
    for (tls, ca) in [(Tls::VerifyCa, other.path().join("ca.pem")), (Tls::VerifyIdentity, authority)] {
        let refused = ping(args(&fixture, tls, Some(ca))).await.unwrap_err();
        assert!(matches!(refused, Error::Connect { .. }), "{tls:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_server_without_encryption_is_usable_only_if_allowed() {
    let options = Options { arguments: vec!["--skip-ssl".to_owned()], ..Options::default() };
    let server = Server::start_with(Engine::MariaDb, options).await;
    let fixture = Fixture::new(&server).await;
    ping(args(&fixture, Tls::Preferred, None)).await.unwrap();
    assert!(matches!(ping(args(&fixture, Tls::Required, None)).await, Err(Error::Connect { .. })));
}

/// A proxy at 127.0.0.1 offers no TLS. The server has not cached the user, so the password is encrypted with its
/// public key.
#[tokio::test]
async fn a_password_reaches_a_server_without_encryption() {
    let options = Options { arguments: vec!["--tls-version=".to_owned()], ..Options::default() };
    let server = Server::start_with(Engine::MySql, options).await;
    let mut fixture = Fixture::new(&server).await;
    fixture.sql("CREATE USER plain IDENTIFIED WITH caching_sha2_password BY 'a secret'").await;
    fixture.sql("GRANT ALL ON *.* TO plain").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a secret").unwrap();
    let args = |tls: Tls| DatabaseArgs {
        database_user: "plain".to_owned(),
        database_password_file: file.path().to_owned(),
        ..args(&fixture, tls, None)
    };
    ping(args(Tls::Preferred)).await.unwrap();
    assert!(matches!(ping(args(Tls::Required)).await, Err(Error::Connect { .. })));
}

/// Creates an authority that has signed nothing.
fn openssl_authority() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=other", "-keyout", "key.pem", "-out", "ca.pem"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}
