//! Feeds a parser as `source/read.rs` does and checks what must hold for any bytes whatever.

use std::collections::BTreeMap;
use std::path::Path;

use agentmon_core::model::{
    Batch, Event, ModelCall, SessionIndex, SessionKey, SessionPatch, Span, Timestamp,
};
use agentmon_core::session::{Evidence, Input, Session, StatePolicy};
use agentmon_core::source::{FileFormat, FileInfo, FileRole, Want};

/// The present: later than what agents have written so far.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Stands between the records of one input: no text that an agent writes holds it unescaped.
const RECORD_END: u8 = 0x1e;

/// The records of an input.
pub fn records(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|&byte| byte == RECORD_END)
}

/// What a parser is told of the file at `relative`.
#[must_use]
pub fn file(role: FileRole, relative: &str) -> FileInfo {
    let root = Path::new("/home/user/agent").to_owned();
    FileInfo {
        path: root.join(relative),
        root,
        role,
        born: Timestamp(1_700_000_000_000),
        modified: NOW,
    }
}

/// One of several things, told by the length of an input: so inputs are plain files, as agents write them.
#[must_use]
pub fn one_of<'a>(things: &[&'a str], data: &[u8]) -> &'a str {
    things[data.len() % things.len()]
}

/// Reads a file of lines at once and in two goes, for every want.
pub fn read_lines(format: &dyn FileFormat, file: &FileInfo, data: &[u8]) {
    let borders: Vec<usize> = (1..=data.len())
        .filter(|&at| data[at - 1] == b'\n')
        .collect();
    for want in [Want::ACCOUNTING, Want::LIVE, Want::CONTENT] {
        let mut whole = Batch::default();
        lines_from(format, file, None, data, want, &mut whole);
        holds(&whole);
        let Some(&cut) = borders.get(data.len() / 3 % borders.len().max(1)) else {
            continue;
        };
        let (mut first, mut second) = (Batch::default(), Batch::default());
        let state = lines_from(format, file, None, &data[..cut], want, &mut first);
        lines_from(format, file, Some((cut, &state)), data, want, &mut second);
        let (whole, parts) = (Facts::of([whole]), Facts::of([first, second]));
        whole.agrees(&parts, want.evidence);
    }
}

/// Reads `data` on from an offset and a state, and returns the state behind its last line end.
fn lines_from(
    format: &dyn FileFormat,
    file: &FileInfo,
    from: Option<(usize, &[u8])>,
    data: &[u8],
    want: Want,
    out: &mut Batch,
) -> Vec<u8> {
    let (mut parser, base) = match from {
        Some((base, state)) => {
            let parser = format.resume(file, state);
            (parser.expect("a parser reads its own state"), base)
        }
        None => (format.start(file), 0),
    };
    let end = data.iter().rposition(|&byte| byte == b'\n');
    let end = end.map_or(0, |at| at + 1).max(base);
    if end > base {
        parser.feed(base as u64, &data[base..end], want, NOW, out);
    }
    let state = parser.state();
    // A last line without a line end counts if it is whole.
    let rest = &data[end..];
    if serde_json::from_slice::<serde::de::IgnoredAny>(rest).is_ok() {
        parser.feed(end as u64, rest, want, NOW, out);
    }
    parser.finish(want, out);
    state
}

/// Reads the versions of a file that is replaced as a whole, with one parser and with a new one for each version.
pub fn read_versions(format: &dyn FileFormat, file: &FileInfo, data: &[u8]) {
    for want in [Want::ACCOUNTING, Want::LIVE] {
        let mut lasting = format.start(file);
        let mut state = lasting.state();
        let (mut whole, mut parts) = (Batch::default(), Vec::new());
        for (sweep, version) in records(data).enumerate() {
            let now = NOW + Span::from_secs(10 * sweep as i64);
            let resumed = format.resume(file, &state);
            let mut resumed = resumed.expect("a parser reads its own state");
            let mut part = Batch::default();
            if !version.is_empty() {
                lasting.feed(0, version, want, now, &mut whole);
                resumed.feed(0, version, want, now, &mut part);
            }
            state = resumed.state();
            assert_eq!(state, lasting.state());
            parts.push(part);
        }
        let mut gone = Batch::default();
        format.removed(file, &state, NOW, &mut gone);
        holds(&gone);
        holds(&whole);
        Facts::of([whole]).agrees(&Facts::of(parts), true);
    }
}

