//! What was said to agents through gateways, and what they answered.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Writer;
use crate::gateways::{ChatMessage, MessageState, NewMessage};
use crate::model::{Span, Timestamp};
use crate::source::openclaw::gateway::talk::{Role, Said};
use crate::store::StoreError;

/// The same message as two machines date it: so far apart at most.
const CLOCKS: Span = Span::from_mins(10);

/// An answer that is heard and read at about the same time is one.
const RACE: Span = Span::from_mins(1);

const COLUMNS: &str = "seq, at, role, text, run, state, error";

fn read(row: &Row<'_>) -> rusqlite::Result<ChatMessage> {
    let state: i64 = row.get(5)?;
    Ok(ChatMessage {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        role: role_of(row.get(2)?),
        text: row.get(3)?,
        run: row.get(4)?,
        state: MessageState::ALL[usize::try_from(state).unwrap_or(0).min(3)],
        error: row.get(6)?,
    })
}

fn role_code(role: Role) -> i64 {
    match role {
        Role::User => 0,
        Role::Assistant => 1,
    }
}

fn role_of(code: i64) -> Role {
    match code {
        0 => Role::User,
        _ => Role::Assistant,
    }
}

fn chat_id(
    connection: &Connection,
    gateway: &str,
    session_key: &str,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM chat WHERE gateway = ?1 AND session_key = ?2")?
        .query_row([gateway, session_key], |row| row.get(0))
        .optional()
}

fn open_chat(connection: &Connection, gateway: &str, session_key: &str) -> rusqlite::Result<i64> {
    if let Some(id) = chat_id(connection, gateway, session_key)? {
        return Ok(id);
    }
    connection.execute(
        "INSERT INTO chat (gateway, session_key) VALUES (?1, ?2)",
        [gateway, session_key],
    )?;
    Ok(connection.last_insert_rowid())
}

/// The latest messages of a conversation, the oldest first; those before `before` where that is given.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn chat_history(
    connection: &Connection,
    gateway: &str,
    session_key: &str,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<ChatMessage>, StoreError> {
    let Some(chat) = chat_id(connection, gateway, session_key)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM chat_message WHERE chat = ?1
         AND (?2 IS NULL OR (at, seq) < (SELECT at, seq FROM chat_message WHERE seq = ?2))
         ORDER BY at DESC, seq DESC LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![chat, before, limit as i64], read)?;
    let mut messages = rows.collect::<Result<Vec<_>, _>>()?;
    messages.reverse();
    Ok(messages)
}

