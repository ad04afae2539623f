//! Reads the rows and transcripts of one agent.
//!
//! What changed is found by comparing: of every row its time and length, of every transcript its last event and the
//! generation that a rewrite changes. Numbers of rows and times of change are not relied upon: SQLite gives the numbers
//! of deleted rows again. The latest transcripts are read on from their last event, others from their beginning.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::AGENT_DATABASE;
use super::database::{self, Archive, Node, Tables, Window};
use crate::model::{Batch, FactKey, ProblemKind, Relation, SessionKey, Timestamp};
use crate::source::json;
use crate::source::openclaw::files::names::{self, Kind, Name};
use crate::source::openclaw::files::rows::Row;
use crate::source::openclaw::files::transcript::Transcript;
use crate::source::{Database, DatabaseError, FileInfo, Parser, Request, Want};

/// Newest version of the schema that was seen.
const KNOWN_SCHEMA: i64 = 23;

/// Transcripts that are read on where reading stopped.
const RECENT: usize = 64;

/// Events that are read at a time.
const EVENTS: i64 = 256;

/// Things that are read at a time.
const ITEMS_A_STEP: usize = 32;

/// A parent's transcript may be dated later than its child by as much.
const CLOCK_LAG: i64 = 1000;

/// Reader of one agent's database.
#[derive(Debug)]
pub(super) struct Agent {
    file: FileInfo,
    name: Box<str>,
    state: State,
    tables: Option<Tables>,
    queue: VecDeque<(i64, Item)>,
    reading: Option<Reading>,
}

/// What is remembered between readings.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// The version of the schema that was told.
    schema: i64,
    /// Hashes of rows, transcripts and archives as they were read.
    seen: BTreeSet<i64>,
    /// The latest transcripts by their session.
    recent: BTreeMap<String, Seen>,
}

/// How far a transcript was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Seen {
    updated: i64,
    generation: String,
    /// The last event that was read.
    last: i64,
    /// The parser's memory.
    memory: String,
}

/// Something that changed.
#[derive(Debug)]
enum Item {
    Row(Node),
    Transcript(Window),
    Archive(Archive),
}

/// A transcript in the middle of being read.
#[derive(Debug)]
struct Reading {
    hash: i64,
    window: Window,
    parser: Transcript,
    last: i64,
    want: Want,
}

impl Agent {
    pub(super) fn new(file: &FileInfo, name: &str) -> Self {
        Self {
            file: file.clone(),
            name: name.into(),
            state: State::default(),
            tables: None,
            queue: VecDeque::new(),
            reading: None,
        }
    }

    pub(super) fn resume(file: &FileInfo, name: &str, state: &[u8]) -> Option<Self> {
        let state = serde_json::from_slice(state).ok()?;
        Some(Self {
            state,
            ..Self::new(file, name)
        })
    }

    /// Looks what changed, and forgets what is gone.
    fn list(
        &mut self,
        database: &Database,
        tables: Tables,
        request: Request,
    ) -> Result<(), DatabaseError> {
        let mut items = Vec::new();
        for node in database::nodes(database, tables)? {
            let numbers = [node.updated.0, node.length];
            let hash = hash("row", &[&node.key, &node.session], numbers);
            items.push((hash, node.updated, Item::Row(node)));
        }
        for window in database::windows(database, tables)? {
            let hash = hash(
                "transcript",
                &[&window.session, &window.generation],
                [window.last, 0],
            );
            items.push((hash, window.updated, Item::Transcript(window)));
        }
        for archive in database::archives(database, tables)? {
            let hash = hash("archive", &[&archive.session, &archive.generation], [0, 0]);
            items.push((hash, archive.created, Item::Archive(archive)));
        }
        let all: BTreeSet<i64> = items.iter().map(|(hash, ..)| *hash).collect();
        self.state.seen.retain(|hash| all.contains(hash));
        self.queue = items
            .into_iter()
            .filter(|(hash, at, item)| {
                let is_wanted = match item {
                    // Rows hold no text.
                    Item::Row(_) => !request.want.content || request.want.accounting,
                    _ => true,
                };
                is_wanted && !self.state.seen.contains(hash) && !request.skips(*at)
            })
            .map(|(hash, _, item)| (hash, item))
            .collect();
        Ok(())
    }

