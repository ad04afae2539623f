//! What the names of files and sessions say. Nothing here opens a file.

use std::path::Path;

use crate::model::{AgentKind, SessionKey, Timestamp};

/// A file of interest, by its path below the state folder.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::source::openclaw) enum Place<'a> {
    /// `agents/<agent>/sessions/sessions.json`.
    Rows { agent: &'a str },
    /// A transcript or a copy of one.
    Transcript { agent: &'a str, name: Name<'a> },
}

/// The name of a transcript, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::source::openclaw) struct Name<'a> {
    /// The conversation that it holds.
    pub(in crate::source::openclaw) session: &'a str,
    /// What became of it.
    pub(in crate::source::openclaw) kind: Kind,
    /// Whether it is compressed with zstd.
    pub(in crate::source::openclaw) compressed: bool,
}

/// What became of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source::openclaw) enum Kind {
    /// It is the conversation's own file.
    Current,
    /// A copy made before the file was shortened or compacted. It may hold calls that the file no longer has.
    Copy,
    /// The conversation was ended and its file renamed.
    Ended {
        /// `deleted` or `reset`.
        how: &'static str,
        /// When, if the name says it.
        at: Option<Timestamp>,
    },
}

const SESSIONS: &str = "sessions";
/// Where transcripts go once their content is in SQLite (OpenClaw 2026.8).
const IMPORTED: &str = "session-sqlite-import-archive";

/// Whether the walk goes into a folder below the state folder.
pub(in crate::source::openclaw) fn enters(relative: &Path) -> bool {
    match parts(relative).as_deref() {
        Some([] | ["agents"] | ["agents", _]) => true,
        Some(["agents", _, folder]) => [SESSIONS, IMPORTED].contains(folder),
        _ => false,
    }
}

impl<'a> Place<'a> {
    /// What lies at a path below the state folder; `None` for what is not read.
    pub(in crate::source::openclaw) fn of(relative: &'a Path) -> Option<Self> {
        let parts = parts(relative)?;
        let ["agents", agent, folder, file] = parts[..] else {
            return None;
        };
        match folder {
            SESSIONS if file == "sessions.json" => Some(Self::Rows { agent }),
            SESSIONS | IMPORTED => Some(Self::Transcript {
                agent,
                name: Name::parse(file)?,
            }),
            _ => None,
        }
    }
}

fn parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .map(|part| part.as_os_str().to_str())
        .collect()
}

impl<'a> Name<'a> {
    /// Takes a file's name apart; `None` for locks, temporary files, trajectories and all else.
    pub(in crate::source::openclaw) fn parse(file: &'a str) -> Option<Self> {
        let (stem, rest) = file.split_once(".jsonl")?;
        if stem.ends_with(".trajectory") {
            return None;
        }
        let kind = if rest.is_empty() {
            Kind::Current
        } else if let Some(time) = rest.strip_prefix(".deleted.") {
            Kind::ended("deleted", time)
        } else if let Some(time) = rest.strip_prefix(".reset.") {
            Kind::ended("reset", time)
        } else if rest.starts_with(".bak.") {
            Kind::Copy
        } else {
            return None;
        };
        let (stem, kind) = match stem.split_once(".checkpoint.") {
            Some((stem, _)) => (stem, Kind::Copy),
            None => (stem, kind),
        };
        // A fork is `<time>_<session id>`, a topic of a group `<session id>-topic-<topic>`.
        let session = match stem.split_once('_') {
            Some((time, id)) if is_file_time(time) => id,
            _ => stem,
        };
        let session = session.split_once("-topic-").map_or(session, |(id, _)| id);
        (!session.is_empty()).then_some(Self {
            session,
            kind,
            compressed: rest.ends_with(".zst"),
        })
    }
}

impl Kind {
    fn ended(how: &'static str, rest: &str) -> Self {
        // `2026-11-21T09-30-53.634Z`, perhaps followed by more.
        let at = rest.get(..24).and_then(|time| {
            let (date, clock) = time.split_once('T')?;
            Timestamp::parse(&format!("{date}T{}", clock.replace('-', ":")))
        });
        Self::Ended { how, at }
    }
}

/// Whether a text is a time with `-` for every separator: `2026-11-21T09-30-53-634Z`.
fn is_file_time(text: &str) -> bool {
    let shape = text
        .bytes()
        .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    shape.eq(*b"0000-00-00T00-00-00-000Z")
}

/// The identity of a session.
pub(in crate::source::openclaw) fn session_key(agent: &str, session: &str) -> SessionKey {
    SessionKey::new(AgentKind::OpenClaw, format!("{agent}/{session}"))
}

