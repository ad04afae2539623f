//! Bringing the store up to date with the disk, once.

use std::collections::HashSet;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::{Inner, Monitor};
use crate::Error;
use crate::model::Timestamp;
use crate::query::{Phase, RefreshOptions, RefreshReport, SessionFilter};
use crate::source::piece::Piece;
use crate::source::read::{Pass, ReadOptions};
use crate::source::scan::{ScanOptions, ScannedRoot, find, scan};
use crate::store::StoreError;
use crate::store::sqlite::{self, Forgotten, Writer, load_cursors};

/// Calls that are gathered before they are stored: a first import then writes its table in one go.
const GATHERED_CALLS: usize = 128 * 1024;

/// Events whose text is added to search's index in one transaction.
const INDEXED_AT_ONCE: usize = 8192;

/// Events that are forgotten in one transaction: few enough that nobody waits long for it.
const FORGOTTEN_AT_ONCE: usize = 1000;

/// Forgets a portion of what is older than a time.
type Forget = fn(&mut Writer, Timestamp, usize) -> Result<Forgotten, StoreError>;

/// Text that is gathered before it is stored, in bytes: the index is then written in few large segments.
const GATHERED_TEXT: usize = 8 * 1024 * 1024;

/// Pieces that wait to be stored together.
#[derive(Debug, Default)]
struct Pending {
    pieces: Vec<Piece>,
    calls: usize,
    text: usize,
}

impl Pending {
    /// Adds a piece; returns all of them when there are enough.
    fn add(&mut self, mut piece: Piece) -> Option<Vec<Piece>> {
        // Vectors that grew by doubling are up to half empty.
        piece.batch.calls.shrink_to_fit();
        self.calls += piece.batch.calls.len();
        let events = piece.batch.events.iter();
        self.text += events.map(|event| event.text.len()).sum::<usize>();
        let full = self.calls >= GATHERED_CALLS || self.text >= GATHERED_TEXT;
        self.pieces.push(piece);
        full.then(|| std::mem::take(self).pieces)
    }
}

impl Monitor {
    /// Reads what agents wrote since the last time. Does nothing when another process writes to the database: that
    /// one keeps it fresh.
    ///
    /// # Errors
    /// [`Error`] when the store cannot be read or written. Files that cannot be read are not errors: they are counted
    /// in the report and told by [`Monitor::sources`].
    pub fn refresh(&self, options: &RefreshOptions<'_>) -> Result<RefreshReport, Error> {
        self.inner.refresh(options)
    }
}

impl Inner {
    fn refresh(&self, options: &RefreshOptions<'_>) -> Result<RefreshReport, Error> {
        let begin = Instant::now();
        let mut report = RefreshReport::default();
        if self.writer.is_none() {
            return Ok(report);
        }
        if let Some(progress) = options.progress {
            progress.phase(Phase::Discovering, None);
        }
        let now = self.clock.now();
        let mut found = self.find();
        for root in &found {
            report.files += root.walked.files.len() as u64;
            report.unreadable += root.walked.problems.len() as u64;
        }
        self.pass(&found, Pass::Accounting, options, now, &mut report)?;
        if options.want_state {
            self.tick()?;
        }
        if options.content {
            if let Some(transcripts) = self.transcripts(options.content_of)? {
                for root in &mut found {
                    let files = &mut root.walked.files;
                    files.retain(|file| transcripts.contains(&file.info.path));
                }
            }
            self.pass(&found, Pass::Content, options, now, &mut report)?;
            self.index_rest()?;
        }
        self.prune(now, Duration::MAX)?;
        report.took = begin.elapsed();
        Ok(report)
    }

    /// The files that hold the text of a session and of its subagents; `None` for all files, also when it is not known
    /// which ones do.
    fn transcripts(&self, id: Option<&str>) -> Result<Option<HashSet<PathBuf>>, Error> {
        let Some(id) = id else { return Ok(None) };
        let filter = SessionFilter {
            sessions: vec![id.into()],
            within: true,
            ..SessionFilter::default()
        };
        let (rows, _) = self.read(|connection| sqlite::sessions(connection, &filter))?;
        Ok(rows.into_iter().map(|row| row.view.transcript).collect())
    }

