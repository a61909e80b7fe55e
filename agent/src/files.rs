//! The kinds of files in a MySQL data directory, by their names.

use std::path::Path;

use strum::{IntoStaticStr, VariantArray};

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Kind {
    /// Tables and the system tablespace.
    Data,
    /// Log of changes, for replication and point-in-time recovery.
    BinaryLog,
    /// Changes that a replica has received and not yet removed.
    RelayLog,
    /// Log that crash recovery reads.
    RedoLog,
    /// Old versions of rows.
    UndoLog,
    /// Temporary tables. The server removes them at its next start.
    Temporary,
    /// Everything else.
    Other,
}

impl Kind {
    /// Returns the kind of the file at `path` within the data directory.
    pub(crate) fn of(path: &Path) -> Self {
        let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match folder {
            "#innodb_redo" => Self::RedoLog,
            "#innodb_temp" => Self::Temporary,
            "" if name.starts_with("binlog.") => Self::BinaryLog,
            "" if name.contains("-relay-bin") => Self::RelayLog,
            "" if name.starts_with("undo_") => Self::UndoLog,
            "" if name.starts_with("ibtmp") => Self::Temporary,
            "" if name.starts_with("ibdata") => Self::Data,
            _ if path.extension().is_some_and(|extension| extension == "ibd") => Self::Data,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_folder_of_a_file_give_its_kind() {
        for (path, kind) in [
            ("eventpipeline/Events.ibd", Kind::Data),
            ("eventpipeline/binlog.ibd", Kind::Data),
            ("mysql.ibd", Kind::Data),
            ("ibdata1", Kind::Data),
            ("binlog.000017", Kind::BinaryLog),
            ("binlog.index", Kind::BinaryLog),
            ("db-0-relay-bin-group_replication_applier.000002", Kind::RelayLog),
            ("#innodb_redo/#ib_redo7", Kind::RedoLog),
            ("#innodb_temp/temp_1.ibt", Kind::Temporary),
            ("ibtmp1", Kind::Temporary),
            ("undo_001", Kind::UndoLog),
            ("#ib_16384_0.dblwr", Kind::Other),
            ("auto.cnf", Kind::Other),
            ("performance_schema/undo_001", Kind::Other),
        ] {
            assert_eq!(Kind::of(Path::new(path)), kind, "{path}");
        }
    }
}
