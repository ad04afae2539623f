//! Reads one file from where the last read stopped, through its parser, into a batch.
//!
//! A [`Cursor`] remembers how far a file was read and what the parser must know to go on. It is stored in the same
//! transaction as what was read. A file that shrank, was replaced or whose bytes before the cursor changed is read
//! from the start again: facts carry their identity, so reading twice changes nothing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::tail::{self, read_lines};
use super::walk::{Found, Stat};
use super::{FileFormat, FileRole, Parser, Want};
use crate::model::{Batch, Problem, ProblemKind, Span, Timestamp};

/// How much of the end of a file is read for evidence when the file is met for the first time.
const EVIDENCE_TAIL: u64 = 256 * 1024;

/// A file that did not change for longer than this is not read for evidence: nothing in it can still be going on.
pub const EVIDENCE_AGE: Span = Span::from_mins(24 * 60);

/// Bytes before the cursor that must be unchanged for reading to go on there.
const CHECKED: u64 = 64;

/// Largest snapshot file that is read.
const MAX_SNAPSHOT: u64 = 16 * 1024 * 1024;

/// Which reading of a file a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pass {
    /// Calls, session facts and evidence: first and fast.
    Accounting = 0,
    /// Events with text: behind.
    Content = 1,
}

/// How files are to be read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// Which reading.
    pub pass: Pass,
    /// Whether state evidence is wanted of files that are recent enough to matter.
    pub evidence: bool,
    /// The present.
    pub now: Timestamp,
}

/// How far a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    /// [`FileFormat::version`] of the parser that read it.
    pub version: u32,
    /// The version of the file that was read.
    pub stat: Stat,
    /// Where reading goes on.
    pub offset: u64,
    /// Hash of the last up to 64 bytes before `offset`.
    pub check: u64,
    /// Whether the end of the file was read for evidence.
    pub evidence: bool,
    /// The parser's memory at `offset`.
    pub state: Vec<u8>,
}

/// What became of one file.
#[derive(Debug)]
pub struct FileRead {
    /// The cursor to store.
    pub cursor: Cursor,
    /// Whether the file was read from the start, so that problems noted before are void.
    pub from_start: bool,
    /// What was skipped.
    pub problems: Vec<Problem>,
    /// How many bytes were read.
    pub bytes: u64,
}

/// Whether a file must be read at all.
#[must_use]
pub fn is_due(
    format: &dyn FileFormat,
    found: &Found,
    cursor: Option<&Cursor>,
    evidence: bool,
    now: Timestamp,
) -> bool {
    match cursor {
        Some(_) if found.info.role == FileRole::Live => evidence,
        Some(cursor) => {
            cursor.stat != found.stat
                || cursor.version != format.version()
                || (evidence && !cursor.evidence && is_recent(found, now))
        }
        None => true,
    }
}

fn is_recent(found: &Found, now: Timestamp) -> bool {
    now - found.info.modified < EVIDENCE_AGE
}

/// Reads what is new in one file.
///
/// `buffer` is scratch.
///
/// # Errors
///
/// When the file cannot be opened or read. Nothing of it must be stored then.
pub fn read_file(
    format: &dyn FileFormat,
    found: &Found,
    cursor: Option<&Cursor>,
    options: ReadOptions,
    buffer: &mut Vec<u8>,
    out: &mut Batch,
) -> io::Result<FileRead> {
    let ReadOptions { pass, now, .. } = options;
    let evidence = options.evidence && pass == Pass::Accounting && is_recent(found, now);
    let mut file = File::open(&found.info.path)?;
    let mut reading = Reading {
        format,
        found,
        pass,
        evidence,
        now,
        out,
    };
    out_problems(reading.out);
    match found.info.role {
        FileRole::Snapshot | FileRole::Live => reading.snapshot(&mut file, cursor),
        FileRole::CompressedLines => {
            let mut decoder = zstd::stream::read::Decoder::new(file)?;
            reading.lines(&mut decoder, None, buffer)
        }
        FileRole::Lines => {
            let resumed = match cursor {
                Some(cursor) if cursor.version == format.version() => {
                    resume(format, found, cursor, &mut file)?
                }
                _ => None,
            };
            if resumed.is_none() {
                // A new file is at its start already.
                if cursor.is_some() {
                    file.seek(SeekFrom::Start(0))?;
                }
            } else if let Some((_, cursor)) = &resumed
                && evidence
                && !cursor.evidence
            {
                reading.evidence_before(cursor.offset, buffer)?;
            }
            reading.lines(&mut file, resumed, buffer)
        }
    }
}

/// Problems in a batch always belong to the file being read.
fn out_problems(out: &mut Batch) -> Vec<Problem> {
    std::mem::take(&mut out.problems)
}

/// The parser at the cursor, with `file` placed there, if the file still is what the cursor says.
fn resume<'a>(
    format: &dyn FileFormat,
    found: &Found,
    cursor: &'a Cursor,
    file: &mut File,
) -> io::Result<Option<(Box<dyn Parser>, &'a Cursor)>> {
    if cursor.stat.id != found.stat.id || found.stat.size < cursor.offset {
        return Ok(None);
    }
    let checked = cursor.offset.min(CHECKED);
    file.seek(SeekFrom::Start(cursor.offset - checked))?;
    let mut before = vec![0; checked as usize];
    if let Err(error) = file.read_exact(&mut before) {
        return if error.kind() == io::ErrorKind::UnexpectedEof {
            Ok(None)
        } else {
            Err(error)
        };
    }
    if xxh3_64(&before) != cursor.check {
        return Ok(None);
    }
    Ok(format
        .resume(&found.info, &cursor.state)
        .map(|parser| (parser, cursor)))
}

