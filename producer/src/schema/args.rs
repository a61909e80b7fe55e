//! Arguments of `schema`.

use std::path::PathBuf;

use clap::Args;
use eventpipeline_database::{Classic, DatabaseArgs, Generation};
use eventpipeline_service::LogArgs;

/// All of them.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    #[command(flatten)]
    pub(crate) schema: SchemaUser,
    #[command(flatten)]
    pub(crate) classic: ClassicArgs,
    #[command(flatten)]
    pub(crate) accounts: AccountsArgs,
}

/// Who knows only the classic columns.
#[derive(Debug, Args)]
pub(crate) struct ClassicArgs {
    /// There are producers that know only the classic columns: a trigger keeps the counter from going back
    #[arg(long, env = "CLASSIC_PRODUCERS")]
    classic_producers: bool,
    /// There are consumers that know only the classic columns: an index keeps them from reading finished events
    #[arg(long, env = "CLASSIC_CONSUMERS")]
    classic_consumers: bool,
}

impl From<ClassicArgs> for Classic {
    fn from(ClassicArgs { classic_producers, classic_consumers }: ClassicArgs) -> Self {
        Self { producers: classic_producers, consumers: classic_consumers }
    }
}

/// Who changes the tables, where that is somebody else than who uses them.
#[derive(Debug, Args)]
pub(crate) struct SchemaUser {
    /// User that may change the tables; `DATABASE_USER` does when it is not set
    #[arg(long, env = "SCHEMA_USER", requires = "schema_password_file", value_parser = eventpipeline_database::name)]
    schema_user: Option<String>,
    /// File that holds that user's password. Not looked at without the user
    #[arg(long, env = "SCHEMA_PASSWORD_FILE")]
    schema_password_file: Option<PathBuf>,
}

impl SchemaUser {
    /// The database as this user, where there is one.
    pub(super) fn instead_of(self, database: DatabaseArgs) -> DatabaseArgs {
        match (self.schema_user, self.schema_password_file) {
            (Some(database_user), Some(database_password_file)) => {
                DatabaseArgs { database_user, database_password_file, ..database }
            }
            _ => database,
        }
    }
}

/// The users of producers and consumers.
#[derive(Debug, Args)]
pub(crate) struct AccountsArgs {
    /// Generation of the users to make: `eventpipeline_producer_GENERATION` and `eventpipeline_consumer_GENERATION`.
    /// Those of other generations are removed when nobody uses them any more. No users are made when it is not set
    #[arg(
        id = "accounts_generation",
        long = "accounts-generation",
        env = "ACCOUNTS_GENERATION",
        requires = "accounts_folder",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) generation: Option<Generation>,
    /// Folder with their passwords: the files `producer-password` and `consumer-password`
    #[arg(
        id = "accounts_folder",
        long = "accounts-folder",
        env = "ACCOUNTS_FOLDER",
        requires = "accounts_generation"
    )]
    pub(super) folder: Option<PathBuf>,
    /// How long nobody may have been connected as a user of another generation before it is removed
    #[arg(
        id = "accounts_quiet_seconds",
        long = "accounts-quiet-seconds",
        env = "ACCOUNTS_QUIET_SECONDS",
        default_value_t = 60
    )]
    pub(super) quiet_seconds: u64,
}