    /// Looks for files.
    pub(super) fn find(&self) -> Vec<ScannedRoot<'_>> {
        find(&self.formats, |format| self.roots(format))
    }

    pub(super) fn pass(
        &self,
        found: &[ScannedRoot<'_>],
        pass: Pass,
        options: &RefreshOptions<'_>,
        now: Timestamp,
        report: &mut RefreshReport,
    ) -> Result<(), Error> {
        let phase = if pass == Pass::Accounting {
            Phase::Accounting
        } else {
            Phase::Content
        };
        let cursors = self.read(|connection| load_cursors(connection, pass))?;
        // Copies from elsewhere do not say where they come from.
        let is_here =
            pass == Pass::Accounting && found.iter().all(|scanned| scanned.root.origin != "import");
        let mut pending = Pending::default();
        let read = ReadOptions {
            pass,
            evidence: options.want_state,
            now,
        };
        let work = scan(
            found,
            &cursors,
            ScanOptions {
                read,
                since: options.since,
                threads: 0,
            },
            |work| {
                if let Some(progress) = options.progress {
                    progress.phase(phase, Some(work.bytes));
                }
            },
            |mut piece| {
                if is_here {
                    self.seen_here(&mut piece);
                }
                let bytes = piece.bytes;
                report.bytes_read += bytes;
                report.problems += piece.skipped();
                report.unreadable += piece.unreadable();
                if let Some(pieces) = pending.add(piece) {
                    self.append(pieces, now)?;
                }
                if let Some(progress) = options.progress {
                    progress.advance(bytes);
                }
                Ok::<_, Error>(())
            },
        )?;
        self.append(pending.pieces, now)?;
        report.files_read += work.files as u64;
        Ok(())
    }

    /// Notes that the sessions of which files of this machine tell run on it.
    pub(super) fn seen_here(&self, piece: &mut Piece) {
        if let Some(host) = &self.config.host.value {
            for patch in &mut piece.batch.sessions {
                patch.seen_on(host);
            }
        }
    }

    /// Notes the same of what was stored before machines were noted.
    pub(super) fn settle_hosts(&self) -> Result<(), Error> {
        if let (Some(host), Some(mut writer)) = (&self.config.host.value, self.writer()) {
            let folders = || {
                let roots = self.formats.iter().flat_map(|format| self.roots(&**format));
                roots.map(|root| root.path).collect()
            };
            self.noted(writer.settle_hosts(host, folders))?;
        }
        Ok(())
    }

    /// Stores pieces and tells what changed, in that order (I6).
    pub(super) fn append(&self, pieces: Vec<Piece>, now: Timestamp) -> Result<(), Error> {
        if pieces.is_empty() {
            return Ok(());
        }
        let Some(mut writer) = self.writer() else {
            return Ok(());
        };
        let changes = writer.append(pieces, now);
        drop(writer);
        self.publish(self.noted(changes)?);
        Ok(())
    }

    /// Adds text to search's index that a server stored and did not come to add.
    fn index_rest(&self) -> Result<(), Error> {
        let Some(mut writer) = self.writer() else {
            return Ok(());
        };
        while self.noted(writer.catch_up(INDEXED_AT_ONCE))? {}
        Ok(())
    }

    /// Forgets what the configuration does not want kept, for about as long as `patience` lasts. Returns whether there
    /// is more. It goes in portions: others who store are let in between.
    pub(super) fn prune(&self, now: Timestamp, patience: Duration) -> Result<bool, Error> {
        let retention = &self.config.retention;
        let begin = Instant::now();
        let kinds: [(Forget, _); 2] = [
            (Writer::prune_events, retention.events.value),
            (Writer::prune_sessions, retention.sessions.value),
        ];
        for (forget, age) in kinds {
            let Some(age) = age else { continue };
            loop {
                let Some(mut writer) = self.writer() else {
                    return Ok(false);
                };
                let portion = Instant::now();
                let forgotten = forget(&mut writer, now - age, FORGOTTEN_AT_ONCE);
                drop(writer);
                if !self.noted(forgotten)?.more {
                    break;
                }
                if begin.elapsed() >= patience {
                    return Ok(true);
                }
                if self.queue.get().is_some() {
                    // Whoever frees the writer and asks for it again at once is faster than all who wait.
                    thread::sleep(portion.elapsed());
                }
            }
        }
        Ok(false)
    }
}
