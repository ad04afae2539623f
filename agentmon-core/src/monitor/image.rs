//! Images of transcripts, read from the agents' own files when somebody looks at them.

use std::fs::File;

use memchr::memmem;

use super::Monitor;
use crate::Error;
use crate::model::EventKind;
use crate::query::EventFilter;
use crate::source::image::{Image, ImageOwner};
use crate::source::tail::read_lines;
use crate::store::sqlite;

impl Monitor {
    /// The image that is the `index`-th, counted from zero, of the event `event` of a session: of a tool's result, or of a prompt.
    /// `None` if there is none, or the agent's file is not there any more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Store`].
    pub fn image(&self, session: &str, event: i64, index: usize) -> Result<Option<Image>, Error> {
        let session = self.resolve(session)?.view;
        let filter = EventFilter {
            session: Some(session.key.clone()),
            ..EventFilter::default()
        };
        let after = event.saturating_sub(1);
        let rows = self
            .inner
            .read(|connection| sqlite::events_after(connection, &filter, after, 1))?;
        let Some(row) = rows.into_iter().find(|row| row.id == event) else {
            return Ok(None);
        };
        let owner = match (row.kind, row.identity.call) {
            (EventKind::ToolResult, Some(call)) => ImageOwner::Result(call),
            (EventKind::UserPrompt, _) => ImageOwner::Prompt(row.at),
            _ => return Ok(None),
        };
        let mut formats = self.inner.formats.iter();
        let format = formats.find_map(|format| {
            let mark = format.image_mark()?;
            (format.agent() == session.key.agent).then_some((format, mark))
        });
        let file = session.transcript.and_then(|path| File::open(path).ok());
        let (Some((format, mark)), Some(mut file)) = (format, file) else {
            return Ok(None);
        };
        let marked = memmem::Finder::new(mark);
        let mut found = None;
        let read = read_lines(&mut file, 0, &mut Vec::new(), |_, lines| {
            let mut lines = lines.split(|byte| *byte == b'\n');
            found = lines
                .by_ref()
                .filter(|line| marked.find(line).is_some())
                .find_map(|line| {
                    format
                        .images(&session.key, line, owner)
                        .into_iter()
                        .nth(index)
                });
            found.is_none()
        });
        if let Err(error) = read {
            tracing::debug!(%error, "a transcript with an image cannot be read");
        }
        Ok(found)
    }
}
