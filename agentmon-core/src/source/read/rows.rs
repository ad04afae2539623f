//! Reads what is new in a database: a step, a look at whether it counts, a piece, until there are no more rows.

use super::{Cursor, MAX_PROBLEMS, Reading, is_recent};
use crate::model::{Problem, ProblemKind, Span};
use crate::source::piece::Piece;
use crate::source::walk::Stat;
use crate::source::{Database, DatabaseError, Parser, Request, Want};

/// A database that changed less than this ago is looked at once more: its agent may write again within the same tick of
/// the file system's clock, and a log that is used anew need not grow.
const FRESH: Span = Span::from_secs(2);

impl Reading<'_> {
    /// Reads a database to its end. Returns `false` when nothing more is to be read of anything.
    pub(super) fn rows(&mut self, cursor: Option<&Cursor>) -> bool {
        // What is dropped when a step does not count must not belong to other files.
        if !self.piece.files.is_empty() && !(self.hand_over)(std::mem::take(self.piece)) {
            return false;
        }
        let format = self.format;
        let known = cursor.filter(|cursor| {
            cursor.version == format.version() && cursor.stat.id == self.found.stat.id
        });
        let info = &self.found.info;
        let resumed = known.and_then(|cursor| format.resume(info, &cursor.state));
        self.resets_problems = resumed.is_none();
        let lacks_evidence = self.evidence && known.is_some_and(|cursor| !cursor.evidence);
        let read = match resumed {
            Some(parser) if lacks_evidence => self
                .evidence_of_known_rows()
                .and_then(|go_on| if go_on { self.steps(parser) } else { Ok(false) }),
            Some(parser) => self.steps(parser),
            None => self.steps(format.start(info)),
        };
        match read {
            Ok(go_on) => go_on,
            Err(error) => {
                self.problems.clear();
                *self.piece = Piece::default();
                // Where reading stood is not lost; a lock is no problem, and is tried again at the next look.
                if let DatabaseError::Unreadable(detail) = error {
                    self.resets_problems = true;
                    self.add_problem(Problem {
                        kind: ProblemKind::Unreadable,
                        offset: 0,
                        detail,
                    });
                    self.update(known.map(|cursor| Cursor {
                        stat: self.unfinished(),
                        ..cursor.clone()
                    }));
                }
                true
            }
        }
    }

    /// A version that no file has.
    fn unfinished(&self) -> Stat {
        Stat {
            id: self.found.stat.id,
            ..Stat::default()
        }
    }

    fn steps(&mut self, mut parser: Box<dyn Parser>) -> Result<bool, DatabaseError> {
        let request = Request {
            want: self.want(true),
            now: self.options.now,
        };
        while self.step(&mut *parser, request)? {
            self.take_problems();
            if self.piece.is_full() || self.problems.len() >= MAX_PROBLEMS {
                self.update_rows(&*parser, self.unfinished());
                self.resets_problems = false;
                if !(self.hand_over)(std::mem::take(self.piece)) {
                    return Ok(false);
                }
            }
        }
        parser.finish(request.want, &mut self.piece.batch);
        self.take_problems();
        let age = self.options.now - self.found.info.modified;
        let is_fresh = (Span(0)..FRESH).contains(&age);
        let stat = if is_fresh {
            self.unfinished()
        } else {
            self.found.stat
        };
        self.piece.bytes += self.found.stat.size;
        self.update_rows(&*parser, stat);
        Ok(true)
    }

    /// One step, with the database open no longer than that.
    fn step(&mut self, parser: &mut dyn Parser, request: Request) -> Result<bool, DatabaseError> {
        let database = Database::open(&self.found.info.path)?;
        let more = parser.query(&database, request, &mut self.piece.batch)?;
        if database.is_unchanged() {
            Ok(more)
        } else {
            Err(DatabaseError::Busy)
        }
    }

    fn update_rows(&mut self, parser: &dyn Parser, stat: Stat) {
        self.update(Some(Cursor {
            version: self.format.version(),
            stat,
            offset: 0,
            check: 0,
            evidence: self.evidence,
            state: parser.state(),
        }));
    }

    /// Reads once more, for evidence alone, the rows of which it still matters.
    fn evidence_of_known_rows(&mut self) -> Result<bool, DatabaseError> {
        if !is_recent(self.found, self.options.now) {
            return Ok(true);
        }
        let mut parser = self.format.start(&self.found.info);
        let request = Request {
            want: Want {
                accounting: false,
                evidence: true,
                content: false,
            },
            now: self.options.now,
        };
        while self.step(&mut *parser, request)? {
            // The same rows are counted for problems by the ordinary reading.
            self.piece.batch.problems.clear();
        }
        self.piece.batch.problems.clear();
        Ok(true)
    }
}