    /// Reports a row.
    fn row(
        &self,
        database: &Database,
        node: &Node,
        want: Want,
        out: &mut Batch,
    ) -> Result<(), DatabaseError> {
        let Some(text) = database::entry(database, &node.key)? else {
            return Ok(());
        };
        let Some(row) = serde_json::from_str(&text)
            .ok()
            .and_then(|raw| json::object::<Row<'_>>(Some(raw)))
        else {
            out.problem(ProblemKind::BadField, 0, "session row");
            return Ok(());
        };
        let key = names::session_key(&self.name, &node.session);
        let parent = match row.spawned_by(&self.name) {
            Some(address) if want.accounting => {
                let begun = row.started().unwrap_or(node.updated);
                self.session_at(database, &address, Timestamp(begun.0 + CLOCK_LAG))?
            }
            _ => None,
        };
        let is_spawned = parent.is_some();
        let address = names::address(&node.key, &self.name);
        row.report(&address, &key, parent, want, out);
        if let Some(original) = node
            .fork_of
            .as_deref()
            .filter(|_| want.accounting && !is_spawned)
        {
            let original = names::session_key(&self.name, original);
            if original != key {
                let session = out.session(&key);
                out.patch(session)
                    .propose_parent(Some((original, Relation::Fork)));
            }
        }
        Ok(())
    }

    /// The session that stood under an address at a time, also under one of another agent.
    fn session_at(
        &self,
        database: &Database,
        address: &str,
        at: Timestamp,
    ) -> Result<Option<SessionKey>, DatabaseError> {
        let agent = names::agent_of(address).unwrap_or(&self.name);
        let is_other = *agent != *self.name;
        if is_other {
            let path = self
                .file
                .root
                .join("agents")
                .join(agent)
                .join(AGENT_DATABASE);
            if !database.attach_other(&path)? {
                return Ok(None);
            }
        }
        let session = database::session_at(database, is_other, address, at)?;
        Ok(session.map(|session| names::session_key(agent, &session)))
    }

    /// Begins with a transcript, where reading stopped if it may go on there.
    fn begin(&self, hash: i64, window: Window, request: Request) -> Reading {
        let name = Name {
            session: &window.session,
            kind: Kind::Current,
            compressed: false,
        };
        let known = self
            .state
            .recent
            .get(&window.session)
            .filter(|seen| seen.generation == window.generation && seen.last <= window.last);
        let resumed = known.and_then(|seen| {
            let memory = seen.memory.as_bytes();
            let parser = Transcript::resume(&self.file, &self.name, &name, memory)?;
            Some((parser, seen.last))
        });
        let (parser, last) =
            resumed.unwrap_or_else(|| (Transcript::new(&self.file, &self.name, &name), -1));
        Reading {
            hash,
            want: request.of(window.updated),
            parser,
            last,
            window,
        }
    }

    /// Notes that a transcript was read to its end.
    fn finish_transcript(&mut self, reading: Reading) {
        let memory = String::from_utf8(reading.parser.state()).unwrap_or_default();
        let seen = Seen {
            updated: reading.window.updated.0,
            generation: reading.window.generation,
            last: reading.last,
            memory,
        };
        self.state.seen.insert(reading.hash);
        self.state.recent.insert(reading.window.session, seen);
        while self.state.recent.len() > RECENT {
            let oldest = self
                .state
                .recent
                .iter()
                .min_by_key(|(_, seen)| seen.updated);
            let Some(session) = oldest.map(|(session, _)| session.clone()) else {
                break;
            };
            self.state.recent.remove(&session);
        }
    }

    /// Reports a transcript that was put away. Its file, once there is one, gives the same facts.
    fn archive(
        &self,
        database: &Database,
        archive: &Archive,
        request: Request,
        out: &mut Batch,
    ) -> Result<(), DatabaseError> {
        let Some(name) = Name::parse(&archive.name) else {
            return Ok(());
        };
        let Some(text) = database::archived(database, archive)? else {
            out.problem(ProblemKind::TooLong, 0, "archived transcript");
            return Ok(());
        };
        let want = request.of(archive.created);
        let mut parser = Transcript::new(&self.file, &self.name, &name);
        parser.feed(0, &text, want, request.now, out);
        parser.finish(want, out);
        Ok(())
    }
}

impl Reading {
    /// Reads the next events; whether there may be more.
    fn events(
        &mut self,
        database: &Database,
        tables: Tables,
        now: Timestamp,
        out: &mut Batch,
    ) -> Result<bool, DatabaseError> {
        let session = &self.window.session;
        let events = database::events(database, tables, session, self.last, EVENTS)?;
        for (number, text) in &events {
            self.last = *number;
            let offset = u64::try_from(*number).unwrap_or_default();
            match text {
                Some(text) => self.parser.feed(offset, text, self.want, now, out),
                None => out.problem(ProblemKind::TooLong, offset, "transcript event"),
            }
        }
        Ok(events.len() as i64 == EVENTS)
    }
}

fn hash(kind: &str, texts: &[&str], numbers: [i64; 2]) -> i64 {
    let numbers = numbers.map(i64::to_le_bytes).concat();
    let mut parts = vec![kind.as_bytes()];
    parts.extend(texts.iter().map(|text| text.as_bytes()));
    parts.push(&numbers);
    FactKey::new("openclaw.seen", &parts).0
}

impl Parser for Agent {
    /// A database is asked, not fed.
    fn feed(&mut self, _: u64, _: &[u8], _: Want, _: Timestamp, _: &mut Batch) {}

