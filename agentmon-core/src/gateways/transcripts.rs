//! Which transcripts of a gateway are to be read, one at a time: those that changed since they were read last. How far each
//! was read is remembered in the store, so that a restart reads only what is new.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use crate::model::{Span, Timestamp};
use crate::source::openclaw::gateway::observe::Read;

/// Transcripts that wait; the latest to be asked for is read first.
const MAX_WAITING: usize = 512;
/// Older sessions are not read when a gateway is met for the first time.
const FIRST_AGE: Span = Span::from_mins(30 * 24 * 60);
/// Messages in a request.
const PAGE: u64 = 200;
/// Requests for one transcript at a time: the rest of a longer one is left out.
const MAX_PAGES: u32 = 10;
/// Protocol 3 has no pages.
const WHOLE: u64 = 1000;
/// The gateway writes the row and the message at slightly different times.
const OVERLAP: Span = Span::from_secs(60);

/// What is to be read.
#[derive(Debug)]
pub(super) struct Transcripts {
    read_to: HashMap<String, Timestamp>,
    waiting: VecDeque<Box<str>>,
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    address: Box<str>,
    session: String,
    /// The row's time at the beginning: behind that everything is read in the end.
    updated: Timestamp,
    offset: u64,
    pages: u32,
}

impl Transcripts {
    pub(super) fn new(read_to: HashMap<String, Timestamp>) -> Self {
        Self {
            read_to,
            waiting: VecDeque::new(),
            reading: None,
        }
    }

    /// Asks for the transcript under an address.
    pub(super) fn want(&mut self, address: &str) {
        self.waiting.retain(|known| **known != *address);
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_back();
        }
        self.waiting.push_front(address.into());
    }

    /// Asks for the transcript of a listed session, if it changed since it was read.
    pub(super) fn listed(
        &mut self,
        address: &str,
        session: &str,
        updated: Timestamp,
        now: Timestamp,
    ) {
        let is_new = match self.read_to.get(session) {
            Some(read_to) => updated > *read_to,
            None => now - updated < FIRST_AGE,
        };
        if is_new
            && !self.waiting.iter().any(|known| **known == *address)
            && self.waiting.len() < MAX_WAITING
        {
            self.waiting.push_back(address.into());
        }
    }

    /// The connection was lost: what was being read is to be read again.
    pub(super) fn interrupted(&mut self) {
        if let Some(reading) = self.reading.take() {
            self.want(&reading.address);
        }
    }

    /// The next request, unless one is on its way. `session` tells the session under an address and its row's time.
    pub(super) fn next(
        &mut self,
        protocol: u64,
        mut session: impl FnMut(&str) -> Option<(String, Timestamp)>,
    ) -> Option<(Box<str>, Value)> {
        if self.reading.is_some() {
            return None;
        }
        while let Some(address) = self.waiting.pop_front() {
            if let Some((session, updated)) = session(&address) {
                let reading = self.reading.insert(Reading {
                    address,
                    session,
                    updated,
                    offset: 0,
                    pages: 0,
                });
                return Some((reading.address.clone(), reading.params(protocol)));
            }
        }
        None
    }

    /// A part was read. Returns the request for the next part, or else the session with how far it is read now.
    pub(super) fn read(&mut self, part: Option<Read>, protocol: u64) -> Progress {
        let Some(mut reading) = self.reading.take() else {
            return Progress::None;
        };
        let Some(part) = part else {
            // Refused: it is asked for again when it changes.
            return Progress::None;
        };
        let known = self
            .read_to
            .get(&reading.session)
            .map(|read_to| *read_to - OVERLAP);
        let has_all = part
            .oldest
            .zip(known)
            .is_some_and(|(oldest, known)| oldest < known);
        reading.pages += 1;
        match part.next_offset {
            Some(offset) if !has_all && reading.pages < MAX_PAGES && offset > reading.offset => {
                reading.offset = offset;
                let next = (reading.address.clone(), reading.params(protocol));
                self.reading = Some(reading);
                Progress::Next(next.0, next.1)
            }
            _ => {
                self.read_to
                    .insert(reading.session.clone(), reading.updated);
                Progress::Done(reading.session, reading.updated)
            }
        }
    }
}

/// What follows a part of a transcript.
#[derive(Debug)]
pub(super) enum Progress {
    /// The transcript under this address goes on with this request.
    Next(Box<str>, Value),
    /// This session is read up to this time.
    Done(String, Timestamp),
    /// Nothing.
    None,
}

impl Reading {
    fn params(&self, protocol: u64) -> Value {
        let limit = if protocol < 4 { WHOLE } else { PAGE };
        match self.offset {
            0 => json!({"sessionKey": self.address, "limit": limit}),
            offset => json!({"sessionKey": self.address, "limit": limit, "offset": offset}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_read_and_to_its_end() {
        let now = Timestamp(10_000_000_000_000);
        let mut transcripts = Transcripts::new(HashMap::from([("s1".to_owned(), now - Span(100))]));
        transcripts.listed("a1", "s1", now - Span(100), now);
        assert!(transcripts.next(4, |_| unreachable!()).is_none());
        transcripts.listed("a2", "s2", now - FIRST_AGE, now);
        transcripts.listed("a3", "s3", now - Span(5), now);
        transcripts.want("a1");
        let session = |address: &str| Some((address.replace('a', "s"), now));
        let (address, params) = transcripts.next(4, session).unwrap();
        assert_eq!(
            (&*address, &params),
            ("a1", &json!({"sessionKey": "a1", "limit": 200}))
        );
        assert!(transcripts.next(4, session).is_none(), "one at a time");
        let part = |oldest, next_offset| {
            Some(Read {
                messages: 200,
                oldest: Some(oldest),
                next_offset,
            })
        };
        match transcripts.read(part(now, Some(200)), 4) {
            Progress::Next(_, params) => assert_eq!(params["offset"], 200),
            other => panic!("{other:?}"),
        }
        // The rest was read before.
        match transcripts.read(part(now - OVERLAP - OVERLAP, Some(400)), 4) {
            Progress::Done(session, read_to) => assert_eq!((&*session, read_to), ("s1", now)),
            other => panic!("{other:?}"),
        }
        assert_eq!(&*transcripts.next(3, session).unwrap().0, "a3");
        transcripts.interrupted();
        assert_eq!(transcripts.next(3, session).unwrap().1["limit"], 1000);
    }
}
