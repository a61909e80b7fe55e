//! Measurement of a volume and of the data directory on it. It reads names and sizes, never contents.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::files::Kind;

/// Unit of `st_blocks`, in bytes.
const BLOCK: u64 = 512;

/// The sizes of a volume and of its files, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Measurement {
    /// Size of the volume.
    pub(crate) capacity: u64,
    /// Free space for unprivileged programs.
    pub(crate) free: u64,
    /// Disk usage of the files, by kind. Kinds without files are missing.
    pub(crate) files: HashMap<Kind, u64>,
}

/// Measures the volume and the data directory at `folder`.
pub(crate) fn measure(folder: &Path) -> io::Result<Measurement> {
    let volume = rustix::fs::statvfs(folder)?;
    let mut files = HashMap::new();
    add(folder, Path::new(""), &mut files)?;
    Ok(Measurement {
        capacity: volume.f_blocks.saturating_mul(volume.f_frsize),
        free: volume.f_bavail.saturating_mul(volume.f_frsize),
        files,
    })
}

/// Adds the files below `within`, a path in `root`. Files that the server removes meanwhile are skipped.
fn add(root: &Path, within: &Path, files: &mut HashMap<Kind, u64>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(within))? {
        match add_entry(root, within, &entry?, files) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

fn add_entry(root: &Path, within: &Path, entry: &DirEntry, files: &mut HashMap<Kind, u64>) -> io::Result<()> {
    let path = within.join(entry.file_name());
    let metadata = entry.metadata()?;
    if metadata.is_dir() {
        return add(root, &path, files);
    }
    *files.entry(Kind::of(&path)).or_default() += metadata.blocks() * BLOCK;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_files_are_summed_by_kind() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("eventpipeline")).unwrap();
        for (name, bytes) in
            [("binlog.000001", 100_000), ("binlog.000002", 100_000), ("eventpipeline/Events.ibd", 300_000)]
        {
            fs::write(folder.path().join(name), vec![1; bytes]).unwrap();
        }
        fs::File::open(folder.path().join("eventpipeline/Events.ibd")).unwrap().sync_all().unwrap();
        fs::File::open(folder.path().join("binlog.000001")).unwrap().sync_all().unwrap();
        fs::File::open(folder.path().join("binlog.000002")).unwrap().sync_all().unwrap();
        let Measurement { capacity, free, files } = measure(folder.path()).unwrap();
        assert!(capacity >= free && free > 0, "{capacity} {free}");
        assert!((200_000..300_000).contains(&files[&Kind::BinaryLog]), "{files:?}");
        assert!((300_000..400_000).contains(&files[&Kind::Data]), "{files:?}");
        assert_eq!(files.len(), 2);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(measure(Path::new("/nowhere")).is_err());
    }
}
