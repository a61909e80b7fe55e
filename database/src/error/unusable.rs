//! Reasons why a server that was reached cannot be used.

use std::fmt;

/// The reason why a server that was reached cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It refuses writes, and its data may be stale: it is a replica or a demoted primary.
    ReadOnly,
    /// Its `max_allowed_packet` is too small.
    SmallPacket {
        /// Current value, in bytes.
        bytes: usize,
        /// Minimum value, in bytes.
        required: usize,
    },
    /// Its version lacks features that the statements need.
    Old {
        /// Version, as the server reports it.
        version: String,
    },
    /// It refuses writes at READ COMMITTED.
    StatementLog,
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => formatter.write_str(
                "it is read-only (read_only or innodb_read_only is ON): a replica, or a primary that was demoted; \
                 its name must lead to the server that accepts writes",
            ),
            Self::SmallPacket { bytes, required } => {
                write!(formatter, "its max_allowed_packet is {bytes} bytes; it must be at least {required}")
            }
            Self::Old { version } => write!(
                formatter,
                "its version is {version}; it must be at least MySQL 8.0.23 or MariaDB 10.6"
            ),
            Self::StatementLog => formatter.write_str(
                "its binlog_format is STATEMENT, with which it refuses writes at READ COMMITTED; it must be ROW or MIXED",
            ),
        }
    }
}