/// Messages to agents of a gateway of which nobody knows whether they arrived, with their session keys.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn open_messages(
    connection: &Connection,
    gateway: &str,
) -> Result<Vec<(String, ChatMessage)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, chat.session_key FROM chat_message JOIN chat ON chat.id = chat_message.chat
         WHERE chat.gateway = ?1 AND chat_message.state = 1 ORDER BY seq"
    ))?;
    let rows = statement.query_map([gateway], |row| Ok((row.get(7)?, read(row)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Writer {
    /// Stores a message. An answer of a run that is stored already changes nothing but its state.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn add_chat_message(
        &mut self,
        gateway: &str,
        session_key: &str,
        message: &NewMessage,
    ) -> Result<ChatMessage, StoreError> {
        let transaction = self.connection.transaction()?;
        let chat = open_chat(&transaction, gateway, session_key)?;
        let role = role_code(message.role);
        // The gateway's history may have been faster.
        let known: Option<i64> = match (&message.run, message.role) {
            (Some(run), Role::Assistant) => transaction
                .query_row(
                    "SELECT seq FROM chat_message
                     WHERE chat = ?1 AND role = ?2 AND text = ?4
                       AND (run = ?3 OR (run IS NULL AND record IS NOT NULL AND abs(at - ?5) < ?6))",
                    params![chat, role, run, message.text, message.at.0, RACE.0],
                    |row| row.get(0),
                )
                .optional()?,
            _ => None,
        };
        let seq = match known {
            Some(seq) => seq,
            None => {
                transaction.execute(
                    "INSERT INTO chat_message (chat, at, role, text, run, record, state, error)
                     VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6, ?7)",
                    params![
                        chat,
                        message.at.0,
                        role,
                        message.text,
                        message.run,
                        message.state as i64,
                        message.error
                    ],
                )?;
                transaction.last_insert_rowid()
            }
        };
        let stored = transaction.query_row(
            &format!("SELECT {COLUMNS} FROM chat_message WHERE seq = ?1"),
            [seq],
            read,
        )?;
        transaction.commit()?;
        Ok(stored)
    }

    /// Notes what became of a message to an agent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle_chat_message(
        &mut self,
        seq: i64,
        state: MessageState,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE chat_message SET state = ?2, error = ?3 WHERE seq = ?1",
            params![seq, state as i64, error],
        )?;
        Ok(())
    }

    /// Notes that a message begins another run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_chat_run(&mut self, seq: i64, run: &str) -> Result<(), StoreError> {
        self.connection.execute(
            "UPDATE chat_message SET run = ?2 WHERE seq = ?1",
            params![seq, run],
        )?;
        Ok(())
    }

    /// Takes in a part of a conversation as the gateway keeps it. What is stored already is recognised: by the gateway's
    /// own name for it, or else by who said it, the run or the text, and about when. Returns how many messages are new.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub fn merge_chat(
        &mut self,
        gateway: &str,
        session_key: &str,
        said: &[Said],
    ) -> Result<usize, StoreError> {
        let transaction = self.connection.transaction()?;
        let chat = open_chat(&transaction, gateway, session_key)?;
        let mut added = 0;
        for said in said.iter().filter(|said| !said.text.trim().is_empty()) {
            added += usize::from(merge(&transaction, chat, said)?);
        }
        transaction.commit()?;
        Ok(added)
    }
}

/// Whether the message is new.
fn merge(connection: &Connection, chat: i64, said: &Said) -> rusqlite::Result<bool> {
    let is_known = connection
        .prepare_cached("SELECT 1 FROM chat_message WHERE chat = ?1 AND record = ?2")?
        .exists(params![chat, &*said.record])?;
    if is_known {
        return Ok(false);
    }
    let state = match &*said.stop {
        "aborted" => MessageState::Aborted,
        _ => MessageState::Sent,
    };
    let role = role_code(said.role);
    // Each stored message stands for one of the gateway's at most: what has a record is taken.
    let twin: Option<i64> = connection
        .prepare_cached(
            "SELECT seq FROM chat_message
             WHERE chat = ?1 AND role = ?2 AND record IS NULL
               AND ((run = ?6 AND (role = 0 OR trim(text) = trim(?5) OR (state = 3 AND ?7 = 3)))
                    OR (trim(text) = trim(?5) AND abs(at - ?3) < ?4))
             ORDER BY run IS NOT NULL AND run = ?6 DESC, abs(at - ?3) LIMIT 1",
        )?
        .query_row(
            params![
                chat,
                role,
                said.at.0,
                CLOCKS.0,
                said.text,
                said.run.as_deref(),
                state as i64
            ],
            |row| row.get(0),
        )
        .optional()?;
    match twin {
        Some(seq) => {
            connection
                .prepare_cached(
                    "UPDATE chat_message SET record = ?2, at = ?3, text = ?4, run = coalesce(run, ?5),
                         state = CASE WHEN role = 0 AND state = 1 THEN 1 ELSE ?6 END, error = NULL
                     WHERE seq = ?1",
                )?
                .execute(params![seq, &*said.record, said.at.0, said.text, said.run.as_deref(), state as i64])?;
            Ok(false)
        }
        None => {
            connection
                .prepare_cached(
                    "INSERT INTO chat_message (chat, at, role, text, run, record, state, error)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)",
                )?
                .execute(params![
                    chat,
                    said.at.0,
                    role,
                    said.text,
                    said.run.as_deref(),
                    &*said.record,
                    state as i64
                ])?;
            Ok(true)
        }
    }
}
