//! Agents that people keep by hand, and their logs.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::Writer;
use crate::model::Timestamp;
use crate::query::{LogLevel, ManualAgent, ManualLog, ManualStatus};
use crate::store::StoreError;

/// The most manual agents.
pub const MAX_AGENTS: u64 = 10_000;
/// The most lines kept of one log; the oldest go first.
const MAX_LINES: i64 = 10_000;

const COLUMNS: &str = "id, name, label, model, task, status, progress, start_time, end_time, tokens_in, tokens_out, \
                       created_at, updated_at";

fn read(row: &Row<'_>) -> rusqlite::Result<ManualAgent> {
    let text = |index: usize| {
        row.get::<_, Option<String>>(index)
            .map(|text| text.map(Into::<Box<str>>::into))
    };
    let time = |index: usize| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp));
    Ok(ManualAgent {
        id: row.get::<_, String>(0)?.into(),
        name: row.get::<_, String>(1)?.into(),
        label: text(2)?,
        model: row.get::<_, String>(3)?.into(),
        task: text(4)?,
        status: ManualStatus::parse(row.get_ref(5)?.as_str()?).unwrap_or(ManualStatus::Idle),
        progress: row.get(6)?,
        start_time: time(7)?,
        end_time: time(8)?,
        tokens_in: row.get::<_, i64>(9)? as u64,
        tokens_out: row.get::<_, i64>(10)? as u64,
        created_at: Timestamp(row.get(11)?),
        updated_at: Timestamp(row.get(12)?),
    })
}

/// All of them, the one that was changed last first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn agents(connection: &Connection) -> Result<Vec<ManualAgent>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM manual_agent ORDER BY updated_at DESC, id");
    let mut select = connection.prepare_cached(&sql)?;
    Ok(select
        .query_map([], read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// One of them.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn agent(connection: &Connection, id: &str) -> Result<Option<ManualAgent>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM manual_agent WHERE id = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    Ok(select.query_row([id], read).optional()?)
}

/// The latest lines of a log, the newest first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn log(connection: &Connection, id: &str, limit: usize) -> Result<Vec<ManualLog>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT id, agent, message, level, timestamp FROM manual_log WHERE agent = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let rows = select.query_map(params![id, limit as i64], |row| {
        Ok(ManualLog {
            id: row.get(0)?,
            agent: row.get::<_, String>(1)?.into(),
            message: row.get::<_, String>(2)?.into(),
            level: LogLevel::parse(row.get_ref(3)?.as_str()?).unwrap_or(LogLevel::Info),
            timestamp: Timestamp(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

impl Writer {
    /// Changes one manual agent in a transaction: `change` is given what there is and how many there are, and returns what
    /// there shall be; `None` to leave it alone.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub fn change_manual<T>(
        &mut self,
        id: &str,
        change: impl FnOnce(Option<ManualAgent>, u64) -> (Option<ManualAgent>, T),
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = agent(&transaction, id)?;
        let count: i64 =
            transaction.query_row("SELECT count(*) FROM manual_agent", [], |row| row.get(0))?;
        let (wanted, answer) = change(known, count as u64);
        if let Some(agent) = wanted {
            transaction.execute(
                "INSERT INTO manual_agent (id, name, label, model, task, status, progress, start_time, end_time,
                                           tokens_in, tokens_out, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (id) DO UPDATE SET name = ?2, label = ?3, model = ?4, task = ?5, status = ?6, progress = ?7,
                     start_time = ?8, end_time = ?9, tokens_in = ?10, tokens_out = ?11, updated_at = ?13",
                params![
                    agent.id,
                    agent.name,
                    agent.label,
                    agent.model,
                    agent.task,
                    agent.status.as_str(),
                    agent.progress,
                    agent.start_time.map(|at| at.0),
                    agent.end_time.map(|at| at.0),
                    agent.tokens_in as i64,
                    agent.tokens_out as i64,
                    agent.created_at.0,
                    agent.updated_at.0,
                ],
            )?;
        }
        transaction.commit()?;
        Ok(answer)
    }

    /// Deletes a manual agent with its log, and returns it if there was one.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub fn delete_manual(&mut self, id: &str) -> Result<Option<ManualAgent>, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = agent(&transaction, id)?;
        transaction.execute("DELETE FROM manual_log WHERE agent = ?1", [id])?;
        transaction.execute("DELETE FROM manual_agent WHERE id = ?1", [id])?;
        transaction.commit()?;
        Ok(known)
    }

    /// Adds a line to a manual agent's log; `None` if there is no such agent.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub fn add_manual_log(
        &mut self,
        id: &str,
        message: &str,
        level: LogLevel,
        at: Timestamp,
    ) -> Result<Option<ManualLog>, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if agent(&transaction, id)?.is_none() {
            return Ok(None);
        }
        transaction.execute(
            "INSERT INTO manual_log (agent, message, level, timestamp) VALUES (?1, ?2, ?3, ?4)",
            params![id, message, level.as_str(), at.0],
        )?;
        let row = transaction.last_insert_rowid();
        transaction.execute(
            "DELETE FROM manual_log WHERE agent = ?1 AND id <=
                 (SELECT id FROM manual_log WHERE agent = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            params![id, MAX_LINES],
        )?;
        transaction.commit()?;
        Ok(Some(ManualLog {
            id: row,
            agent: id.into(),
            message: message.into(),
            level,
            timestamp: at,
        }))
    }

    /// Empties a manual agent's log, and returns how many lines it had; `None` if there is no such agent.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub fn clear_manual_log(&mut self, id: &str) -> Result<Option<u64>, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        if agent(&transaction, id)?.is_none() {
            return Ok(None);
        }
        let deleted = transaction.execute("DELETE FROM manual_log WHERE agent = ?1", [id])?;
        transaction.commit()?;
        Ok(Some(deleted as u64))
    }
}
