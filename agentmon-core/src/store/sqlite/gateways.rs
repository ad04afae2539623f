//! Gateways that were added, how they fare, and how far their transcripts were read.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::Writer;
use crate::gateways::{GatewayEntry, GatewayStatus};
use crate::model::Timestamp;
use crate::store::StoreError;

/// Gateways that were added while running, the oldest first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn gateways(connection: &Connection) -> Result<Vec<GatewayEntry>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT id, name, url, enabled FROM gateway ORDER BY added_at, id")?;
    let rows = statement.query_map([], |row| {
        Ok(GatewayEntry {
            id: row.get::<_, String>(0)?.into(),
            name: row.get(1)?,
            url: row.get(2)?,
            enabled: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How gateways fared when that last changed, by their ids.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn gateway_statuses(
    connection: &Connection,
) -> Result<HashMap<Box<str>, GatewayStatus>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT gateway, connected, note, at FROM gateway_status")?;
    let rows = statement.query_map([], |row| {
        let status = GatewayStatus {
            connected: row.get(1)?,
            note: row.get(2)?,
            at: Timestamp(row.get(3)?),
        };
        Ok((row.get::<_, String>(0)?.into(), status))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How far the transcripts of a gateway were read, by session.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn gateway_progress(
    connection: &Connection,
    gateway: &str,
) -> Result<HashMap<String, Timestamp>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT session, read_to FROM gateway_progress WHERE gateway = ?1")?;
    let rows = statement.query_map([gateway], |row| Ok((row.get(0)?, Timestamp(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Writer {
    /// Adds a gateway, or changes the one with its id.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn put_gateway(&mut self, entry: &GatewayEntry, now: Timestamp) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO gateway (id, name, url, enabled, added_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET name = ?2, url = ?3, enabled = ?4",
            params![&*entry.id, entry.name, entry.url, entry.enabled, now.0],
        )?;
        Ok(())
    }

    /// Removes a gateway with everything that was said through it.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is removed then.
    pub fn remove_gateway(&mut self, id: &str) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "DELETE FROM chat_message WHERE chat IN (SELECT id FROM chat WHERE gateway = ?1)",
            [id],
        )?;
        transaction.execute("DELETE FROM chat WHERE gateway = ?1", [id])?;
        transaction.execute("DELETE FROM gateway_progress WHERE gateway = ?1", [id])?;
        transaction.execute("DELETE FROM gateway_status WHERE gateway = ?1", [id])?;
        transaction.execute("DELETE FROM gateway WHERE id = ?1", [id])?;
        Ok(transaction.commit()?)
    }

    /// Notes how a gateway fares.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_gateway_status(
        &mut self,
        id: &str,
        status: &GatewayStatus,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO gateway_status (gateway, connected, note, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (gateway) DO UPDATE SET connected = ?2, note = ?3, at = ?4",
            params![id, status.connected, status.note, status.at.0],
        )?;
        Ok(())
    }

    /// Notes how far transcripts were read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_gateway_progress(
        &mut self,
        id: &str,
        read: &[(String, Timestamp)],
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for (session, read_to) in read {
            transaction.execute(
                "INSERT INTO gateway_progress (gateway, session, read_to) VALUES (?1, ?2, ?3)
                 ON CONFLICT (gateway, session) DO UPDATE SET read_to = max(read_to, ?3)",
                params![id, session, read_to.0],
            )?;
        }
        Ok(transaction.commit()?)
    }
}
