//! The schema's versions. Migrations are never edited after release.

use std::path::Path;

use rusqlite::Connection;

use crate::store::StoreError;

/// All migrations; the position plus one is the version that each leads to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_posted.sql"),
    include_str!("migrations/0003_otlp.sql"),
    include_str!("migrations/0004_copied.sql"),
    include_str!("migrations/0005_manual.sql"),
    include_str!("migrations/0006_alert.sql"),
    include_str!("migrations/0007_gateways.sql"),
    include_str!("migrations/0008_text_index.sql"),
    include_str!("migrations/0009_keys.sql"),
    include_str!("migrations/0010_remote_cell.sql"),
    include_str!("migrations/0011_times.sql"),
    include_str!("migrations/0012_host.sql"),
    include_str!("migrations/0013_sections.sql"),
];

/// The version that this program writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The version of a database; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Refuses a database that a newer program wrote.
pub(super) fn check_known(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let found = version(connection)?;
    if found > VERSION {
        return Err(StoreError::TooNew {
            path: path.into(),
            found,
            known: VERSION,
        });
    }
    Ok(found)
}

/// Brings a database to [`VERSION`], each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = check_known(connection, path)?;
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}
