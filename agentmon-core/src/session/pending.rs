//! What is open in a turn: tool calls that run, and requests that wait for the user.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::{AgentPolicy, Ask, EvidenceRef, EvidenceSource, intake};
use crate::model::{Span, Timestamp};

/// Most open calls, calls that are over and requests remembered. More at once is not seen in practice; the oldest go first.
const MAX_CALLS: usize = 24;
const MAX_OVER: usize = 16;
const MAX_ASKS: usize = 6;

/// A tool call that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) id: Box<str>,
    pub(super) tool: Box<str>,
    /// What it is to do, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) about: Option<Box<str>>,
    pub(super) by: EvidenceRef,
}

/// A request that waits for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) ask: Ask,
    pub(super) detail: Option<Box<str>>,
    pub(super) by: EvidenceRef,
    /// When it was said last.
    repeated: Timestamp,
    /// The request's own id.
    id: Option<Box<str>>,
    /// The calls one of which it is about: once all of them are decided, it is answered. Hooks ask for permission
    /// without naming the call, so that with parallel calls of one tool it may be any of them.
    calls: Vec<Box<str>>,
}

/// Open calls and requests of one turn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) calls: Vec<Call>,
    pub(super) asks: Vec<Request>,
    /// The ids of calls that are over, each as a hash: they are only compared.
    #[serde(default)]
    over: Vec<u64>,
}

impl Pending {
    /// A call began. Ignored when it is known to be over: the slower source tells of the start after the faster one
    /// told of the end.
    pub(super) fn start(&mut self, id: &str, tool: &str, about: Option<&str>, by: &EvidenceRef) {
        if self.over.contains(&xxh3_64(id.as_bytes())) {
            return;
        }
        if let Some(known) = self.calls.iter_mut().find(|call| &*call.id == id) {
            if known.about.is_none() {
                known.about = about.map(Into::into);
            }
            return;
        }
        if self.calls.len() == MAX_CALLS {
            self.calls.remove(0);
        }
        self.calls.push(Call {
            id: id.into(),
            tool: tool.into(),
            about: about.map(Into::into),
            by: by.clone(),
        });
    }

    /// A call ended.
    pub(super) fn finish(&mut self, id: &str) {
        self.calls.retain(|call| &*call.id != id);
        let over = xxh3_64(id.as_bytes());
        if !self.over.contains(&over) {
            if self.over.len() == MAX_OVER {
                self.over.remove(0);
            }
            self.over.push(over);
        }
        self.asks.retain_mut(|ask| {
            if ask.says_itself() {
                return true;
            }
            ask.calls.retain(|call| &**call != id);
            !ask.calls.is_empty()
        });
    }

    /// The user is asked for something.
    pub(super) fn ask(
        &mut self,
        ask: &Ask,
        detail: Option<&str>,
        id: Option<&str>,
        by: &EvidenceRef,
    ) {
        let calls: Vec<Box<str>> = match (id, ask) {
            (Some(id), _) => vec![id.into()],
            (None, Ask::Permission { tool: Some(tool) }) => self
                .calls
                .iter()
                .filter(|call| call.tool == *tool)
                .map(|call| call.id.clone())
                .collect(),
            (None, Ask::Elicitation | Ask::Trust | Ask::Auth | Ask::Dialog) => Vec::new(),
            (None, _) => self
                .calls
                .last()
                .map(|call| call.id.clone())
                .into_iter()
                .collect(),
        };
        let known = self.asks.iter_mut().find(|known| {
            known.by.source == by.source
                && known.ask == *ask
                && known.id.as_deref() == id
                && (detail.is_none() || known.detail.is_none() || known.detail.as_deref() == detail)
        });
        if let Some(known) = known {
            if known.detail.is_none() {
                known.detail = detail.map(Into::into);
            }
            known.calls = calls;
            known.repeated = by.at;
            return;
        }
        if self.asks.len() == MAX_ASKS {
            self.asks.remove(0);
        }
        self.asks.push(Request {
            ask: ask.clone(),
            detail: detail.map(Into::into),
            by: by.clone(),
            repeated: by.at,
            id: id.map(Into::into),
            calls,
        });
    }