/// The session whose transcript lies at an absolute path, as rows and headers give it, also from another machine.
/// `agent` is assumed where the path names no agent.
pub(in crate::source::openclaw) fn session_at(path: &str, agent: &str) -> Option<SessionKey> {
    let mut parts = path.rsplit(['/', '\\']);
    let name = Name::parse(parts.next()?)?;
    let agent = match (parts.next(), parts.next(), parts.next()) {
        (Some(SESSIONS), Some(agent), Some("agents")) => agent,
        _ => agent,
    };
    Some(session_key(agent, name.session))
}

/// A session key in full and in lower case: `agent:<agent>:<rest>`. Older rows leave the agent out.
pub(in crate::source::openclaw) fn address(key: &str, agent: &str) -> String {
    let key = key.to_lowercase();
    if key.starts_with("agent:") || key == "global" || key == "unknown" {
        key
    } else {
        format!("agent:{agent}:{key}")
    }
}

/// The agent that an address in full names.
pub(in crate::source::openclaw) fn agent_of(address: &str) -> Option<&str> {
    let agent = address.strip_prefix("agent:")?.split(':').next()?;
    let is_name = !agent.is_empty() && !agent.contains(['/', '\\']) && !agent.starts_with('.');
    is_name.then_some(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5050aa15-cf3d-43b2-b558-8642a8722644";

    #[test]
    fn file_names_are_taken_apart() {
        let at = Timestamp::parse("2026-11-21T09:30:53.634Z");
        let deleted = Kind::Ended { how: "deleted", at };
        let reset = Kind::Ended { how: "reset", at };
        for (file, kind, compressed) in [
            ("ID.jsonl", Kind::Current, false),
            ("ID-topic-17.jsonl", Kind::Current, false),
            ("2026-11-21T09-30-53-634Z_ID.jsonl", Kind::Current, false),
            ("ID.jsonl.deleted.2026-11-21T09-30-53.634Z", deleted, false),
            (
                "ID.jsonl.deleted.2026-11-21T09-30-53.634Z.2ed1.zst",
                deleted,
                true,
            ),
            (
                "ID-topic-17.jsonl.reset.2026-11-21T09-30-53.634Z",
                reset,
                false,
            ),
            (
                "ID.jsonl.reset.soon",
                Kind::Ended {
                    how: "reset",
                    at: None,
                },
                false,
            ),
            ("ID.jsonl.bak.2026-11-21T09-30-53.634Z", Kind::Copy, false),
            ("ID.checkpoint.0a1b.jsonl", Kind::Copy, false),
            (
                "ID.checkpoint.0a1b.jsonl.deleted.2026-11-21T09-30-53.634Z",
                Kind::Copy,
                false,
            ),
        ] {
            let file = file.replace("ID", ID);
            let expected = Name {
                session: ID,
                kind,
                compressed,
            };
            assert_eq!(Name::parse(&file), Some(expected), "{file}");
        }
        assert_eq!(Name::parse("my_notes.jsonl").unwrap().session, "my_notes");
        for file in [
            "sessions.json",
            "ID.trajectory.jsonl",
            "ID.trajectory-path.json",
            "ID.jsonl.lock",
            "ID.jsonl.tmp",
            "sessions.json.12.ab.tmp",
            ".jsonl",
            ".usage-cost-cache.json",
        ] {
            assert_eq!(Name::parse(file), None, "{file}");
        }
    }

    #[test]
    fn only_the_folders_of_sessions_are_entered() {
        for (folder, entered) in [
            ("", true),
            ("agents", true),
            ("agents/main", true),
            ("agents/main/sessions", true),
            ("agents/main/session-sqlite-import-archive", true),
            ("agents/main/agent", false),
            ("agents/main/sessions/skills", false),
            ("workspace", false),
        ] {
            assert_eq!(enters(Path::new(folder)), entered, "{folder}");
        }
        let rows = Some(Place::Rows { agent: "main" });
        assert_eq!(
            Place::of(Path::new("agents/main/sessions/sessions.json")),
            rows
        );
        for path in [
            "sessions/x.jsonl",
            "agents/main/agent/x.jsonl",
            "agents/main/sessions",
        ] {
            assert_eq!(Place::of(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn rows_and_headers_name_sessions_by_path_and_by_key() {
        for (path, expected) in [
            (
                r"C:\Users\x\.openclaw\agents\research\sessions\ID.jsonl",
                Some("research/ID"),
            ),
            (
                "/home/x/.openclaw/agents/main/sessions/ID-topic-1.jsonl",
                Some("main/ID"),
            ),
            ("ID.jsonl", Some("own/ID")),
            ("/elsewhere/ID.jsonl", Some("own/ID")),
            ("agent:main:main", None),
            ("", None),
        ] {
            let key = session_at(path, "own").map(|key| key.native_id);
            assert_eq!(key.as_deref(), expected, "{path}");
        }
        assert_eq!(address("Main", "own"), "agent:own:main");
        assert_eq!(address("group:12", "own"), "agent:own:group:12");
        assert_eq!(address("agent:a:Cron:x", "own"), "agent:a:cron:x");
        assert_eq!(address("global", "own"), "global");
    }
}
