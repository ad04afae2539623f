//! Takes in decoded records: finds out whose they are, and what all agents' records have in common.

use std::collections::HashMap;

use super::record::{Log, Point, Sink, Span, Temporality};
use super::value::Attributes;
use super::{claude_code, codex, gemini, generic, opencode};
use crate::model::{
    AgentKind, Batch, CallSource, Counter, CounterKind, DedupKey, Event, EventKind, EventStatus,
    FactKey, Host, HostKind, ModelCall, NanoUsd, PriceMode, ProblemKind, SessionIndex, SessionKey,
    Span as Length, Stamped, Timestamp, Title, TitleKind, Usage,
};
use crate::session::{Evidence, EvidenceSource, Signal};

/// Signs of mere activity of one session that stand closer together than this are one sign: agents log every piece of
/// a streamed answer.
pub(crate) const ACTIVITY_GAP: Length = Length::from_secs(1);

/// Collects what records say.
#[derive(Debug)]
pub(super) struct Reader<'b> {
    pub(super) now: Timestamp,
    pub(super) out: &'b mut Batch,
    active: HashMap<SessionIndex, Timestamp>,
    /// The machine that the record at hand comes from, if it says so.
    host: Option<Box<str>>,
}

/// A model call as a record tells it.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) fact: FactKey,
    pub(super) at: Timestamp,
    pub(super) model: &'a str,
    pub(super) usage: Usage,
    pub(super) mode: PriceMode,
    pub(super) reported: Option<NanoUsd>,
    pub(super) duration_ms: Option<u64>,
}

/// Who sent a record.
enum Sender {
    ClaudeCode,
    Codex,
    Gemini,
    OpenCode,
    Other,
}

impl Sender {
    /// Told by the record's own name, because users rename services; else by the service.
    fn of(resource: &Attributes<'_>, names: &[&str]) -> Self {
        for name in names {
            if name.starts_with("claude_code.") {
                return Self::ClaudeCode;
            } else if name.starts_with("codex.") {
                return Self::Codex;
            } else if name.starts_with("gemini_cli.") {
                return Self::Gemini;
            }
        }
        let service = resource.text("service.name").unwrap_or_default();
        if service.starts_with("claude-code") {
            Self::ClaudeCode
        } else if service.starts_with("codex") {
            Self::Codex
        } else if service.starts_with("gemini") {
            Self::Gemini
        } else if service == "opencode" {
            Self::OpenCode
        } else {
            Self::Other
        }
    }
}

impl Sink for Reader<'_> {
    fn log(&mut self, resource: &Attributes<'_>, log: &Log<'_>) {
        self.comes_from(resource);
        let name = log.attributes.text("event.name");
        let body = log.body.as_deref().unwrap_or_default();
        let names = [name.unwrap_or_default(), body, &log.name];
        let at = self.plausible(log.attributes.time("event.timestamp").or(log.at));
        match Sender::of(resource, &names) {
            Sender::ClaudeCode => {
                let name = name.unwrap_or(body);
                let name = name.strip_prefix("claude_code.").unwrap_or(name);
                claude_code::log(self, resource, log, name, at);
            }
            Sender::Codex => codex::log(self, resource, log, name.unwrap_or_default(), at),
            Sender::Gemini => gemini::log(self, log, name.unwrap_or_default(), at),
            // Its logs are those of the program.
            Sender::OpenCode => {}
            Sender::Other => generic::log(self, resource, log, at),
        }
    }

    fn span(&mut self, resource: &Attributes<'_>, span: &Span<'_>) {
        self.comes_from(resource);
        match Sender::of(resource, &[&span.name]) {
            // Their spans repeat what their logs say, later.
            Sender::ClaudeCode | Sender::Codex | Sender::Gemini => {}
            Sender::OpenCode => opencode::span(self, span),
            Sender::Other => generic::span(self, resource, span),
        }
    }

    fn point(&mut self, resource: &Attributes<'_>, point: &Point<'_>) {
        self.comes_from(resource);
        // Codex names no session in metrics, and Gemini's logs, which the same switch turns on, say more.
        if let Sender::ClaudeCode = Sender::of(resource, &[point.metric]) {
            claude_code::point(self, point);
        }
    }
}

impl<'b> Reader<'b> {
    pub(super) fn new(now: Timestamp, out: &'b mut Batch) -> Self {
        Self {
            now,
            out,
            active: HashMap::new(),
            host: None,
        }
    }

    fn comes_from(&mut self, resource: &Attributes<'_>) {
        let host = resource.text("host.name");
        if self.host.as_deref() != host {
            self.host = host.map(Into::into);
        }
    }

    /// A time that a sender may mean; else the time of arrival.
    pub(super) fn plausible(&self, at: Option<Timestamp>) -> Timestamp {
        at.filter(|at| (Timestamp(0)..=Timestamp::MAX).contains(at))
            .unwrap_or(self.now)
    }

    /// A session with a sign of life.
    pub(super) fn session(&mut self, agent: AgentKind, id: &str, at: Timestamp) -> SessionIndex {
        let session = self.out.session(&SessionKey::new(agent, id));
        let patch = self.out.patch(session);
        patch.touch(at);
        if let Some(name) = &self.host {
            patch.propose_host(Host::new(HostKind::Named, at, name));
        }
        session
    }

    pub(super) fn say(&mut self, session: SessionIndex, at: Timestamp, signal: Signal) {
        let source = EvidenceSource::Otlp;
        self.out.evidence(session, Evidence { at, source, signal });
    }

