//! The rules for keys in the database.

use sqlx::Executor as _;
use sqlx::mysql::MySqlConnection;

use super::{KeyRules, OnDead};
use crate::error::Error;
use crate::schema::{self, failed_to};
use crate::session::Database;
use crate::sql_batch::SqlBatch;
use crate::state_column;

impl Database {
    /// Replaces the rules for keys. Without rules, no events with a key can be created.
    ///
    /// The first rules of a database add blocked events to the column `state`, which copies the table of events: creations and claims
    /// wait for about 10 s per million events.
    ///
    /// A higher concurrency takes effect for each key when its next event ends.
    ///
    /// # Errors
    /// Returns [`Error::SchemaBlocked`] if another client keeps the table locked.
    pub async fn apply_key_rules(&self, rules: Option<KeyRules>) -> Result<(), Error> {
        let mut connection = self.connect_for_changes().await?;
        schema::lock(&mut connection).await?;
        if rules.is_some() {
            match state_column::add_keys(&mut connection).await {
                Err(source) if schema::is_lock(&source) => return Err(self.blocked(source).await),
                added => added.map_err(failed_to("add keys to the table of events"))?,
            }
        }
        replace(rules, &mut connection).await.map_err(failed_to("store the rules for keys"))
    }
}

async fn replace(rules: Option<KeyRules>, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let Some(KeyRules { concurrency, on_dead }) = rules else {
        return connection.execute("DELETE FROM KeySettings").await.map(drop);
    };
    let mut insert = SqlBatch::new("INSERT INTO KeySettings (concurrency, dead_blocks) VALUES (");
    insert.number(concurrency.get()).sql(if on_dead == OnDead::Block { ", 1" } else { ", 0" });
    insert.sql(
        ") ON DUPLICATE KEY UPDATE concurrency = VALUES(concurrency), dead_blocks = VALUES(dead_blocks)",
    );
    insert.execute(connection).await.map(drop)
}
