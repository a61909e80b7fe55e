//! MySQL's error numbers that the queue handles.
//!
//! Source: MySQL Server Error Message Reference. MariaDB uses the same numbers below 1900.

/// `ER_OUTOFMEMORY`
const OUT_OF_MEMORY: u16 = 1037;
/// `ER_CON_COUNT_ERROR`: `max_connections` is exhausted.
pub(crate) const TOO_MANY_CONNECTIONS: u16 = 1040;
/// `ER_OUT_OF_RESOURCES`
const OUT_OF_RESOURCES: u16 = 1041;
/// `ER_DBACCESS_DENIED_ERROR`
pub(crate) const DATABASE_ACCESS_DENIED: u16 = 1044;
/// `ER_ACCESS_DENIED_ERROR`
const LOGIN_DENIED: u16 = 1045;
/// `ER_BAD_NULL_ERROR`
pub(crate) const NULL_COLUMN: u16 = 1048;
/// `ER_SERVER_SHUTDOWN`
const SHUTDOWN: u16 = 1053;
/// `ER_DUP_ENTRY`
pub(crate) const DUPLICATE_ENTRY: u16 = 1062;
/// `ER_HOST_IS_BLOCKED`: `max_connect_errors` consecutive connections were aborted.
pub(crate) const HOST_BLOCKED: u16 = 1129;
/// `ER_TABLEACCESS_DENIED_ERROR`
pub(crate) const TABLE_ACCESS_DENIED: u16 = 1142;
/// `ER_COLUMNACCESS_DENIED_ERROR`
const COLUMN_ACCESS_DENIED: u16 = 1143;
/// `ER_NO_SUCH_TABLE`
pub(crate) const NO_SUCH_TABLE: u16 = 1146;
/// `ER_NONEXISTING_TABLE_GRANT`
pub(crate) const NO_SUCH_GRANT: u16 = 1147;
/// `ER_ERROR_DURING_COMMIT`: reported by a member of a group, with 3101 as the cause.
const COMMIT_FAILED: u16 = 1180;
/// `ER_TOO_MANY_USER_CONNECTIONS`: `max_user_connections` of the server.
pub(crate) const TOO_MANY_OF_USER: u16 = 1203;
/// `ER_LOCK_WAIT_TIMEOUT` for a row or a table.
pub(crate) const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// `ER_LOCK_DEADLOCK`
const DEADLOCK: u16 = 1213;
/// `ER_USER_LIMIT_REACHED`: a limit of the account.
pub(crate) const USER_LIMIT: u16 = 1226;
/// `ER_OPTION_PREVENTS_STATEMENT`: `read_only` or `super_read_only`.
const READ_ONLY: u16 = 1290;
/// `ER_QUERY_INTERRUPTED`
const INTERRUPTED: u16 = 1317;
/// `ER_BINLOG_CREATE_ROUTINE_NEED_SUPER`
pub(crate) const BINARY_LOG_UNSAFE: u16 = 1419;
/// `ER_BINLOG_LOGGING_IMPOSSIBLE`: with some settings the server commits nevertheless.
const NOT_LOGGED: u16 = 1598;
/// `ER_DATA_OUT_OF_RANGE`
pub(crate) const OUT_OF_RANGE: u16 = 1690;
/// `ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION`
const READ_ONLY_TRANSACTION: u16 = 1792;
/// `ER_READ_ONLY_MODE`: `innodb_read_only`.
const READ_ONLY_MODE: u16 = 1836;
/// `ER_NET_PACKET_TOO_LARGE`
const PACKET_TOO_LARGE: u16 = 1153;
/// `ER_SPECIFIC_ACCESS_DENIED_ERROR`
pub(crate) const ACCESS_DENIED: u16 = 1227;
/// `ER_CONNECTION_KILLED` of MariaDB.
const KILLED: u16 = 1927;
/// `ER_STATEMENT_TIMEOUT` of MariaDB: `max_statement_time`.
const STATEMENT_TIMEOUT: u16 = 1969;
/// `ER_QUERY_TIMEOUT` of MySQL: `max_execution_time` for reads.
const QUERY_TIMEOUT: u16 = 3024;
/// `ER_SERVER_OFFLINE_MODE`
const OFFLINE: u16 = 3032;
/// `ER_RUN_HOOK_ERROR`: the member has lost its group.
const HOOK_FAILED: u16 = 3100;
/// `ER_TRANSACTION_ROLLBACK_DURING_COMMIT`: the group rolled it back.
const ROLLED_BACK: u16 = 3101;
/// `ER_SERVER_ISNT_AVAILABLE`
const NOT_AVAILABLE: u16 = 3168;
/// `ER_GRP_TRX_CONSISTENCY_BEFORE`, `ER_GRP_TRX_CONSISTENCY_AFTER_ON_TRX_BEGIN`
const GROUP_INCONSISTENT: [u16; 2] = [3797, 3798];
/// `ER_CLIENT_INTERACTION_TIMEOUT`: the server had closed the session before it read the statement.
const IDLE_TOO_LONG: u16 = 4031;
/// The group is changing its primary.
const PRIMARY_CHANGES: u16 = 4094;
/// Offline mode, as MySQL 9.7 reports it.
const OFFLINE_NOW: u16 = 6400;