    /// A sign of mere activity, unless there was one just before.
    pub(super) fn active(&mut self, session: SessionIndex, at: Timestamp) {
        let last = self.active.get(&session);
        if last.is_none_or(|last| at - *last >= ACTIVITY_GAP) {
            self.active.insert(session, at);
            self.say(session, at, Signal::Activity);
        }
    }

    /// A turn that the user began. `prompt` is absent where the agent keeps it to itself; `id` names it.
    pub(super) fn prompt(
        &mut self,
        session: SessionIndex,
        at: Timestamp,
        prompt: Option<&str>,
        id: String,
    ) {
        if let Some(prompt) = prompt {
            let title = Title::new(TitleKind::FirstPrompt, at, prompt);
            self.out.patch(session).propose_title(title);
        }
        self.tell(
            session,
            at,
            EventKind::UserPrompt,
            id,
            prompt.unwrap_or_default(),
        );
        self.say(session, at, Signal::PromptSubmitted);
    }

    /// A model call that was answered.
    pub(super) fn call(&mut self, session: SessionIndex, call: &Call<'_>) {
        let at = call.at;
        let model = self.out.model(call.model);
        self.out.calls.push(ModelCall {
            fact: call.fact,
            at,
            session,
            model,
            usage: call.usage,
            mode: call.mode,
            web_searches: 0,
            reported: call.reported,
            // Who sends it made it: forks copy lines, not requests.
            credit: 0,
            source: CallSource::Otlp,
        });
        stamp(&mut self.out.patch(session).model, at, Some(call.model));
        let id = call_event(call.fact);
        let event = self.tell(session, at, EventKind::LlmResponse, id, "");
        event.model_call = Some(call.fact);
        event.duration_ms = call.duration_ms;
        self.active(session, at);
    }

    /// Something for the timeline, named by `id`.
    pub(super) fn tell(
        &mut self,
        session: SessionIndex,
        at: Timestamp,
        kind: EventKind,
        id: String,
        text: &str,
    ) -> &mut Event {
        let (text, truncated) = Event::clip(text);
        self.out.events.push(Event {
            key: DedupKey::Shared {
                id: id.into(),
                alias: None,
                credit: DedupKey::TELEMETRY,
            },
            at,
            session,
            kind,
            status: EventStatus::Success,
            tool: None,
            call: None,
            model_call: None,
            duration_ms: None,
            text,
            truncated,
        });
        // It was just pushed.
        self.out.events.last_mut().expect("an event")
    }

    /// Names the event that was told last by another id too.
    pub(super) fn also(&mut self, other: Option<Box<str>>) {
        if let Some(event) = self.out.events.last_mut()
            && let DedupKey::Shared { alias, .. } = &mut event.key
        {
            *alias = other;
        }
    }

    /// A failure worth a line.
    pub(super) fn failure(&mut self, session: SessionIndex, at: Timestamp, id: String, text: &str) {
        self.tell(session, at, EventKind::Error, id, text).status = EventStatus::Error;
    }

    /// A point of a sum that an agent keeps for a session.
    pub(super) fn count(
        &mut self,
        session: SessionIndex,
        kind: CounterKind,
        model: &str,
        point: &Point<'_>,
    ) {
        let mut names: Vec<_> = point.attributes.0.iter().collect();
        names.sort_by(|a, b| a.0.cmp(&b.0));
        let mut series = vec![point.metric.to_owned()];
        series.extend(
            names
                .iter()
                .map(|(name, value)| format!("{name}={value:?}")),
        );
        let parts: Vec<_> = series.iter().map(String::as_bytes).collect();
        let model = self.out.model(model);
        self.out.counters.push(Counter {
            series: FactKey::new("otlp.series", &parts),
            start: (point.temporality == Temporality::Cumulative).then_some(point.start as i64),
            at: point.at as i64,
            session,
            model,
            kind,
            value: point.value,
        });
    }

    pub(super) fn unknown(&mut self, name: &str) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        self.out
            .problem(ProblemKind::UnknownType, 0, format!("otlp:{name}"));
    }
}

/// Sets a fact that was true at `at`.
pub(super) fn stamp(field: &mut Option<Stamped<Box<str>>>, at: Timestamp, value: Option<&str>) {
    if let Some(value) = value {
        crate::model::stamp(field, at, value);
    }
}

/// Tokens whose input includes what was read from and written to a cache, as OpenTelemetry and OpenAI count.
pub(super) fn inclusive(input: u64, read: u64, written: u64, output: u64, reasoning: u64) -> Usage {
    let read = read.min(input);
    let written = written.min(input - read);
    Usage {
        input: input - read - written,
        cache_read: read,
        cache_creation_5m: written,
        cache_creation_1h: 0,
        output,
        reasoning: reasoning.min(output),
    }
}

/// The event of a call that telemetry told of.
pub(crate) fn call_event(call: FactKey) -> String {
    format!("call/{}", call.0)
}

/// The identity of a call that is known by its session and its figures alone.
pub(super) fn figures(namespace: &str, session: &str, usage: &Usage) -> FactKey {
    let figures = [
        usage.input,
        usage.cache_read,
        usage.cache_creation(),
        usage.output,
        usage.reasoning,
    ]
    .map(u64::to_le_bytes);
    let mut parts: Vec<&[u8]> = vec![session.as_bytes()];
    parts.extend(figures.iter().map(<[u8; 8]>::as_slice));
    FactKey::new(namespace, &parts)
}
