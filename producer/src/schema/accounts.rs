//! Database users of producers and consumers.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use eventpipeline_database::{Account, Classic, Database, Generation, Role};
use tracing::info;

use super::args::AccountsArgs;

/// The users of a generation.
pub(super) struct Accounts {
    generation: Generation,
    users: Vec<Account>,
    quiet: Duration,
}

impl Accounts {
    /// Reads the passwords. Returns `None` if the command does not manage users.
    pub(super) fn read(args: AccountsArgs) -> anyhow::Result<Option<Self>> {
        let AccountsArgs { generation, folder, quiet_seconds } = args;
        let (Some(generation), Some(folder)) = (generation, folder) else {
            return Ok(None);
        };
        let users = Role::ALL.map(|role| account(&folder, role, generation));
        let users = users.into_iter().collect::<anyhow::Result<_>>()?;
        let quiet = Duration::from_secs(quiet_seconds);
        Ok(Some(Self { generation, users, quiet }))
    }

    /// Creates the users, and removes those of other generations.
    pub(super) async fn establish(self, database: &Database, classic: Classic) -> anyhow::Result<()> {
        let Self { generation, users, quiet } = self;
        database.grant(&users, classic).await.context("failed to create the users")?;
        info!(generation, "the users of generation {generation} exist");
        let removed = database.retire(generation, quiet).await;
        let removed = removed.context("failed to remove the users of other generations")?;
        info!(removed, "removed {removed} users of other generations");
        Ok(())
    }
}

fn account(folder: &Path, role: Role, generation: Generation) -> anyhow::Result<Account> {
    let file = match role {
        Role::Producer => "producer-password",
        Role::Consumer => "consumer-password",
    };
    let path = folder.join(file);
    let password = std::fs::read_to_string(&path)
        .with_context(|| format!("failed to read the password file {}", path.display()))?;
    Ok(Account { role, generation, password: password.trim_end_matches(['\r', '\n']).into() })
}