struct Reading<'a> {
    format: &'a dyn FileFormat,
    found: &'a Found,
    pass: Pass,
    evidence: bool,
    now: Timestamp,
    out: &'a mut Batch,
}

impl Reading<'_> {
    fn want(&self, live: bool) -> Want {
        match self.pass {
            Pass::Content => Want::CONTENT,
            Pass::Accounting if live && self.evidence => Want::LIVE,
            Pass::Accounting => Want::ACCOUNTING,
        }
    }

    fn lines(
        &mut self,
        reader: &mut impl Read,
        resumed: Option<(Box<dyn Parser>, &Cursor)>,
        buffer: &mut Vec<u8>,
    ) -> io::Result<FileRead> {
        let from_start = resumed.is_none();
        let (mut parser, base, mut check) = match resumed {
            Some((parser, cursor)) => (parser, cursor.offset, cursor.check),
            None => (self.format.start(&self.found.info), 0, xxh3_64(b"")),
        };
        // What is appended to a known file is all of interest; of a new one, its end.
        let live_from = if from_start {
            self.found.stat.size.saturating_sub(EVIDENCE_TAIL)
        } else {
            0
        };
        let mut last = Vec::new();
        let end = read_lines(reader, base, buffer, |offset, piece| {
            let live = offset + piece.len() as u64 > live_from;
            parser.feed(offset, piece, self.want(live), self.now, self.out);
            last.clear();
            last.extend_from_slice(&piece[piece.len().saturating_sub(CHECKED as usize)..]);
            true
        })?;
        for line in &end.too_long {
            let detail = format!(
                "line of {} bytes is over the limit of {}",
                line.length,
                tail::MAX_LINE
            );
            self.out.problem(ProblemKind::TooLong, line.offset, detail);
        }
        let state = parser.state();
        if !last.is_empty() {
            check = self.check_before(end.offset, &last)?;
        }
        // A last line without a line end counts if it is whole, but is read again when the file grows.
        if serde_json::from_slice::<serde::de::IgnoredAny>(&end.rest).is_ok() {
            parser.feed(end.offset, &end.rest, self.want(true), self.now, self.out);
        }
        parser.finish(self.want(true), self.out);
        let cursor = Cursor {
            version: self.format.version(),
            stat: self.found.stat,
            offset: end.offset,
            check,
            evidence: self.evidence,
            state,
        };
        Ok(FileRead {
            cursor,
            from_start,
            problems: out_problems(self.out),
            bytes: end.read_to - base,
        })
    }

    /// The hash of the bytes before `offset`, of which `last` are the last ones fed.
    fn check_before(&self, offset: u64, last: &[u8]) -> io::Result<u64> {
        let wanted = offset.min(CHECKED) as usize;
        if last.len() >= wanted || self.found.info.role != FileRole::Lines {
            return Ok(xxh3_64(&last[last.len().saturating_sub(wanted)..]));
        }
        let mut file = File::open(&self.found.info.path)?;
        file.seek(SeekFrom::Start(offset - wanted as u64))?;
        let mut before = vec![0; wanted];
        file.read_exact(&mut before)?;
        Ok(xxh3_64(&before))
    }

    /// Reads the end of what was read before without evidence once more, for evidence alone.
    fn evidence_before(&mut self, offset: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let mut file = File::open(&self.found.info.path)?;
        let from = offset.saturating_sub(EVIDENCE_TAIL);
        file.seek(SeekFrom::Start(from))?;
        let mut parser = self.format.start(&self.found.info);
        let want = Want {
            accounting: false,
            evidence: true,
            content: false,
        };
        // The first piece starts inside a line, unless it starts the file.
        let mut cut = from > 0;
        read_lines(
            &mut file.take(offset - from),
            from,
            buffer,
            |base, piece| {
                let skip = if cut {
                    memchr::memchr(b'\n', piece).map_or(piece.len(), |at| at + 1)
                } else {
                    0
                };
                cut = false;
                parser.feed(base + skip as u64, &piece[skip..], want, self.now, self.out);
                true
            },
        )?;
        // The same lines are counted for problems by the ordinary reading.
        self.out.problems.clear();
        Ok(())
    }

    fn snapshot(&mut self, file: &mut File, cursor: Option<&Cursor>) -> io::Result<FileRead> {
        let info = &self.found.info;
        let known = cursor.filter(|cursor| cursor.version == self.format.version());
        let mut parser = known
            .and_then(|cursor| self.format.resume(info, &cursor.state))
            .unwrap_or_else(|| self.format.start(info));
        let mut bytes = Vec::with_capacity(self.found.stat.size.min(MAX_SNAPSHOT) as usize);
        file.take(MAX_SNAPSHOT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_SNAPSHOT {
            let detail = format!(
                "file of {} bytes is over the limit of {MAX_SNAPSHOT}",
                self.found.stat.size
            );
            self.out.problem(ProblemKind::TooLong, 0, detail);
        } else if !bytes.is_empty() {
            let want = if self.pass == Pass::Content {
                Want::CONTENT
            } else {
                Want::LIVE
            };
            parser.feed(0, &bytes, want, self.now, self.out);
        }
        let cursor = Cursor {
            version: self.format.version(),
            stat: self.found.stat,
            offset: bytes.len() as u64,
            check: 0,
            evidence: true,
            state: parser.state(),
        };
        Ok(FileRead {
            cursor,
            from_start: true,
            problems: out_problems(self.out),
            bytes: bytes.len() as u64,
        })
    }
}
