//! The files of before: `storage/session/<project>/<session>.json`, `storage/message/<session>/<message>.json` and
//! `storage/part/<message>/<part>.json`, each rewritten as a whole.

use std::fs;
use std::path::Path;

use super::record::{Message, Part, Session, SessionFile, times};
use super::{message, session_key};
use crate::model::{Batch, ProblemKind, Timestamp};
use crate::source::json;
use crate::source::line::Line;
use crate::source::{FileInfo, FileRole, Parser, Want};

/// Parts of one message that are read.
const MAX_PARTS: usize = 1000;

/// Largest part that is read, in bytes.
const MAX_PART: u64 = 4 * 1024 * 1024;

/// Parser of one session or message.
#[derive(Debug)]
pub(super) struct Record {
    file: FileInfo,
}

impl Record {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }

    fn session(bytes: &[u8], want: Want, path: &Path, out: &mut Batch) {
        let file: SessionFile<'_> = match serde_json::from_slice(bytes) {
            Ok(file) if bytes.starts_with(b"{") => file,
            _ => return out.problem(ProblemKind::Malformed, 0, "session"),
        };
        let (Some(id), Some(created)) = (json::text(file.id), times(file.time).created) else {
            return out.problem(ProblemKind::BadField, 0, "id or time");
        };
        let text = |raw| json::text(raw).map(std::borrow::Cow::into_owned);
        let session = Session {
            id: id.into_owned(),
            parent: text(file.parent),
            directory: text(file.directory),
            title: text(file.title),
            version: text(file.version),
            agent: None,
            created,
            updated: times(file.time).updated.unwrap_or(created),
            archived: times(file.time).archived,
        };
        message::session(&session, &path.to_string_lossy(), want, out);
    }

    fn message(&self, bytes: &[u8], want: Want, out: &mut Batch) {
        let message: Message<'_> = match serde_json::from_slice(bytes) {
            Ok(message) if bytes.starts_with(b"{") => message,
            _ => return out.problem(ProblemKind::Malformed, 0, "message"),
        };
        let (Some(id), Some(session), Some(at)) = (
            json::text(message.id),
            json::text(message.session),
            times(message.time).created,
        ) else {
            return out.problem(ProblemKind::BadField, 0, "id or time");
        };
        if is_copy(&session, at) {
            return;
        }
        let wants_parts = want.content || want.evidence;
        let texts = if wants_parts {
            self.parts(&id)
        } else {
            Vec::new()
        };
        let parts: Vec<Part<'_>> = texts
            .iter()
            .filter_map(|text| serde_json::from_slice(text).ok())
            .collect();
        let key = session_key(&session);
        let session = out.session(&key);
        let mut line = Line {
            out,
            want,
            key: &key,
            session,
            offset: 0,
            at,
            id: &id,
        };
        message::message(&mut line, &message, &parts);
    }

    /// The parts of a message. They are not watched, as there is a folder for every message: the message is written
    /// again when its parts are complete.
    fn parts(&self, message: &str) -> Vec<Vec<u8>> {
        if message.contains(['/', '\\', '.']) {
            return Vec::new();
        }
        let folder = self.file.root.join("storage/part").join(message);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).take(MAX_PARTS).collect();
        paths.sort();
        let is_small =
            |path: &Path| fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_PART);
        let parts = paths.into_iter().filter(|path| is_small(path));
        parts.filter_map(|path| fs::read(path).ok()).collect()
    }
}

/// Whether a message is older than its session: a copy in a fork. A session's id begins with its birth, in milliseconds
/// of which 36 bits are left, inverted so that new sessions sort first.
fn is_copy(session: &str, at: Timestamp) -> bool {
    const BITS: u32 = 36;
    const SIZE: u64 = 1 << BITS;
    let digits = session.strip_prefix("ses_").and_then(|id| id.get(..12));
    let Some(inverted) = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) else {
        return false;
    };
    let born = (!inverted >> 12) & (SIZE - 1);
    let age = (at.0 as u64).wrapping_sub(born) & (SIZE - 1);
    // Of two times on a circle, the earlier is the one from which it is the shorter way forward.
    age > SIZE / 2
}

impl Parser for Record {
    fn feed(&mut self, _base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        let bytes = bytes.trim_ascii();
        if self.file.role == FileRole::Document {
            self.message(bytes, want, out);
        } else {
            Self::session(bytes, want, &self.file.path, out);
        }
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_tells_its_birth_by_its_id() {
        // As in a database that has both: the id, and the time of its creation.
        let (id, born) = ("ses_e02751f3bffep5tvzubolNcxqW", 1_795_255_099_588);
        assert!(!is_copy(id, Timestamp(born)));
        assert!(!is_copy(id, Timestamp(born + 1_000_000)));
        assert!(is_copy(id, Timestamp(born - 1)));
        assert!(is_copy(id, Timestamp(born - 10_000_000)));
        for other in ["ses_", "ses_nothexdigits", "x"] {
            assert!(!is_copy(other, Timestamp(born)));
        }
    }
}