/// Reads the versions of a file that is replaced as a whole and holds text.
pub fn read_documents(format: &dyn FileFormat, file: &FileInfo, data: &[u8]) {
    read_versions(format, file, data);
    let mut out = Batch::default();
    format.start(file).feed(0, data, Want::CONTENT, NOW, &mut out);
    holds(&out);
}

/// Checks what holds for every batch, and that sessions take what is in it.
pub fn holds(batch: &Batch) {
    let key = |index: SessionIndex| &batch.sessions[index.0 as usize].key;
    for event in &batch.events {
        assert!(event.text.len() <= Event::MAX_TEXT, "{:?}", event.key);
        let _ = key(event.session);
    }
    for call in &batch.calls {
        assert!((call.model as usize) < batch.models.len());
        let _ = (key(call.session), call.usage.total());
    }
    let policy = StatePolicy::default();
    for (index, facts) in batch.sessions.iter().enumerate() {
        let mut session = Session::new(facts.key.clone());
        let mut changes = Vec::new();
        session.apply(Input::Facts(facts), NOW, &policy, &mut changes);
        for (of, sign) in &batch.evidence {
            if of.0 as usize == index {
                session.apply(Input::Evidence(sign), NOW, &policy, &mut changes);
            }
        }
        session.apply(Input::Tick, NOW, &policy, &mut changes);
        let _ = (session.next_deadline(&policy), session.attention(&policy));
        let _ = (session.blocked(NOW), session.verdict.clone());
        let stored = serde_json::to_vec(&session).expect("a session is stored");
        let read: Session = serde_json::from_slice(&stored).expect("and read again");
        assert_eq!(read.verdict, session.verdict);
        assert_eq!(read.facts, session.facts);
    }
}

/// What the store would hold after taking in batches one after another, with names in place of indices.
#[derive(Debug, Default)]
struct Facts {
    sessions: BTreeMap<SessionKey, SessionPatch>,
    models: Vec<Box<str>>,
    keys: Vec<SessionKey>,
    calls: BTreeMap<i64, ModelCall>,
    /// By what they say: sessions do not care in what order signs come, nor how often.
    evidence: BTreeMap<String, (SessionKey, Evidence)>,
    events: BTreeMap<String, (SessionKey, Event)>,
}

impl Facts {
    fn of(batches: impl IntoIterator<Item = Batch>) -> Self {
        let mut facts = Self::default();
        batches.into_iter().for_each(|batch| facts.add(batch));
        facts
    }

    fn add(&mut self, batch: Batch) {
        let mut table = Batch::default();
        for key in &self.keys {
            table.session(key);
        }
        for model in &self.models {
            table.model(model);
        }
        let keys: Vec<_> = batch
            .sessions
            .iter()
            .map(|patch| patch.key.clone())
            .collect();
        for patch in batch.sessions {
            table.session(&patch.key);
            match self.sessions.get_mut(&patch.key) {
                Some(known) => {
                    known.merge(&patch);
                }
                None => {
                    self.keys.push(patch.key.clone());
                    self.sessions.insert(patch.key.clone(), patch);
                }
            }
        }
        for mut call in batch.calls {
            call.session = table.session(&keys[call.session.0 as usize]);
            call.model = table.model(&batch.models[call.model as usize]);
            self.calls
                .entry(call.fact.0)
                .and_modify(|known| known.merge(&call))
                .or_insert(call);
        }
        self.models = table.models;
        for (session, sign) in batch.evidence {
            let sign = (keys[session.0 as usize].clone(), sign);
            self.evidence.insert(format!("{sign:?}"), sign);
        }
        for mut event in batch.events {
            let session = keys[event.session.0 as usize].clone();
            event.session = SessionIndex(0);
            let key = format!("{:?}", event.key);
            self.events.entry(key).or_insert((session, event));
        }
    }

    fn call(&self, call: &ModelCall) -> (&SessionKey, &str, ModelCall) {
        let names = ModelCall {
            session: SessionIndex(0),
            model: 0,
            ..*call
        };
        (
            &self.keys[call.session.0 as usize],
            &self.models[call.model as usize],
            names,
        )
    }

    /// Both say the same. Without `evidence`, signs are only told of the end of what was read.
    fn agrees(&self, other: &Self, evidence: bool) {
        let calls = |facts: &Self| -> Vec<String> {
            facts
                .calls
                .values()
                .map(|call| format!("{:?}", facts.call(call)))
                .collect()
        };
        assert_eq!(calls(self), calls(other));
        assert_eq!(self.sessions, other.sessions);
        assert_eq!(self.events, other.events);
        if evidence {
            assert_eq!(self.evidence, other.evidence);
        }
    }
}
