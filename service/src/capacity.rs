//! The limits of files and memory of this process, and the number of connections that they allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Maximum number of connections of an API, regardless of the limits.
const MOST_CONNECTIONS: u64 = 65_536;
/// Memory of a connection while its request waits, in bytes: 13.1 KiB were measured with 10,000 waiting
/// clients (bench/README.md).
const CONNECTION_BYTES: u64 = 14 * 1024;
/// Connections may use one part of the memory in this many. The rest is for bodies, answers and the program
/// itself.
const CONNECTIONS_SHARE: u64 = 2;
/// Files for other purposes: the admin port, refused connections, databases, handlers, logs.
const RESERVED_FILES: u64 = 512;

/// Files with the memory limit of a container: control groups version 2, then version 1.
const MEMORY_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

/// The limits of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Maximum number of open files; `None` if unlimited.
    files: Option<u64>,
    /// Bytes of memory; `None` if unlimited.
    memory: Option<u64>,
}

impl Capacity {
    /// Raises the soft limit of open files to the hard limit, and reads all limits.
    ///
    /// The soft limit is often 1024, for programs that use `select`. The hard limit is the administrator's
    /// choice.
    pub(crate) fn raised() -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // This fails only if the hard limit exceeds that of the kernel; then the soft limit remains.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        Self { files: getrlimit(Resource::Nofile).current, memory: memory_limit() }
    }

    /// Returns the number of connections that an API of this process can serve, at least 16.
    pub(crate) fn connections(self) -> usize {
        let by_files = self.files.map_or(u64::MAX, |files| files - RESERVED_FILES.min(files / 2));
        let by_memory = self.memory.map_or(u64::MAX, |memory| memory / CONNECTIONS_SHARE / CONNECTION_BYTES);
        let connections = MOST_CONNECTIONS.min(by_files).min(by_memory).max(16);
        usize::try_from(connections).unwrap_or(usize::MAX)
    }
}

fn memory_limit() -> Option<u64> {
    let read = |path: &&str| std::fs::read_to_string(path).ok();
    MEMORY_LIMITS.iter().find_map(read).as_deref().and_then(parse_memory_limit)
}

/// Parses a limit. `max` means unlimited, as does the largest number of version 1.
fn parse_memory_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_the_scarcest_resource() {
        let capacity = |files, memory| Capacity { files, memory }.connections();
        assert_eq!(capacity(None, None), 65_536);
        assert_eq!(capacity(Some(1_048_576), None), 65_536);
        assert_eq!(capacity(Some(20_000), None), 19_488);
        assert_eq!(capacity(Some(256), None), 128, "files are reserved for the admin port");
        assert_eq!(capacity(Some(1_048_576), Some(256 << 20)), 9_362, "half of the stock memory");
        assert_eq!(capacity(Some(0), Some(0)), 16);
    }

    #[test]
    fn memory_limits_of_both_versions_are_read() {
        assert_eq!(parse_memory_limit("268435456\n"), Some(256 << 20));
        assert_eq!(parse_memory_limit("max\n"), None);
        assert_eq!(parse_memory_limit("9223372036854771712\n"), None);
    }

    #[test]
    fn the_limit_of_open_files_is_raised_to_the_hard_limit() {
        let raised = Capacity::raised();
        assert_eq!(raised.files, getrlimit(Resource::Nofile).maximum);
    }
}