    /// The user answered: this request, or whatever `source` may speak of.
    pub(super) fn answer(&mut self, id: Option<&str>, source: EvidenceSource) {
        match id {
            Some(id) => self.asks.retain_mut(|ask| {
                if ask.id.is_some() || ask.says_itself() {
                    return ask.id.as_deref() != Some(id);
                }
                ask.calls.retain(|call| &**call != id);
                !ask.calls.is_empty()
            }),
            None if source == EvidenceSource::Screen => self.drop_asks_of(source),
            None => self.asks.clear(),
        }
    }

    /// Forgets the requests of one source.
    pub(super) fn drop_asks_of(&mut self, source: EvidenceSource) {
        self.asks.retain(|ask| ask.by.source != source);
    }

    /// The turn is over: nothing is open any more.
    pub(super) fn close(&mut self) {
        self.calls.clear();
        self.asks.clear();
    }

    /// Forgets calls that began before `at`.
    pub(super) fn close_calls_before(&mut self, at: Timestamp) {
        self.calls.retain(|call| call.by.at >= at);
    }

    /// The clock was set back: nothing is later than `now`.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        for call in &mut self.calls {
            call.by.at = call.by.at.min(now);
        }
        for ask in &mut self.asks {
            ask.by.at = ask.by.at.min(now);
            ask.repeated = ask.repeated.min(now);
        }
    }

    /// The calls that a request for permission may mean, of `tool` if that is known. Nobody is asked whether a child
    /// may be started, only what it may do.
    fn meant<'a>(
        &'a self,
        tool: Option<&'a str>,
        agent: &'a AgentPolicy,
    ) -> impl Iterator<Item = &'a Call> {
        self.calls
            .iter()
            .filter(move |call| tool.is_none_or(|tool| *call.tool == *tool))
            .filter(|call| !agent.agent_tools.contains(&call.tool))
    }

    /// The tool of all calls that may be meant, if it is one and the same: then a permission without a name is asked
    /// for it.
    pub(super) fn only_tool(&self, agent: &AgentPolicy) -> Option<Box<str>> {
        let mut meant = self.meant(None, agent);
        let first = meant.next()?;
        let same = meant.all(|call| call.tool == first.tool);
        same.then(|| first.tool.clone())
    }

    /// Whether a call is open for which the user may be asked.
    pub(super) fn needs_leave(&self, agent: &AgentPolicy) -> bool {
        self.meant(None, agent).next().is_some()
    }

    /// What `request` asks: its own words, or those of the call that it means. Where that may be one of several, all
    /// of them are told.
    pub(super) fn words(&self, request: &Request, agent: &AgentPolicy) -> Option<Box<str>> {
        if request.detail.is_some() {
            return request.detail.clone();
        }
        let Ask::Permission { tool } = &request.ask else {
            return None;
        };
        let mut words: Vec<&str> = Vec::new();
        for call in self.meant(tool.as_deref(), agent) {
            let about = call.about.as_deref()?;
            if !words.contains(&about) {
                words.push(about);
            }
        }
        intake::detail(Some(&words.join("\nor: ")))
    }

    /// The tool that runs, or that the user is asked about.
    pub(super) fn tool(&self) -> Option<&str> {
        let running = self.calls.last().map(|call| &*call.tool);
        running.or_else(|| {
            self.asks
                .iter()
                .rev()
                .find_map(|request| match &request.ask {
                    Ask::Permission { tool } => tool.as_deref(),
                    _ => None,
                })
        })
    }
}

impl Request {
    /// Whether its source tells when it is over, so that a call's end proves nothing.
    fn says_itself(&self) -> bool {
        matches!(
            self.by.source,
            EvidenceSource::LiveFile | EvidenceSource::Screen
        )
    }

    /// When its source no longer vouches for it.
    pub(super) fn expires(&self, agent: &AgentPolicy) -> Timestamp {
        let ttl = agent
            .authority(self.by.source)
            .map_or(Span::from_mins(60), |row| row.ttl);
        self.repeated + ttl
    }

    /// How much it tells, for choosing which of several to show: the exact words, then what kind of thing, then the
    /// latest.
    pub(super) fn telling(&self) -> impl Ord {
        let kind = match &self.ask {
            Ask::Permission { tool: Some(_) } | Ask::Plan | Ask::Elicitation => 3,
            Ask::Question | Ask::Trust | Ask::Auth => 2,
            Ask::Permission { tool: None } => 1,
            Ask::Dialog => 0,
        };
        (self.detail.is_some(), kind, self.by.at)
    }
}
