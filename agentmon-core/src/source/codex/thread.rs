//! Thread ids: Codex names a thread, and its rollout, by a UUIDv7 whose first 48 bits are its birth.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// Length of a UUID in text.
const UUID_LEN: usize = 36;

/// The id of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ThreadId(Box<str>);

impl ThreadId {
    pub(super) fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }

    /// The id in a rollout's name: `rollout-2026-11-21T09-29-26-<id>.jsonl` or `....jsonl.zst`.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let stem = stem(path)?;
        let id = stem.get(stem.len().checked_sub(UUID_LEN)?..)?;
        is_uuid(id).then(|| Self::new(id))
    }

    /// The name that stands for the thread where neither the file's name nor its content tells the id.
    pub(super) fn fallback(path: &Path) -> Self {
        Self::new(stem(path).unwrap_or_default())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// When the thread was made, if its id tells.
    pub(super) fn born(&self) -> Option<Timestamp> {
        uuid7_millis(&self.0)
    }
}

fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".zst").unwrap_or(name);
    Some(name.strip_suffix(".jsonl").unwrap_or(name))
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID_LEN
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The time in a UUIDv7 (RFC 9562, section 5.7); `None` for any other text.
pub(super) fn uuid7_millis(id: &str) -> Option<Timestamp> {
    if !is_uuid(id) || id.as_bytes()[14] != b'7' {
        return None;
    }
    let high = i64::from_str_radix(&id[..8], 16).ok()?;
    let low = i64::from_str_radix(&id[9..13], 16).ok()?;
    Some(Timestamp(high << 16 | low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_tells_thread_and_birth() {
        let id = "01a1fd70-6db7-7351-b501-9fe1612710b3";
        for suffix in [".jsonl", ".jsonl.zst"] {
            let path = format!("/x/archived_sessions/rollout-2026-11-21T09-29-26-{id}{suffix}");
            let thread = ThreadId::of_file(Path::new(&path)).unwrap();
            assert_eq!(thread.as_str(), id);
            assert_eq!(
                thread.born().unwrap().to_string(),
                "2026-11-21T09:29:26.199Z"
            );
        }
        for name in [
            "rollout-1.jsonl",
            "rollout-äöü-日本語日本語日本語日本語.jsonl",
            "",
        ] {
            assert_eq!(ThreadId::of_file(Path::new(name)), None, "{name}");
        }
        assert_eq!(uuid7_millis("f2b7d8a0-1111-4222-8333-444455556666"), None);
    }
}
