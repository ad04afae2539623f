//! Is a process alive? The operating system's answer, behind a trait so that tests bring their own.

use std::fmt::Debug;

/// A process, told apart from a later one that got the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// Its number.
    pub pid: u32,
    /// When it started, in the operating system's own unit (Linux: clock ticks since boot, field 22 of
    /// `/proc/<pid>/stat`), if known.
    pub start: Option<u64>,
}

/// Says whether processes live.
pub trait ProcessTable: Debug + Send + Sync + 'static {
    /// `Some(true)` if that very process lives, `Some(false)` if it is gone (or its number went to another one),
    /// `None` if this cannot be told.
    fn alive(&self, process: ProcessId) -> Option<bool>;

    /// Where the numbers of this table count: the machine and the process namespace, as `linux:<machine id>:<namespace>`.
    /// `None` if this cannot be told.
    fn domain(&self) -> Option<&str> {
        None
    }
}

/// The processes of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemProcesses;

impl ProcessTable for SystemProcesses {
    fn domain(&self) -> Option<&str> {
        static DOMAIN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
        DOMAIN.get_or_init(system::domain).as_deref()
    }

    fn alive(&self, process: ProcessId) -> Option<bool> {
        alive(process.pid, process.start)
    }
}

/// Whether the process `pid` that started at `start` lives. See [`ProcessTable::alive`].
#[must_use]
pub fn alive(pid: u32, start: Option<u64>) -> Option<bool> {
    system::alive(pid, start)
}

/// When this very process started, in the unit of [`ProcessId::start`], if the system tells.
#[must_use]
pub fn own_start() -> Option<u64> {
    system::own_start()
}

#[cfg(target_os = "linux")]
mod system {
    pub(super) fn own_start() -> Option<u64> {
        let stat = std::fs::read("/proc/self/stat").ok()?;
        super::parse_stat(&stat).map(|(_, start)| start)
    }

    pub(super) fn alive(pid: u32, start: Option<u64>) -> Option<bool> {
        match std::fs::read(format!("/proc/{pid}/stat")) {
            Ok(stat) => {
                let (dead, started) = super::parse_stat(&stat)?;
                match start {
                    _ if dead => Some(false),
                    Some(start) => Some(start == started),
                    None => None,
                }
            }
            // Without /proc nothing is known; with it, no entry means no process.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::path::Path::new("/proc/self/stat")
                    .exists()
                    .then_some(false)
            }
            Err(_) => None,
        }
    }

    pub(super) fn domain() -> Option<String> {
        let machine = std::fs::read_to_string("/etc/machine-id").ok()?;
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("linux:{}:{}", machine.trim(), namespace.to_str()?))
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    pub(super) fn own_start() -> Option<u64> {
        None
    }

    /// Elsewhere the start time cannot be read without unsafe code: only absence is certain.
    pub(super) fn alive(pid: u32, _start: Option<u64>) -> Option<bool> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?)?;
        match rustix::process::test_kill_process(pid) {
            Err(rustix::io::Errno::SRCH) => Some(false),
            _ => None,
        }
    }

    pub(super) fn domain() -> Option<String> {
        None
    }
}

#[cfg(not(unix))]
mod system {
    pub(super) fn own_start() -> Option<u64> {
        None
    }

    pub(super) fn alive(_pid: u32, _start: Option<u64>) -> Option<bool> {
        None
    }

    pub(super) fn domain() -> Option<String> {
        None
    }
}

/// Reads `/proc/<pid>/stat` (proc_pid_stat(5)): whether the process is dead already (a zombie), and its start time.
/// The name in field 2 is in parentheses and may hold anything, also parentheses and spaces.
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "tested everywhere")
)]
fn parse_stat(stat: &[u8]) -> Option<(bool, u64)> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    // State is field 3, the start time field 22.
    let start = fields.nth(18)?.parse().ok()?;
    Some((matches!(state, "Z" | "X" | "x"), start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_start_time_behind_any_name() {
        let stat = b"4242 (a) b (c) S 1 4242 4242 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 159236 1000 10 1 2 3";
        assert_eq!(parse_stat(stat), Some((false, 159_236)));
        let zombie =
            b"4242 (claude) Z 1 4242 4242 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 159236 0 0 0 0 0";
        assert_eq!(parse_stat(zombie), Some((true, 159_236)));
        for broken in [
            &b""[..],
            b"1 (x",
            b"1 (x) S 1 2",
            b"1 (x) S a b c d e f g h i j k l m n o p q r s",
        ] {
            assert_eq!(parse_stat(broken), None);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn knows_this_process_and_not_another_with_its_number() {
        let stat = std::fs::read("/proc/self/stat").unwrap();
        let (_, start) = parse_stat(&stat).unwrap();
        let pid = std::process::id();
        assert_eq!(alive(pid, Some(start)), Some(true));
        assert_eq!(alive(pid, Some(start + 1)), Some(false));
        assert_eq!(alive(pid, None), None);
        assert_eq!(alive(u32::MAX, Some(1)), Some(false));
    }
}
