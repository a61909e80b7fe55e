//! A CA, and a server certificate for 127.0.0.1 that it has signed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{binaries::Program, error::Error, folders, or_panic, process::run};

/// The files of a CA and of one server with a certificate that it has signed.
#[derive(Debug)]
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    /// Creates both for a server at 127.0.0.1.
    ///
    /// # Panics
    /// If openssl fails.
    pub fn new() -> Self {
        or_panic("certificates", Self::make("IP:127.0.0.1"))
    }

    /// Creates both for a server with another name.
    ///
    /// # Panics
    /// If openssl fails.
    pub fn of_another_host() -> Self {
        or_panic("certificates", Self::make("DNS:another.example"))
    }

    fn make(name: &str) -> Result<Self, Error> {
        let folder = folders::folder("certificates")?;
        let path = folder.path();
        let authority = ["-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt"];
        request(path, &authority)?;
        let name = format!("subjectAltName={name}");
        let server = ["-subj", "/CN=server", "-keyout", "tls.key", "-out", "tls.crt", "-addext", &name];
        let signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"];
        request(path, &[server.as_slice(), &signed].concat())?;
        Ok(Self { folder })
    }

    /// Returns the path of the CA certificate.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// Returns the arguments with which MySQL and MariaDB use the certificate and require encryption.
    pub fn server_arguments(&self) -> Vec<String> {
        let file =
            |option: &str, name: &str| format!("--{option}={}", self.folder.path().join(name).display());
        vec![
            file("ssl-ca", "ca.crt"),
            file("ssl-cert", "tls.crt"),
            file("ssl-key", "tls.key"),
            "--require-secure-transport=ON".to_owned(),
        ]
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

fn request(folder: &Path, arguments: &[&str]) -> Result<(), Error> {
    let mut openssl = Command::new(Program::Openssl.find()?);
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    run(openssl.args(["-days", "2"]).args(arguments).current_dir(folder)).map(drop)
}