/// Returns whether the server rolled back the transaction, or its last statement, because of other transactions.
pub(crate) fn is_conflict(number: u16) -> bool {
    matches!(number, DEADLOCK | LOCK_WAIT_TIMEOUT | ROLLED_BACK)
}

/// Returns whether this server refuses writes, for now or permanently.
pub(crate) fn is_demotion(number: u16) -> bool {
    matches!(
        number,
        SHUTDOWN
            | READ_ONLY
            | READ_ONLY_TRANSACTION
            | READ_ONLY_MODE
            | OFFLINE
            | OFFLINE_NOW
            | HOOK_FAILED
            | NOT_AVAILABLE
            | PRIMARY_CHANGES
    ) || GROUP_INCONSISTENT.contains(&number)
}

/// Returns whether the connection is unusable and its last statement had no effect.
pub(crate) fn is_loss(number: u16) -> bool {
    matches!(number, COMMIT_FAILED | IDLE_TOO_LONG)
}

/// Returns whether the server refused a statement and is ready for the next one.
pub(crate) fn leaves_connection_well(number: u16) -> bool {
    !is_uncertain(number) && !is_demotion(number) && !is_loss(number)
}

/// Returns whether the error concerns the server or the user instead of rows: a lack of memory, connections or privileges.
pub(crate) fn is_of_the_user_or_the_server(number: u16) -> bool {
    matches!(
        number,
        OUT_OF_MEMORY
            | TOO_MANY_CONNECTIONS
            | OUT_OF_RESOURCES
            | DATABASE_ACCESS_DENIED
            | LOGIN_DENIED
            | TABLE_ACCESS_DENIED
            | COLUMN_ACCESS_DENIED
            | PACKET_TOO_LARGE
    )
}

/// Returns whether the server ended a statement at a time limit of the session.
pub(crate) fn is_time_limit(number: u16) -> bool {
    matches!(number, QUERY_TIMEOUT | STATEMENT_TIMEOUT)
}

/// Returns whether the statement may have been committed nevertheless, because the interruption may have come too late.
pub(crate) fn is_uncertain(number: u16) -> bool {
    matches!(number, INTERRUPTED | NOT_LOGGED | KILLED | STATEMENT_TIMEOUT)
}

/// Returns whether a limit of connections is reached.
pub(crate) fn is_connection_limit(number: u16) -> bool {
    matches!(number, TOO_MANY_CONNECTIONS | TOO_MANY_OF_USER | USER_LIMIT)
}
