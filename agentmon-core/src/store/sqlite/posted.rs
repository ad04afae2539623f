//! What only the events API knows of its events and sessions.

use rusqlite::{CachedStatement, Connection, params};

use super::dimensions::{LABELS, Names, SENDERS};
use crate::ingest::PostedEvent;
use crate::model::{FactKey, Timestamp};

/// Stores the contract's own part of events, in one transaction.
pub(super) struct Rows<'c, 'e> {
    connection: &'c Connection,
    insert: CachedStatement<'c>,
    labels: Names<'e>,
    senders: Names<'e>,
}

impl<'c, 'e> Rows<'c, 'e> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let insert = connection.prepare_cached(
            "INSERT INTO posted (seq, event_id, client_at, sender, branch, project, model, metadata, payload_truncated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        Ok(Self {
            connection,
            insert,
            labels: Names::new(&LABELS),
            senders: Names::new(&SENDERS),
        })
    }

    /// Stores the part of an event that was just stored.
    pub(super) fn store(&mut self, seq: i64, event: &'e PostedEvent) -> rusqlite::Result<()> {
        let mut word = |word: &'e Option<Box<str>>| {
            let name = word.as_deref();
            name.map(|name| self.labels.id(self.connection, name))
                .transpose()
        };
        let (branch, project, model) = (
            word(&event.branch)?,
            word(&event.project)?,
            word(&event.model)?,
        );
        self.insert
            .execute(params![
                seq,
                event.event_id.as_deref(),
                event.client_at.map(|at| at.0),
                self.senders.id(self.connection, &event.source)?,
                branch,
                project,
                model,
                &*event.metadata,
                event.payload_truncated,
            ])
            .map(|_| ())
    }
}

/// What the events of one transaction say of one session.
#[derive(Debug, Default)]
pub(super) struct SessionChanges {
    last_at: Option<Timestamp>,
    /// Whether the last of them said that it is over.
    ended_at: Option<Timestamp>,
    lines: [u64; 2],
    files: Vec<i64>,
}

impl SessionChanges {
    /// An event was added.
    pub(super) fn added(&mut self, event: &PostedEvent, received: Timestamp) {
        let at = event.active_at(received);
        self.last_at = self.last_at.max(Some(at));
        self.ended_at = event.ends_session().then_some(at);
        self.lines[0] = self.lines[0].saturating_add(event.lines_added);
        self.lines[1] = self.lines[1].saturating_add(event.lines_removed);
        if let Some(file) = &event.file {
            self.files
                .push(FactKey::new("posted.file", &[file.as_bytes()]).0);
        }
    }

    /// Writes everything.
    pub(super) fn flush(self, connection: &Connection, session: i64) -> rusqlite::Result<()> {
        let Some(last_at) = self.last_at else {
            return Ok(());
        };
        // More lines than any disk holds must not make a sum overflow.
        let lines = self.lines.map(|lines| lines.min(1 << 40) as i64);
        connection
            .prepare_cached(
                "INSERT INTO posted_session (session, last_at, ended_at, lines_added, lines_removed)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (session) DO UPDATE SET
                     last_at = max(last_at, excluded.last_at), ended_at = excluded.ended_at,
                     lines_added = min(lines_added + excluded.lines_added, 1 << 50),
                     lines_removed = min(lines_removed + excluded.lines_removed, 1 << 50)",
            )?
            .execute(params![
                session,
                last_at.0,
                self.ended_at.map(|at| at.0),
                lines[0],
                lines[1]
            ])?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO posted_file (session, file) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?;
        for file in self.files {
            insert.execute([session, file])?;
        }
        Ok(())
    }
}
