//! Arguments for the connection to the database.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sqlx::mysql::MySqlSslMode;

/// The database's address and user. The password is in a file, because environments leak into logs and child processes. It is
/// read at each connect, so that it can be rotated.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// Host name or address of the MySQL or MariaDB server
    #[arg(long, env = "DATABASE_HOST", value_parser = name)]
    pub database_host: String,
    /// Port of the server
    #[arg(long, env = "DATABASE_PORT", default_value_t = 3306, value_parser = port)]
    pub database_port: u16,
    /// Name of the database (schema) that holds the tables
    #[arg(long, env = "DATABASE_NAME", default_value = "eventpipeline", value_parser = name)]
    pub database_name: String,
    /// User to connect as
    #[arg(long, env = "DATABASE_USER", default_value = "eventpipeline", value_parser = name)]
    pub database_user: String,
    /// File that holds the user's password
    #[arg(long, env = "DATABASE_PASSWORD_FILE", value_parser = readable_file)]
    pub database_password_file: PathBuf,
    /// Encryption of the connection, and verification of the server's certificate
    #[arg(long, env = "DATABASE_TLS", value_enum, default_value_t = Tls::Preferred)]
    pub database_tls: Tls,
    /// File with the certificates (PEM) of the authorities that may sign the server's certificate, for `verify-ca` and
    /// `verify-identity`; default: those of the system
    #[arg(long, env = "DATABASE_TLS_CA_FILE", value_parser = readable_file)]
    pub database_tls_ca_file: Option<PathBuf>,
}

/// Encryption of connections to the database, in the terms of MySQL's `--ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// Encrypted if the server supports it; the certificate is not verified
    Preferred,
    /// Always encrypted; the certificate is not verified
    Required,
    /// Always encrypted; one of the given authorities must have signed the certificate
    VerifyCa,
    /// The same, and the certificate must name the host
    VerifyIdentity,
}

impl From<Tls> for MySqlSslMode {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::Preferred => Self::Preferred,
            Tls::Required => Self::Required,
            Tls::VerifyCa => Self::VerifyCa,
            Tls::VerifyIdentity => Self::VerifyIdentity,
        }
    }
}

/// Parses a name. Trims it, because tools that write Secrets often append a line break.
///
/// # Errors
/// Returns a message if the name is empty or contains a control character.
pub fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    match name.chars().find(|letter| letter.is_control()) {
        _ if name.is_empty() => Err("must not be empty".to_owned()),
        Some(control) => Err(format!("must not contain control characters; it contains {control:?}")),
        None => Ok(name.to_owned()),
    }
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| "must be a number from 1 to 65535".to_owned())
}

fn readable_file(path: &str) -> Result<PathBuf, String> {
    match std::fs::read_to_string(path) {
        Ok(_) => Ok(path.into()),
        Err(error) => Err(format!("must name a readable file: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_value_is_ignored() {
        for around in ["db\n", "db\r\n", "db ", " db", "\tdb\n\n"] {
            assert_eq!(name(around).as_deref(), Ok("db"), "{around:?}");
        }
        for wrong in ["", "\n", "d\nb", "d\0b", "db\u{1b}[2J."] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(port("3306\n"), Ok(3306));
        for wrong in ["", "0", "65536", "33 06", "-1"] {
            assert!(port(wrong).is_err(), "{wrong:?}");
        }
    }
}
