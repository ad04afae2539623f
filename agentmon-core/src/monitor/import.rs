//! Reading transcripts from elsewhere: backups, archives, other machines.

use std::path::Path;

use super::Monitor;
use crate::Error;
use crate::query::{ImportReport, ImportedFolder, Progress, RefreshOptions, RefreshReport};
use crate::source::FileFormat;
use crate::source::exported::Exported;
use crate::source::import::discover;
use crate::source::read::Pass;
use crate::store::StoreError;

impl Monitor {
    /// Reads the transcripts in a folder (or one file) into the store, with their text. Facts keep their identity: a
    /// copy of what is known changes nothing. What was read before is not read again; an import that was cut off
    /// goes on where it ended.
    ///
    /// # Errors
    /// [`Error::Import`] when `path` cannot be read; [`Error::Store`], among them [`StoreError::ReadOnly`] when
    /// another process writes.
    pub fn import(
        &self,
        path: &Path,
        progress: Option<&dyn Progress>,
    ) -> Result<ImportReport, Error> {
        if self.inner.writer.is_none() {
            let pid = self.inner.other_writer.unwrap_or(0);
            return Err(StoreError::ReadOnly { pid }.into());
        }
        // What agentmon exported lies in no folder of its own: it is only looked for here.
        let own: [Box<dyn FileFormat>; 1] = [Box::new(Exported)];
        let formats: Vec<_> = self
            .inner
            .formats
            .iter()
            .chain(&own)
            .map(|it| &**it)
            .collect();
        let discovered = discover(&formats, path).map_err(|source| Error::Import {
            path: path.to_owned(),
            source,
        })?;
        let before = self.db_stats()?;
        let options = RefreshOptions {
            progress,
            ..RefreshOptions::default()
        };
        let (now, mut read) = (self.inner.clock.now(), RefreshReport::default());
        for pass in [Pass::Accounting, Pass::Content] {
            self.inner
                .pass(&discovered.roots, pass, &options, now, &mut read)?;
        }
        let after = self.db_stats()?;
        let new = |table: &str| {
            let rows = |stats: &crate::query::DbStats| {
                let mut tables = stats.tables.iter();
                tables
                    .find(|rows| &*rows.name == table)
                    .map_or(0, |rows| rows.rows)
            };
            rows(&after).saturating_sub(rows(&before))
        };
        let folders = discovered.roots.iter().map(|root| ImportedFolder {
            format: root.format.name().into(),
            agent: root.format.agent(),
            path: root.root.path.clone(),
            files: root.walked.files.len() as u64,
            bytes: root.walked.files.iter().map(|file| file.stat.size).sum(),
        });
        Ok(ImportReport {
            folders: folders.collect(),
            skipped: discovered.skipped,
            read,
            new_sessions: new("sessions"),
            new_calls: new("calls"),
            new_events: new("events"),
        })
    }
}
