//! Where the database is and who connects.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// The database's address and the user to be. The password is a file, because environments leak into logs and
/// child processes; it is read at each connect, so that it can be rotated.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// Host name or address of the MySQL or MariaDB server
    #[arg(long, env = "DATABASE_HOST", value_parser = NonEmptyStringValueParser::new())]
    pub database_host: String,
    /// Port of the server
    #[arg(long, env = "DATABASE_PORT", default_value_t = 3306, value_parser = clap::value_parser!(u16).range(1..))]
    pub database_port: u16,
    /// Name of the database (schema) that holds the tables
    #[arg(long, env = "DATABASE_NAME", default_value = "eventpipeline", value_parser = NonEmptyStringValueParser::new())]
    pub database_name: String,
    /// User to connect as
    #[arg(long, env = "DATABASE_USER", default_value = "eventpipeline", value_parser = NonEmptyStringValueParser::new())]
    pub database_user: String,
    /// File that holds the user's password
    #[arg(long, env = "DATABASE_PASSWORD_FILE", value_parser = readable_file)]
    pub database_password_file: PathBuf,
}

fn readable_file(path: &str) -> Result<PathBuf, String> {
    match std::fs::read_to_string(path) {
        Ok(_) => Ok(path.into()),
        Err(error) => Err(format!("must name a readable file: {error}")),
    }
}
