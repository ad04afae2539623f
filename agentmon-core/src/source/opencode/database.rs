//! Asks opencode's database for what is new.
//!
//! Rows are rewritten while an answer arrives and no index is by time alone, so the parser goes by session: those that
//! were touched since the last time, and among the latest ones those that look different. `session.time_updated` alone
//! does not tell: it stands still while a session's last answer ends. Of a session that was read before, only messages
//! are read again that changed, themselves or a part of them.

use std::collections::{BTreeMap, HashSet, VecDeque};

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::message;
use super::record::{Message, Part, Session};
use super::session_key;
use crate::model::{Batch, FactKey, ProblemKind, Progress, Stamped, Timestamp, latest};
use crate::source::line::Line;
use crate::source::{Database, DatabaseError, FileInfo, Parser, Request, Want};

/// Sessions that are looked at for changes although nothing touched them.
const RECENT: usize = 64;

/// Sessions that are listed at a time.
const SESSIONS: i64 = 1000;

/// Sessions that are read at a time.
const SESSIONS_A_STEP: usize = 32;

/// Messages of a session that are read at a time.
const MESSAGES: i64 = 64;

/// Parts of one message that are read.
const PARTS: i64 = 2000;

/// Longest message or part that is read, in bytes.
const MAX_DATA: i64 = 8 * 1024 * 1024;

/// What the tables must have.
const COLUMNS: [(&str, &[&str]); 3] = [
    (
        "session",
        &[
            "id",
            "parent_id",
            "directory",
            "title",
            "version",
            "time_created",
            "time_updated",
        ],
    ),
    (
        "message",
        &["id", "session_id", "time_created", "time_updated", "data"],
    ),
    ("part", &["id", "message_id", "time_updated", "data"]),
];

/// Reader of one database.
#[derive(Debug)]
pub(super) struct Rows {
    path: Box<str>,
    state: State,
    /// What newer versions have besides.
    extras: Option<Extras>,
    /// Sessions that are still to be read.
    queue: VecDeque<String>,
    /// The last session that was listed, by when it was touched.
    listed: Option<(i64, String)>,
    reading: Option<Reading>,
}

/// What is remembered between readings.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    /// `session.time_updated` up to which sessions were read, in milliseconds.
    touched: i64,
    /// The latest sessions.
    recent: BTreeMap<String, Seen>,
}

/// How a session looked when it was read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Seen {
    touched: i64,
    version: i64,
    /// When its messages and parts were last written, in milliseconds.
    written: i64,
}

#[derive(Debug, Clone, Copy)]
struct Extras {
    agent: bool,
    archived: bool,
    sequence: bool,
    todo: bool,
}

/// A session in the middle of being read.
#[derive(Debug)]
struct Reading {
    id: String,
    want: Want,
    created: i64,
    seen: Seen,
    /// Only what was written since then is read.
    since: i64,
    /// The last message that was read.
    after: (i64, String),
}

