//! Connections that hold a lock, as error messages name them.

use std::fmt;

/// Connections that hold a lock for which another one waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders(Vec<Holder>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) connection: i64,
    pub(crate) user: String,
    pub(crate) seconds: i64,
}

impl Holders {
    /// Creates a list. An empty one means that the user may not see the holders.
    pub(crate) fn new(holders: Vec<Holder>) -> Self {
        Self(holders)
    }
}

impl fmt::Display for Holders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str(
                "; this user may not see which (SELECT on performance_schema, or PROCESS, would show it)",
            );
        }
        let mut before = ": ";
        for Holder { connection, user, seconds } in &self.0 {
            write!(formatter, "{before}connection {connection} of {user}, for {seconds} s")?;
            before = "; ";
        }
        formatter.write_str(" (`KILL` ends a connection)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_holders_or_the_missing_privilege() {
        let holder = Holder { connection: 17, user: "root@db".to_owned(), seconds: 43 };
        let two = Holders(vec![holder.clone(), Holder { connection: 18, ..holder }]);
        assert_eq!(
            two.to_string(),
            ": connection 17 of root@db, for 43 s; connection 18 of root@db, for 43 s (`KILL` ends a connection)"
        );
        assert!(Holders::default().to_string().contains("PROCESS"));
    }
}
