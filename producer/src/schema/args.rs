//! Arguments of the `schema` command.

use std::path::PathBuf;

use clap::Args;
use eventpipeline_database::{Classic, DatabaseArgs, Generation, KeyRules, Lanes};
use eventpipeline_service::LogArgs;

/// The arguments.
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
    /// Lanes of the queue and the types of their events, as JSON: `[{"lane": "orders", "types": ["order.*"]}]`. If not set, all
    /// events wait in one lane
    #[arg(long, env = "LANES", value_parser = Lanes::from_json, default_value = "[]", hide_default_value = true)]
    pub(crate) lanes: Lanes,
    /// Rules for events with a key, as JSON: `{"concurrency": 1, "onDead": "Skip"}`. If not set, events have no keys
    #[arg(long, env = "KEYS", value_parser = KeyRules::from_json)]
    pub(crate) keys: Option<KeyRules>,
    #[command(flatten)]
    pub(crate) accounts: AccountsArgs,
}

/// Support for classic programs.
#[derive(Debug, Args)]
pub(crate) struct ClassicArgs {
    /// Support producers that only know the classic columns, with a trigger that keeps the counter from going back
    #[arg(long, env = "CLASSIC_PRODUCERS")]
    classic_producers: bool,
    /// Support consumers that only know the classic columns, with an index that keeps them from reading finished events
    #[arg(long, env = "CLASSIC_CONSUMERS")]
    classic_consumers: bool,
}

impl From<ClassicArgs> for Classic {
    fn from(ClassicArgs { classic_producers, classic_consumers }: ClassicArgs) -> Self {
        Self { producers: classic_producers, consumers: classic_consumers }
    }
}

/// The user that changes the tables.
#[derive(Debug, Args)]
pub(crate) struct SchemaUser {
    /// User with the privileges to change the tables; if not set, `DATABASE_USER`
    #[arg(long, env = "SCHEMA_USER", requires = "schema_password_file", value_parser = eventpipeline_database::name)]
    schema_user: Option<String>,
    /// File with that user's password; ignored without a user
    #[arg(long, env = "SCHEMA_PASSWORD_FILE")]
    schema_password_file: Option<PathBuf>,
}

impl SchemaUser {
    /// Returns the database arguments with this user, if set.
    pub(super) fn instead_of(self, database: DatabaseArgs) -> DatabaseArgs {
        match (self.schema_user, self.schema_password_file) {
            (Some(database_user), Some(database_password_file)) => {
                DatabaseArgs { database_user, database_password_file, ..database }
            }
            _ => database,
        }
    }
}

/// Database users of producers and consumers.
#[derive(Debug, Args)]
pub(crate) struct AccountsArgs {
    /// Generation of the users to create: `eventpipeline_producer_GENERATION` and `eventpipeline_consumer_GENERATION`.
    /// Users of other generations are removed when they are no longer used. If not set, no users are created
    #[arg(
        id = "accounts_generation",
        long = "accounts-generation",
        env = "ACCOUNTS_GENERATION",
        requires = "accounts_folder",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(super) generation: Option<Generation>,
    /// Folder with the password files `producer-password` and `consumer-password`
    #[arg(
        id = "accounts_folder",
        long = "accounts-folder",
        env = "ACCOUNTS_FOLDER",
        requires = "accounts_generation"
    )]
    pub(super) folder: Option<PathBuf>,
    /// Seconds without connections after which a user of another generation is removed
    #[arg(
        id = "accounts_quiet_seconds",
        long = "accounts-quiet-seconds",
        env = "ACCOUNTS_QUIET_SECONDS",
        default_value_t = 60
    )]
    pub(super) quiet_seconds: u64,
}
