//! Reads one file from where the last read stopped, through its parser, into pieces.
//!
//! A [`Cursor`] remembers how far a file was read and what the parser must know to go on. It is stored in the same
//! transaction as what was read. A file that shrank, was replaced or whose bytes before the cursor changed is read
//! from the start again: facts carry their identity, so reading twice changes nothing.

mod rows;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::piece::{CursorKey, FileUpdate, Piece, Skipped};
use super::tail::{self, read_lines};
use super::walk::{Found, Stat};
use super::{FileFormat, FileRole, Parser, Want};
use crate::model::{Problem, ProblemKind, Span, Timestamp};

/// How much of the end of a file is read for evidence when the file is met for the first time.
const EVIDENCE_TAIL: u64 = 256 * 1024;

/// A file that did not change for longer than this is not read for evidence: nothing in it can still be going on.
pub const EVIDENCE_AGE: Span = Span::from_mins(24 * 60);

/// Bytes before the cursor that must be unchanged for reading to go on there.
const CHECKED: u64 = 64;

/// Largest file that is read as a whole.
const MAX_WHOLE: u64 = 32 * 1024 * 1024;

/// Different problems of one file after which they are handed over.
const MAX_PROBLEMS: usize = 1024;

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

/// Reads what is new in one file into `piece`, with the cursor to store. Whenever the piece is full, it is handed over
/// and a new one begun; nothing more is read when `hand_over` returns `false`. Returns whether it never did.
///
/// A file that cannot be read becomes a problem. One that is gone was just removed: that is none.
///
/// `buffer` is scratch.
pub fn read_file(
    format: &dyn FileFormat,
    found: &Found,
    cursor: Option<&Cursor>,
    options: ReadOptions,
    buffer: &mut Vec<u8>,
    piece: &mut Piece,
    hand_over: &mut dyn FnMut(Piece) -> bool,
) -> bool {
    // Problems in a batch always belong to the file being read.
    piece.batch.problems.clear();
    let mut reading = Reading {
        format,
        found,
        options,
        evidence: options.evidence
            && options.pass == Pass::Accounting
            && is_recent(found, options.now),
        problems: BTreeMap::new(),
        resets_problems: true,
        piece,
        hand_over,
    };
    match reading.read(cursor, buffer) {
        Ok(go_on) => go_on,
        Err(error) => {
            reading.problems.clear();
            reading.piece.batch.problems.clear();
            reading.resets_problems = true;
            if error.kind() != io::ErrorKind::NotFound {
                reading.add_problem(Problem {
                    kind: ProblemKind::Unreadable,
                    offset: 0,
                    detail: error.to_string().into(),
                });
            }
            reading.update(None);
            true
        }
    }
}

/// Where reading goes on in a file that was read before.
struct Resumed {
    parser: Box<dyn Parser>,
    offset: u64,
    /// Whether the file was read for evidence up to `offset`.
    evidence: bool,
}

/// The place at the cursor, with `file` set to it, if the file still is what the cursor says.
fn resume(
    format: &dyn FileFormat,
    found: &Found,
    cursor: &Cursor,
    file: &mut File,
) -> io::Result<Option<Resumed>> {
    if cursor.version != format.version()
        || cursor.stat.id != found.stat.id
        || cursor.offset > found.stat.size
    {
        return Ok(None);
    }
    let Some(before) = bytes_before(file, cursor.offset)? else {
        return Ok(None);
    };
    if xxh3_64(&before) != cursor.check {
        return Ok(None);
    }
    let Some(parser) = format.resume(&found.info, &cursor.state) else {
        return Ok(None);
    };
    let mut offset = cursor.offset;
    if before.last().is_some_and(|&byte| byte != b'\n') {
        // A line too long to be read had no end yet.
        offset += skip_line(file, offset)?;
    }
    Ok(Some(Resumed {
        parser,
        offset,
        evidence: cursor.evidence,
    }))
}

