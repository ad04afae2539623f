//! Names that are stored once: models, tools, projects, and the program's own notes.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

/// A table of names.
#[derive(Debug)]
pub(super) struct Table {
    select: &'static str,
    insert: &'static str,
}

pub(super) const TOOLS: Table = Table {
    select: "SELECT id FROM tool WHERE name = ?1",
    insert: "INSERT INTO tool (name) VALUES (?1)",
};

/// What posted events repeat.
pub(super) const LABELS: Table = Table {
    select: "SELECT id FROM label WHERE name = ?1",
    insert: "INSERT INTO label (name) VALUES (?1)",
};

/// Who sends events.
pub(super) const SENDERS: Table = Table {
    select: "SELECT id FROM sender WHERE name = ?1",
    insert: "INSERT INTO sender (name) VALUES (?1)",
};

/// The ids of names within one transaction, each looked up once.
#[derive(Debug)]
pub(super) struct Names<'a> {
    table: &'static Table,
    known: HashMap<&'a str, i64>,
}

impl<'a> Names<'a> {
    pub(super) fn new(table: &'static Table) -> Self {
        Self {
            table,
            known: HashMap::new(),
        }
    }

    /// The id of a name, added when new.
    pub(super) fn id(&mut self, connection: &Connection, name: &'a str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let stored = connection
            .prepare_cached(self.table.select)?
            .query_row([name], |row| row.get(0))
            .optional()?;
        let id = match stored {
            Some(id) => id,
            None => connection
                .prepare_cached(self.table.insert)?
                .insert([name])?,
        };
        self.known.insert(name, id);
        Ok(id)
    }
}

/// The id of a model's name, if it is known.
pub(super) fn model_id(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT id FROM model WHERE name = ?1")?;
    select.query_row([name], |row| row.get(0)).optional()
}

/// The name of a model.
pub(super) fn model_name(connection: &Connection, id: i64) -> rusqlite::Result<String> {
    let mut select = connection.prepare_cached("SELECT name FROM model WHERE id = ?1")?;
    select.query_row([id], |row| row.get(0))
}

/// The id of a model's name, added when new.
pub(super) fn model(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    if let Some(id) = model_id(connection, name)? {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO model (name) VALUES (?1)")?
        .insert([name])
}

/// The id of a project, added when new.
pub(super) fn project(connection: &Connection, root: &str, name: &str) -> rusqlite::Result<i64> {
    let known = connection
        .prepare_cached("SELECT id FROM project WHERE root = ?1")?
        .query_row([root], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO project (root, name) VALUES (?1, ?2)")?
        .insert([root, name])
}

/// A note of the program to itself.
pub(super) fn note(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// Keeps a note of the program to itself.
pub(super) fn set_note(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
        .execute(params![key, value])
        .map(|_| ())
}