impl Rows {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self {
            path: file.path.to_string_lossy().into(),
            state: State::default(),
            extras: None,
            queue: VecDeque::new(),
            listed: None,
            reading: None,
        }
    }

    pub(super) fn resume(file: &FileInfo, state: &[u8]) -> Option<Self> {
        let state = serde_json::from_slice(state).ok()?;
        Some(Self {
            state,
            ..Self::new(file)
        })
    }

    /// Whether the tables are those that are known.
    fn probe(database: &Database) -> Result<Option<Extras>, DatabaseError> {
        let mut session = HashSet::new();
        for (table, needed) in COLUMNS {
            let columns = database.columns(table)?;
            if !needed.iter().all(|column| columns.contains(*column)) {
                return Ok(None);
            }
            if table == "session" {
                session = columns;
            }
        }
        let sequence = database.columns("event_sequence")?;
        let todo = database.columns("todo")?;
        Ok(Some(Extras {
            agent: session.contains("agent"),
            archived: session.contains("time_archived"),
            sequence: ["aggregate_id", "seq"]
                .iter()
                .all(|it| sequence.contains(*it)),
            todo: ["session_id", "status", "time_updated"]
                .iter()
                .all(|it| todo.contains(*it)),
        }))
    }

    /// Lists the sessions that may have something new: at first the latest ones that look different, then those that
    /// were touched, the first of them in front.
    fn list(
        &mut self,
        database: &Database,
        extras: Extras,
        request: Request,
    ) -> Result<VecDeque<String>, DatabaseError> {
        let mut queue = VecDeque::new();
        if self.listed.is_none() {
            for (id, seen) in &self.state.recent {
                if look(database, extras, id, seen.touched)?.version != seen.version {
                    queue.push_back(id.clone());
                }
            }
        }
        let mut select = database.connection().prepare_cached(
            "SELECT id, time_updated FROM session WHERE (time_updated, id) > (?1, ?2)
             ORDER BY time_updated, id LIMIT ?3",
        )?;
        let from = self.listed.take();
        let mut last = from.unwrap_or_else(|| (self.state.touched, String::new()));
        while queue.is_empty() {
            let mut rows = select.query(params![last.0, last.1, SESSIONS])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                count += 1;
                last = (row.get(1)?, row.get(0)?);
                let known = self.state.recent.get(&last.1);
                let is_known = known.is_some_and(|seen| seen.touched == last.0);
                if !is_known && !request.skips(Timestamp(last.0)) {
                    queue.push_back(last.1.clone());
                }
            }
            if count < SESSIONS {
                break;
            }
        }
        self.listed = Some(last);
        Ok(queue)
    }

    /// Begins with a session: reads what it says of itself.
    fn begin(
        &self,
        database: &Database,
        extras: Extras,
        id: String,
        request: Request,
        out: &mut Batch,
    ) -> Result<Option<Reading>, DatabaseError> {
        let optional = |there: bool, column: &str| match there {
            true => column.to_owned(),
            false => "NULL".to_owned(),
        };
        let sql = format!(
            "SELECT parent_id, directory, title, version, time_created, time_updated, {}, {} FROM session WHERE id = ?1",
            optional(extras.agent, "agent"),
            optional(extras.archived, "time_archived"),
        );
        let mut select = database.connection().prepare_cached(&sql)?;
        let row = select
            .query_row([&id], |row| {
                Ok(Session {
                    id: id.clone(),
                    parent: row.get(0)?,
                    directory: row.get(1)?,
                    title: row.get(2)?,
                    version: row.get(3)?,
                    created: Timestamp(row.get(4)?),
                    updated: Timestamp(row.get(5)?),
                    agent: row.get(6)?,
                    archived: row.get::<_, Option<i64>>(7)?.map(Timestamp),
                })
            })
            .optional()?;
        // It may have been deleted since it was listed.
        let Some(session) = row else { return Ok(None) };
        let seen = look(database, extras, &id, session.updated.0)?;
        let want = request.of(session.updated.max(Timestamp(seen.written)));
        let index = message::session(&session, &self.path, want, out);
        if want.accounting && extras.todo {
            let progress = progress(database, &id)?;
            latest(&mut out.patch(index).progress, progress);
        }
        let known = self.state.recent.get(&id);
        Ok(Some(Reading {
            want,
            created: session.created.0,
            seen,
            since: known.map_or(i64::MIN, |known| known.written),
            after: (i64::MIN, String::new()),
            id,
        }))
    }

    /// Notes that a session was read to its end.
    fn finish_session(&mut self, reading: Reading) {
        let Reading { id, seen, .. } = reading;
        self.state.touched = self.state.touched.max(seen.touched);
        self.state.recent.insert(id, seen);
        while self.state.recent.len() > RECENT {
            let oldest = self
                .state
                .recent
                .iter()
                .min_by_key(|(_, seen)| seen.touched);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else {
                break;
            };
            self.state.recent.remove(&id);
        }
    }
}

