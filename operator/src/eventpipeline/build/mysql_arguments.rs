//! What mysqld is told.

use super::super::validate::ManagedDatabase;
use super::mysql_stateful_set::CREDENTIALS_FOLDER;
use super::secrets::{AUTHORITY, CERTIFICATE, INIT, KEY};

/// Where nothing is said about memory.
const SMALLEST_POOL: u128 = 256 << 20;
/// InnoDB rounds a pool up to a multiple of this.
const CHUNK: u128 = 128 << 20;
/// Connections that are taken where the author says no number.
pub(crate) const MAX_CONNECTIONS: u32 = 500;

/// What bounds that which mysqld writes beside the events, and what an author may set otherwise (ADR 21). The binary log
/// has what a minute has brought, and is cut each minute (`database/accounts/init.sql`): nobody reads it yet.
const BOUNDS: [&str; 5] = [
    "--binlog-row-image=MINIMAL",
    "--max-binlog-size=64M",
    "--binlog-expire-logs-seconds=60",
    "--innodb-redo-log-capacity=128M",
    // Two tablespaces of this size at the most, once their transactions have ended.
    "--innodb-max-undo-log-size=64M",
];

/// Durable to the last commit, whatever the image's own defaults are, and as the queue's statements expect it.
const FIXED: [&str; 7] = [
    "--transaction-isolation=READ-COMMITTED",
    "--innodb-flush-log-at-trx-commit=1",
    "--sync-binlog=1",
    "--skip-name-resolve",
    // Nobody comes in over the network without encryption.
    "--require-secure-transport=ON",
    // The schema's user, which is no superuser, makes the trigger that classic producers need. What it writes to the
    // binary log are rows, whatever a trigger does.
    "--log-bin-trust-function-creators=ON",
    // Temporary tables fail before they fill the volume.
    "--innodb-temp-data-file-path=ibtmp1:12M:autoextend:max:256M",
];

/// Options that name a file of the credentials.
const FILES: [(&str, &str); 4] =
    [("ssl-ca", AUTHORITY), ("ssl-cert", CERTIFICATE), ("ssl-key", KEY), ("init-file", INIT)];

/// Of two that set the same option the last counts: first what the author may change, then the author's, then what nobody
/// may.
pub(super) fn build(database: &ManagedDatabase) -> Vec<String> {
    let mut arguments = vec!["mysqld".to_owned(), format!("--max-connections={MAX_CONNECTIONS}")];
    arguments.extend(BOUNDS.map(str::to_owned));
    arguments
        .extend(database.config.iter().map(|(name, value)| format!("--{}={value}", name.replace('_', "-"))));
    arguments
        .push(format!("--innodb-buffer-pool-size={}M", buffer_pool(database.resources.memory_limit()) >> 20));
    arguments.extend(FIXED.map(str::to_owned));
    arguments.extend(FILES.map(|(option, file)| format!("--{option}={CREDENTIALS_FOLDER}/{file}")));
    arguments
}

/// The part of the memory that becomes InnoDB's buffer pool. Of the first 2 GiB it is three eighths, because mysqld itself
/// and its connections need about as much however little there is, and of the rest three quarters.
fn buffer_pool(memory_limit: Option<u128>) -> u128 {
    let Some(limit) = memory_limit else { return SMALLEST_POOL };
    let small = limit.min(2 << 30);
    let pool = small / 8 * 3 + (limit - small) / 4 * 3;
    (pool / CHUNK * CHUNK).max(CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_grows_with_the_memory_and_leaves_room() {
        for (limit, expected) in [(1_u128, 384_u128), (2, 768), (4, 2304), (8, 5376), (64, 48384)] {
            let pool = buffer_pool(Some(limit << 30));
            assert_eq!(pool >> 20, expected, "{limit} GiB");
            assert!((limit << 30) - pool >= 600 << 20);
        }
        assert_eq!(buffer_pool(None), SMALLEST_POOL);
    }
}
