//! The machines of sessions that were stored before agentmon noted machines.

use std::path::{MAIN_SEPARATOR, PathBuf};

use rusqlite::params;

use super::Writer;
use crate::store::StoreError;

/// Notes where a database that was upgraded has sessions of which this is to be settled.
const DUE: &str = "hosts_due";

impl Writer {
    /// Notes, once, that the sessions whose transcripts lie in `folders`, which are read on this machine, run on `host`. Nobody looks for
    /// the folders unless this is due.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn settle_hosts(
        &mut self,
        host: &str,
        folders: impl FnOnce() -> Vec<PathBuf>,
    ) -> Result<(), StoreError> {
        let due = "SELECT 1 FROM meta WHERE key = ?1";
        if !self.connection.prepare(due)?.exists([DUE])? {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        for folder in folders() {
            let begin = format!("{}{MAIN_SEPARATOR}", folder.to_string_lossy());
            transaction.execute(
                "UPDATE session SET host = ?1,
                     body = json_set(body, '$.facts.host', json_object(
                         'kind', 'seen', 'at', coalesce(last_activity_at, started_at, 0), 'name', ?1))
                 WHERE host IS NULL AND transcript >= ?2 AND transcript < ?3",
                params![host, begin, format!("{begin}\u{10ffff}")],
            )?;
        }
        transaction.execute("DELETE FROM meta WHERE key = ?1", [DUE])?;
        Ok(transaction.commit()?)
    }
}