/// How a session looks now: by its counter of events where there is one, and by its last message.
fn look(
    database: &Database,
    extras: Extras,
    id: &str,
    touched: i64,
) -> Result<Seen, DatabaseError> {
    let connection = database.connection();
    let last: Option<(String, i64)> = connection
        .prepare_cached(
            "SELECT id, time_updated FROM message WHERE session_id = ?1
             ORDER BY time_created DESC, id DESC LIMIT 1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (message, message_written) = last.unwrap_or_default();
    let (parts, part_written): (i64, i64) = connection
        .prepare_cached(
            "SELECT count(*), coalesce(max(time_updated), 0) FROM part WHERE message_id = ?1",
        )?
        .query_row([&message], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sequence: i64 = if extras.sequence {
        connection
            .prepare_cached("SELECT seq FROM event_sequence WHERE aggregate_id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?
            .unwrap_or(0)
    } else {
        0
    };
    let numbers = [touched, message_written, part_written, parts, sequence];
    let bytes = numbers.map(i64::to_le_bytes).concat();
    Ok(Seen {
        touched,
        version: FactKey::new("opencode.look", &[message.as_bytes(), &bytes]).0,
        written: message_written.max(part_written),
    })
}

/// How far the session's list of things to do has come.
fn progress(database: &Database, id: &str) -> Result<Option<Stamped<Progress>>, DatabaseError> {
    let mut select = database.connection().prepare_cached(
        "SELECT count(*) FILTER (WHERE status = 'completed'), count(*), max(time_updated) FROM todo
         WHERE session_id = ?1 AND status <> 'cancelled'",
    )?;
    let row = select.query_row([id], |row| {
        let at: Option<i64> = row.get(2)?;
        let progress = Progress {
            done: row.get(0)?,
            total: row.get(1)?,
        };
        Ok(at.map(|at| Stamped {
            at: Timestamp(at),
            value: progress,
        }))
    })?;
    Ok(row)
}

impl Reading {
    /// Reads the next messages; whether there may be more.
    fn messages(&mut self, database: &Database, out: &mut Batch) -> Result<bool, DatabaseError> {
        let mut select = database.connection().prepare_cached(
            "SELECT id, time_created, CASE WHEN octet_length(data) <= ?7 THEN data END FROM message m
             WHERE session_id = ?1 AND (time_created, id) > (?2, ?3) AND time_created >= ?4
               AND (time_updated >= ?5 OR EXISTS
                    (SELECT 1 FROM part p WHERE p.message_id = m.id AND p.time_updated >= ?5))
             ORDER BY time_created, id LIMIT ?6",
        )?;
        // Copies in a fork are older than the session.
        let mut rows = select.query(params![
            self.id,
            self.after.0,
            self.after.1,
            self.created,
            self.since,
            MESSAGES,
            MAX_DATA
        ])?;
        let key = session_key(&self.id);
        let mut count = 0;
        while let Some(row) = rows.next()? {
            count += 1;
            let id: String = row.get(0)?;
            let at: i64 = row.get(1)?;
            self.after = (at, id);
            let (at, id) = (Timestamp(at), &self.after.1);
            let Some(data) = row.get_ref(2)?.as_str_or_null().ok().flatten() else {
                out.problem(ProblemKind::TooLong, 0, "message");
                continue;
            };
            let Ok(message) = serde_json::from_str::<Message<'_>>(data) else {
                out.problem(ProblemKind::Malformed, 0, "message");
                continue;
            };
            let texts = match self.want.content || self.want.evidence {
                true => parts(database, id, out)?,
                false => Vec::new(),
            };
            let parts = texts.iter().filter_map(|(id, text)| {
                let mut part: Part<'_> = serde_json::from_str(text).ok()?;
                part.key = Some(id.clone());
                Some(part)
            });
            let parts: Vec<Part<'_>> = parts.collect();
            let session = out.session(&key);
            let mut line = Line {
                out,
                want: self.want,
                key: &key,
                session,
                offset: 0,
                at,
                id,
            };
            message::message(&mut line, &message, &parts);
        }
        Ok(count == MESSAGES)
    }
}

/// The parts of a message with their ids.
fn parts(
    database: &Database,
    message: &str,
    out: &mut Batch,
) -> Result<Vec<(String, String)>, DatabaseError> {
    let mut select = database.connection().prepare_cached(
        "SELECT id, CASE WHEN octet_length(data) <= ?3 THEN data END FROM part
         WHERE message_id = ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = select.query(params![message, PARTS, MAX_DATA])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        match row.get::<_, Option<String>>(1)? {
            Some(data) => parts.push((row.get(0)?, data)),
            None => out.problem(ProblemKind::TooLong, 0, "part"),
        }
    }
    Ok(parts)
}

impl Parser for Rows {
    /// A database is asked, not fed.
    fn feed(&mut self, _: u64, _: &[u8], _: Want, _: Timestamp, _: &mut Batch) {}

    fn query(
        &mut self,
        database: &Database,
        request: Request,
        out: &mut Batch,
    ) -> Result<bool, DatabaseError> {
        let extras = match self.extras {
            Some(extras) => extras,
            None => {
                let Some(extras) = Self::probe(database)? else {
                    let detail = "tables of another version of opencode";
                    out.problem(ProblemKind::UnknownVersion, 0, detail);
                    return Ok(false);
                };
                *self.extras.insert(extras)
            }
        };
        // Opening the database is not for free either.
        for _ in 0..SESSIONS_A_STEP {
            let mut reading = match self.reading.take() {
                Some(reading) => reading,
                None => {
                    if self.queue.is_empty() {
                        self.queue = self.list(database, extras, request)?;
                    }
                    let Some(id) = self.queue.pop_front() else {
                        return Ok(false);
                    };
                    match self.begin(database, extras, id, request, out)? {
                        Some(reading) => reading,
                        None => continue,
                    }
                }
            };
            if reading.messages(database, out)? {
                self.reading = Some(reading);
                break;
            }
            self.finish_session(reading);
        }
        Ok(true)
    }

    fn state(&self) -> Vec<u8> {
        if self.extras.is_none() && self.state == State::default() {
            return Vec::new();
        }
        serde_json::to_vec(&self.state).unwrap_or_default()
    }
}