/// The bytes before `offset` that must not change, with `file` set to `offset`; `None` when it is shorter.
fn bytes_before(file: &mut File, offset: u64) -> io::Result<Option<Vec<u8>>> {
    let mut before = vec![0; offset.min(CHECKED) as usize];
    file.seek(SeekFrom::Start(offset - before.len() as u64))?;
    match file.read_exact(&mut before) {
        Ok(()) => Ok(Some(before)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets `file`, which stands inside a line at `offset`, behind the end of that line or to its own end. Returns by how
/// many bytes.
fn skip_line(file: &mut File, offset: u64) -> io::Result<u64> {
    let skipped = BufReader::new(&mut *file).skip_until(b'\n')? as u64;
    file.seek(SeekFrom::Start(offset + skipped))?;
    Ok(skipped)
}

struct Reading<'a> {
    format: &'a dyn FileFormat,
    found: &'a Found,
    options: ReadOptions,
    /// Whether evidence is wanted of this file.
    evidence: bool,
    /// What was skipped since the last update: where first, and how often.
    problems: BTreeMap<(ProblemKind, Box<str>), (u64, u64)>,
    /// Whether the next update voids what was skipped before.
    resets_problems: bool,
    piece: &'a mut Piece,
    hand_over: &'a mut dyn FnMut(Piece) -> bool,
}

impl Reading<'_> {
    fn read(&mut self, cursor: Option<&Cursor>, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let open = || File::open(&self.found.info.path);
        match self.found.info.role {
            FileRole::Database => Ok(self.rows(cursor)),
            FileRole::Snapshot | FileRole::Document | FileRole::Live => {
                self.snapshot(&mut open()?, cursor)
            }
            FileRole::CompressedLines => {
                let mut decoder = zstd::stream::read::Decoder::new(open()?)?;
                let Some((_, cursor)) = self.lines(&mut decoder, None, buffer)? else {
                    return Ok(false);
                };
                self.update(Some(cursor));
                Ok(true)
            }
            FileRole::Lines => {
                let mut file = open()?;
                let resumed = match cursor {
                    Some(cursor) => resume(self.format, self.found, cursor, &mut file)?,
                    None => None,
                };
                match &resumed {
                    Some(resumed) => self.evidence_before(resumed, buffer)?,
                    // A new file is at its start already.
                    None if cursor.is_some() => file.rewind()?,
                    None => {}
                }
                let Some((offset, mut cursor)) = self.lines(&mut file, resumed, buffer)? else {
                    return Ok(false);
                };
                // A file that was cut short meanwhile is found out at the next look.
                cursor.check = xxh3_64(&bytes_before(&mut file, offset)?.unwrap_or_default());
                self.update(Some(cursor));
                Ok(true)
            }
        }
    }

    fn want(&self, live: bool) -> Want {
        match self.options.pass {
            Pass::Content => Want::CONTENT,
            Pass::Accounting if live && self.evidence => Want::LIVE,
            Pass::Accounting => Want::ACCOUNTING,
        }
    }

    /// Where evidence begins to matter in a file that was not read for it before.
    fn evidence_begin(&self) -> u64 {
        self.found.stat.size.saturating_sub(EVIDENCE_TAIL)
    }

    /// Reads lines to the end. Returns where that was and the cursor, which lacks its check; `None` when nothing more
    /// is to be read.
    fn lines(
        &mut self,
        reader: &mut impl Read,
        resumed: Option<Resumed>,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Option<(u64, Cursor)>> {
        self.resets_problems = resumed.is_none();
        // What is appended to a known file is all of interest; of any other, its end.
        let live_from = match &resumed {
            Some(resumed) if resumed.evidence => 0,
            _ => self.evidence_begin(),
        };
        let (mut parser, base) = match resumed {
            Some(resumed) => (resumed.parser, resumed.offset),
            None => (self.format.start(&self.found.info), 0),
        };
        let mut go_on = true;
        // What was handed over before is not counted again.
        let mut counted = base;
        let end = read_lines(reader, base, buffer, |offset, lines| {
            let end = offset + lines.len() as u64;
            let want = self.want(end > live_from);
            let now = self.options.now;
            parser.feed(offset, lines, want, now, &mut self.piece.batch);
            self.take_problems();
            let is_full = self.piece.is_full() || self.problems.len() >= MAX_PROBLEMS;
            if is_full && lines.len() as u64 >= CHECKED {
                let check = xxh3_64(&lines[lines.len() - CHECKED as usize..]);
                self.piece.bytes += end - counted;
                counted = end;
                go_on = self.hand_over_at(end, check, parser.state());
            }
            go_on
        })?;
        if !go_on {
            return Ok(None);
        }
        self.piece.bytes += end.read_to.saturating_sub(counted);
        for line in &end.too_long {
            self.add_problem(Problem {
                kind: ProblemKind::TooLong,
                offset: line.offset,
                detail: format!("line of more than {} bytes", tail::MAX_LINE).into(),
            });
        }
        let state = parser.state();
        self.last_line(&mut *parser, end.offset, &buffer[..end.rest]);
        parser.finish(self.want(true), &mut self.piece.batch);
        self.take_problems();
        let cursor = Cursor {
            version: self.format.version(),
            stat: self.found.stat,
            offset: end.offset,
            check: 0,
            evidence: self.evidence,
            state,
        };
        Ok(Some((end.offset, cursor)))
    }

    /// Reads what follows the last line end. It counts if it is whole, but is read again when the file grows.
    fn last_line(&mut self, parser: &mut dyn Parser, offset: u64, rest: &[u8]) {
        let ends = self.found.info.role == FileRole::CompressedLines && !rest.is_empty();
        if ends || serde_json::from_slice::<serde::de::IgnoredAny>(rest).is_ok() {
            let want = self.want(true);
            let (now, batch) = (self.options.now, &mut self.piece.batch);
            parser.feed(offset, rest, want, now, batch);
            if !ends {
                // Counted when the line has its end.
                self.piece.batch.problems.clear();
            }
        }
    }

    /// Hands over what was read so far, with a cursor from which reading goes on should it be cut off here.
    fn hand_over_at(&mut self, offset: u64, check: u64, state: Vec<u8>) -> bool {
        let is_plain = self.found.info.role == FileRole::Lines;
        let cursor = is_plain.then(|| Cursor {
            version: self.format.version(),
            // No size and no time: the file is not done with.
            stat: Stat {
                id: self.found.stat.id,
                ..Stat::default()
            },
            offset,
            check,
            evidence: false,
            state,
        });
        self.update(cursor);
        self.resets_problems = false;
        (self.hand_over)(std::mem::take(self.piece))
    }

    /// Reads the end of what was read before without evidence once more, for evidence alone.
    fn evidence_before(&mut self, resumed: &Resumed, buffer: &mut Vec<u8>) -> io::Result<()> {
        let from = self.evidence_begin();
        if !self.evidence || resumed.evidence || from >= resumed.offset {
            return Ok(());
        }
        let mut file = File::open(&self.found.info.path)?;
        file.seek(SeekFrom::Start(from))?;
        let begin = if from == 0 {
            0
        } else {
            from + skip_line(&mut file, from)?
        };
        let mut parser = self.format.start(&self.found.info);
        let want = Want {
            accounting: false,
            evidence: true,
            content: false,
        };
        let length = resumed.offset.saturating_sub(begin);
        read_lines(&mut file.take(length), begin, buffer, |offset, lines| {
            let now = self.options.now;
            parser.feed(offset, lines, want, now, &mut self.piece.batch);
            true
        })?;
        // The same lines are counted for problems by the ordinary reading.
        self.piece.batch.problems.clear();
        Ok(())
    }

    fn snapshot(&mut self, file: &mut File, cursor: Option<&Cursor>) -> io::Result<bool> {
        let info = &self.found.info;
        // Snapshots are small, and what they say is of now.
        let want = match info.role {
            FileRole::Document => self.want(true),
            _ => Want::LIVE,
        };
        let known = cursor.filter(|cursor| cursor.version == self.format.version());
        let mut parser = known
            .and_then(|cursor| self.format.resume(info, &cursor.state))
            .unwrap_or_else(|| self.format.start(info));
        let mut bytes = Vec::with_capacity(self.found.stat.size.min(MAX_WHOLE) as usize);
        file.take(MAX_WHOLE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_WHOLE {
            self.add_problem(Problem {
                kind: ProblemKind::TooLong,
                offset: 0,
                detail: format!("file of more than {MAX_WHOLE} bytes").into(),
            });
        } else if !bytes.is_empty() {
            let (now, batch) = (self.options.now, &mut self.piece.batch);
            parser.feed(0, &bytes, want, now, batch);
        }
        self.take_problems();
        self.piece.bytes += bytes.len() as u64;
        self.update(Some(Cursor {
            version: self.format.version(),
            stat: self.found.stat,
            offset: bytes.len() as u64,
            check: 0,
            evidence: want.evidence,
            state: parser.state(),
        }));
        Ok(true)
    }

    fn add_problem(&mut self, problem: Problem) {
        let Problem {
            kind,
            offset,
            detail,
        } = problem;
        let (_, count) = self.problems.entry((kind, detail)).or_insert((offset, 0));
        *count += 1;
    }

    /// Counts what the parser skipped.
    fn take_problems(&mut self) {
        for problem in std::mem::take(&mut self.piece.batch.problems) {
            self.add_problem(problem);
        }
    }

    /// Adds to the piece what is to be stored for the file.
    fn update(&mut self, cursor: Option<Cursor>) {
        let problems = std::mem::take(&mut self.problems);
        let skipped = problems
            .into_iter()
            .map(|((kind, detail), (offset, count))| Skipped {
                problem: Problem {
                    kind,
                    offset,
                    detail,
                },
                count,
            });
        self.piece.files.push(FileUpdate {
            key: CursorKey {
                path: self.found.info.path.clone(),
                pass: self.options.pass,
            },
            format: self.format.name(),
            cursor,
            resets_problems: self.resets_problems,
            skipped: skipped.collect(),
        });
    }
}