    fn query(
        &mut self,
        database: &Database,
        request: Request,
        out: &mut Batch,
    ) -> Result<bool, DatabaseError> {
        let tables = match self.tables {
            Some(tables) => tables,
            None => {
                let version = database.user_version()?;
                let tables = database::tables(database)?;
                let is_new = std::mem::replace(&mut self.state.schema, version) != version;
                let is_strange = version > KNOWN_SCHEMA || !tables.known;
                if is_strange && is_new && request.want.accounting {
                    let detail = format!("schema version {version} of an agent's database");
                    out.problem(ProblemKind::UnknownVersion, 0, detail);
                }
                if !tables.known {
                    return Ok(false);
                }
                self.list(database, tables, request)?;
                *self.tables.insert(tables)
            }
        };
        for _ in 0..ITEMS_A_STEP {
            let mut reading = match self.reading.take() {
                Some(reading) => reading,
                None => match self.queue.pop_front() {
                    Some((hash, Item::Row(node))) => {
                        self.row(database, &node, request.of(node.updated), out)?;
                        self.state.seen.insert(hash);
                        continue;
                    }
                    Some((hash, Item::Archive(archive))) => {
                        self.archive(database, &archive, request, out)?;
                        self.state.seen.insert(hash);
                        continue;
                    }
                    Some((hash, Item::Transcript(window))) => self.begin(hash, window, request),
                    None => return Ok(false),
                },
            };
            if reading.events(database, tables, request.now, out)? {
                self.reading = Some(reading);
                break;
            }
            self.finish_transcript(reading);
        }
        Ok(true)
    }

    fn state(&self) -> Vec<u8> {
        match self.tables {
            Some(_) => serde_json::to_vec(&self.state).unwrap_or_default(),
            // Nothing was read of tables that are not known.
            None => Vec::new(),
        }
    }
}
