//! Arguments of mysqld.

use super::super::validate::ManagedDatabase;
use super::mysql_names::CREDENTIALS_FOLDER;
use super::secrets::{AUTHORITY, CERTIFICATE, INIT, KEY};

/// Size of the buffer pool without a memory limit.
const SMALLEST_POOL: u128 = 256 << 20;
/// InnoDB rounds the buffer pool up to a multiple of this.
const CHUNK: u128 = 128 << 20;
/// Default maximum number of connections.
pub(crate) const MAX_CONNECTIONS: u32 = 500;

/// Bounds on what mysqld writes in addition to the events. The author may override them (ADR 21). The binary
/// log is not read yet, so it is rotated every minute (`database/accounts/init.sql`) and kept for a minute.
const BOUNDS: [&str; 5] = [
    "--binlog-row-image=MINIMAL",
    "--max-binlog-size=64M",
    "--binlog-expire-logs-seconds=60",
    "--innodb-redo-log-capacity=128M",
    // At most two tablespaces of this size, once their transactions have ended.
    "--innodb-max-undo-log-size=64M",
];

/// Options for durability up to the last commit and for the queue's statements, whatever the image's defaults
/// are.
const FIXED: [&str; 7] = [
    "--transaction-isolation=READ-COMMITTED",
    "--innodb-flush-log-at-trx-commit=1",
    "--sync-binlog=1",
    "--skip-name-resolve",
    // Network connections must be encrypted.
    "--require-secure-transport=ON",
    // The schema's user, who is no superuser, creates the trigger that classic producers need. The binary log
    // contains rows, whatever a trigger does.
    "--log-bin-trust-function-creators=ON",
    // Temporary tables fail before they fill the volume.
    "--innodb-temp-data-file-path=ibtmp1:12M:autoextend:max:256M",
];

/// Options that refer to a file of the credentials.
const FILES: [(&str, &str); 4] =
    [("ssl-ca", AUTHORITY), ("ssl-cert", CERTIFICATE), ("ssl-key", KEY), ("init-file", INIT)];

/// Builds the arguments. The last of two arguments for the same option wins, so the order is: defaults, the
/// author's options, fixed options.
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

/// Returns the size of InnoDB's buffer pool: three eighths of the first 2 GiB of the memory limit, because
/// mysqld and its connections need about as much in any case, and three quarters of the rest.
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
    fn the_buffer_pool_grows_with_the_memory_limit() {
        for (limit, expected) in [(1_u128, 384_u128), (2, 768), (4, 2304), (8, 5376), (64, 48384)] {
            let pool = buffer_pool(Some(limit << 30));
            assert_eq!(pool >> 20, expected, "{limit} GiB");
            assert!((limit << 30) - pool >= 600 << 20);
        }
        assert_eq!(buffer_pool(None), SMALLEST_POOL);
    }
}
