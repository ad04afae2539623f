//! One line of a rollout: hands the record to the counter, the turns and the timeline, and keeps the session's facts.

use serde::Deserialize;

use super::call_key;
use super::counter::{Counted, Counter, Tokens};
use super::ending::Ending;
use super::facts::{self, Facts};
use super::head::Kind;
use super::limits::RateLimits;
use super::record::{
    self, Compacted, Failure, ItemCompleted, LastUsage, Message, PatchApplied, Reasoning,
    SessionMeta, SettingsApplied, Source, SubagentEvent, TaskComplete, TaskStarted, ThreadNamed,
    ToolCall, ToolOutput, TurnAborted, TurnContext, UsageRecord, UserMessage,
};
use super::text::{Parts, part};
use super::timeline::{self, Timeline};
use super::tokens::{self, TokenCount, TokenInfo};
use super::turn::Turns;
use crate::model::{
    Batch, CallSource, EventKind, EventStatus, ModelCall, ProblemKind, Progress, SessionIndex,
    Span, Stamped, Timestamp, Title, TitleKind, latest, stamp,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::Want;
use crate::source::otlp::codex_usage_key;

/// The model's name for calls that stand before any `turn_context`.
const UNKNOWN_MODEL: &str = "unknown";

/// Where the editor extension puts what the user typed, below what it adds itself.
const IDE_REQUEST: &str = "## My request for Codex:";

/// A line that is about to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) bare: bool,
    pub(super) offset: u64,
    pub(super) at: Timestamp,
    pub(super) want: Want,
}

impl<'a> Line<'a> {
    pub(super) fn record<P: Deserialize<'a>>(&self) -> serde_json::Result<P> {
        record::read(self.bytes, self.bare)
    }
}

/// Reads one line into a batch.
#[derive(Debug)]
pub(super) struct Reader<'s, 'a> {
    pub(super) counter: &'s mut Counter,
    pub(super) facts: &'s mut Facts,
    pub(super) turns: &'s mut Turns,
    pub(super) ending: &'s mut Ending,
    pub(super) line: Line<'a>,
    pub(super) session: SessionIndex,
    pub(super) out: &'s mut Batch,
}

impl<'a> Reader<'_, 'a> {
    /// Reads the line. Records that nobody wants are not even parsed; those of an ancestor only move the counter.
    pub(super) fn read(&mut self, kind: Kind) -> serde_json::Result<()> {
        self.count(kind)?;
        if self.counter.inherited() {
            return Ok(());
        }
        if self.line.want.accounting {
            self.out.touch(self.session, self.line.at);
        }
        self.frame(kind)?;
        self.tell(kind)?;
        if !self.turns.framed() && (!self.line.want.evidence || self.line.bare) {
            self.ending.outline(self.line.at, kind);
        }
        Ok(())
    }

    /// Lines that say whose tokens are spent on what.
    fn count(&mut self, kind: Kind) -> serde_json::Result<()> {
        let Want {
            accounting,
            evidence,
            ..
        } = self.line.want;
        match kind {
            Kind::SessionMeta => self.session_meta(&self.line.record()?),
            Kind::TaskStarted => {
                let task: TaskStarted<'_> = self.line.record()?;
                self.counter.task_started(task.turn_id.name());
                if !self.counter.inherited() {
                    self.signal(|turns, emit| turns.started(&task, emit));
                }
            }
            Kind::TurnContext if accounting || evidence => self.turn_context(&self.line.record()?),
            Kind::SettingsApplied if accounting => {
                let settings: SettingsApplied<'_> = self.line.record()?;
                self.facts.mode = facts::price_mode(&settings.thread_settings.service_tier);
            }
            Kind::UsageRecord if accounting => self.usage_record(&self.line.record()?),
            Kind::TokenCount if accounting || evidence => {
                self.token_count(&tokens::read(self.line.bytes, self.line.bare)?)
            }
            _ => {}
        }
        Ok(())
    }

    /// Lines that end turns or name the session.
    fn frame(&mut self, kind: Kind) -> serde_json::Result<()> {
        match kind {
            Kind::TaskComplete => {
                let task: TaskComplete<'_> = self.line.record()?;
                // Whatever the error looks like, the turn is over.
                let failure = task
                    .error
                    .map(|error| part::<Failure<'_>>(Some(error)).unwrap_or_default());
                self.signal(|turns, emit| turns.completed(&task, failure.as_ref(), emit));
                if let Some(failure) = &failure {
                    self.failed(failure);
                }
            }
            Kind::TurnAborted => {
                let turn: TurnAborted<'_> = self.line.record()?;
                self.signal(|turns, emit| turns.aborted(&turn, emit));
                let reason = turn.reason.get().unwrap_or("interrupted");
                self.timeline(|timeline| {
                    timeline.mark(EventKind::Notice, EventStatus::Success, reason);
                });
            }
            Kind::Error => {
                let failure: Failure<'_> = self.line.record()?;
                self.signal(|turns, emit| turns.failed(&failure, emit));
                self.failed(&failure);
            }
            Kind::ThreadNamed => {
                let named: ThreadNamed<'_> = self.line.record()?;
                self.title(
                    TitleKind::Agent,
                    named.thread_name.get().unwrap_or_default(),
                );
            }
            Kind::PlanCall => self.tool_call()?,
            _ => {}
        }
        Ok(())
    }

    /// Lines that tell what happens inside a turn.
    fn tell(&mut self, kind: Kind) -> serde_json::Result<()> {
        let Want {
            accounting,
            evidence,
            content,
        } = self.line.want;
        let told = evidence || content;
        let untitled = accounting && !self.facts.titled;
        match kind {
            Kind::UserMessage if told || untitled => {
                let message: UserMessage<'_> = self.line.record()?;
                if matches!(message.kind.get(), None | Some("plain")) {
                    self.signal(Turns::prompted);
                    let text = message.message.get().unwrap_or_default();
                    self.prompt(text, message.image_count());
                }
            }
            Kind::ItemCompleted if told || untitled => self.item(&self.line.record()?),
            // Newer clients write the response items at the same time.
            Kind::AgentMessage | Kind::AgentReasoning if evidence && !self.turns.framed() => {
                self.signal(Turns::model_active);
            }
            Kind::Message if told || (self.line.bare && untitled) => {
                self.message(&self.line.record()?);
            }
            Kind::Reasoning => {
                self.signal(Turns::model_active);
                if content {
                    let reasoning: Reasoning<'_> = self.line.record()?;
                    let thought = Parts::of(reasoning.summary);
                    self.timeline(|timeline| timeline.say(EventKind::Thinking, &thought));
                }
            }
            Kind::MailMessage if content => {
                let mail: Message<'_> = self.line.record()?;
                let text = Parts::of(mail.content);
                self.timeline(|timeline| timeline.say(EventKind::Notice, &text));
            }
            Kind::ToolCall if told => self.tool_call()?,
            Kind::HostedToolCall if told => {
                self.signal(Turns::model_active);
                let call: ToolCall<'_> = self.line.record()?;
                self.timeline(|timeline| timeline.tool_called(&call));
            }
            Kind::ToolOutput if told => {
                let output: ToolOutput<'_> = self.line.record()?;
                if let Some(call) = output.call_id.name() {
                    self.signal(|turns, emit| turns.tool_returned(call, emit));
                }
                self.timeline(|timeline| timeline.tool_returned(&output));
            }
            Kind::SubagentEvent if evidence => {
                let event: SubagentEvent<'_> = self.line.record()?;
                self.signal(|turns, emit| turns.child(&event, emit));
            }
            Kind::PatchApplied if content => {
                let patch: PatchApplied<'_> = self.line.record()?;
                self.timeline(|timeline| timeline.patch_applied(&patch));
            }
            Kind::Compacted if told => {
                self.signal(Turns::compacted);
                let compacted: Compacted<'_> = self.line.record()?;
                let summary = compacted.message.get().unwrap_or_default();
                self.timeline(|timeline| {
                    timeline.mark(EventKind::Compaction, EventStatus::Success, summary);
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn session_meta(&mut self, meta: &SessionMeta<'_>) {
        let at = self.line.at;
        let forked_from = meta.forked_from_id.get();
        let started = meta.timestamp.get().and_then(Timestamp::parse);
        let own = self
            .counter
            .session_meta(meta.id.get(), forked_from.is_some(), at, started);
        if !own {
            return;
        }
        let source: Option<Source> = part(meta.source);
        if self.line.want.accounting {
            facts::describe(meta, source.as_ref(), at, self.out.patch(self.session));
        }
        let subagent = matches!(source, Some(Source::Subagent { .. }));
        let how = match forked_from {
            _ if subagent => "subagent",
            Some(_) => "fork",
            None => "startup",
        };
        self.signal(|turns, emit| turns.began(how, subagent, emit));
        self.timeline(|timeline| {
            timeline.mark(EventKind::SessionStart, EventStatus::Success, how);
        });
    }

    fn turn_context(&mut self, context: &TurnContext<'_>) {
        self.counter.turn_context(context.model.name());
        if context.service_tier.get().is_some() {
            self.facts.mode = facts::price_mode(&context.service_tier);
        }
        if self.counter.inherited() {
            return;
        }
        self.turns.context(context);
        if let Some(model) = context.model.name()
            && self.line.want.accounting
        {
            stamp(&mut self.out.patch(self.session).model, self.line.at, model);
        }
    }

    fn usage_record(&mut self, record: &UsageRecord<'_>) {
        let counted = self.counter.usage_record(
            record.thread_id.get(),
            record.response_id.get(),
            record.usage,
            record.thread_token_usage,
        );
        if let Some(counted) = counted {
            self.call(counted);
            self.context(record.usage.input);
        }
    }

    fn token_count(&mut self, count: &TokenCount<'_>) {
        if let Some(info) = &count.info {
            match info.total_token_usage {
                Some(total) => self.token_info(info, total),
                None => self.bad_field("token_count without total_token_usage"),
            }
        }
        let Some(limits) = count.rate_limits.filter(|_| !self.counter.inherited()) else {
            return;
        };
        let at = self.line.at;
        match serde_json::from_str::<RateLimits<'_>>(limits) {
            Ok(limits) => {
                if self.line.want.accounting {
                    limits.store(at, self.out);
                }
                self.signal(|turns, emit| turns.limits(limits.exhausted(at), emit));
            }
            Err(_) => self.bad_field("rate_limits"),
        }
    }

    fn token_info(&mut self, info: &TokenInfo, total: Tokens) {
        let last = info.last_token_usage;
        let tokens = last.map(LastUsage::tokens);
        if let Some(counted) = self.counter.token_count(total, tokens)
            && self.line.want.accounting
        {
            self.call(counted);
        }
        if let Some(last) = last
            && !self.counter.inherited()
        {
            self.facts.window = info.model_context_window.or(self.facts.window);
            self.context(last.context());
        }
    }

    fn bad_field(&mut self, field: &str) {
        if self.line.want.accounting {
            let offset = self.line.offset;
            self.out.problem(ProblemKind::BadField, offset, field);
        }
    }

    fn call(&mut self, counted: Counted) {
        let model = self.counter.model().unwrap_or(UNKNOWN_MODEL);
        let call = ModelCall {
            fact: call_key(self.counter.thread(), counted.index),
            at: self.line.at,
            session: self.session,
            model: self.out.model(model),
            usage: counted.tokens.usage(),
            mode: self.facts.mode,
            web_searches: 0,
            reported: None,
            // A call is in the file of its own thread only.
            credit: 0,
            source: CallSource::Transcript,
        };
        // Telemetry comes within seconds: older calls need no second name.
        if self.line.want.evidence {
            let name = codex_usage_key(self.counter.thread().as_str(), &call.usage);
            self.out.aliases.push((name, call.fact));
        }
        self.out.calls.push(call);
    }

    /// The context window now holds so many tokens.
    fn context(&mut self, tokens: u64) {
        let changed = self.facts.context != tokens;
        self.facts.context = tokens;
        let window = self.facts.window;
        if self.line.want.accounting {
            let context = Stamped {
                at: self.line.at,
                value: (tokens, window),
            };
            latest(&mut self.out.patch(self.session).context, Some(context));
        }
        if let Some(window) = window
            && window > 0
            && changed
        {
            let fraction = tokens as f64 / window as f64;
            self.signal(|_, emit| emit(Signal::ContextUsed { fraction }));
        }
    }

    fn failed(&mut self, failure: &Failure<'_>) {
        let text = failure.message.get().unwrap_or_default();
        self.timeline(|timeline| timeline.mark(EventKind::Error, EventStatus::Error, text));
    }

    fn tool_call(&mut self) -> serde_json::Result<()> {
        let call: ToolCall<'_> = self.line.record()?;
        if let Some(plan) = timeline::plan(&call)
            && self.line.want.accounting
        {
            let done = plan.plan.iter().filter(|step| step.status == "completed");
            let value = Progress {
                done: done.count() as u32,
                total: plan.plan.len() as u32,
            };
            let at = self.line.at;
            let progress = Some(Stamped { at, value });
            latest(&mut self.out.patch(self.session).progress, progress);
        }
        self.signal(|turns, emit| turns.tool_called(&call, emit));
        self.timeline(|timeline| timeline.tool_called(&call));
        Ok(())
    }

    fn item(&mut self, completed: &ItemCompleted<'_>) {
        // A review's thread reports its items to the thread that asked for it, too.
        let thread = completed.thread_id.get();
        if thread.is_some_and(|thread| thread != self.counter.thread().as_str()) {
            return;
        }
        let item = &completed.item;
        self.signal(|turns, emit| turns.item(completed.turn_id.name(), item, emit));
        if item.kind.get() == Some("UserMessage") {
            self.prompt(&Parts::of(item.content), 0);
        }
        self.timeline(|timeline| timeline.item(item));
    }

    fn message(&mut self, message: &Message<'_>) {
        match message.role.get() {
            Some("assistant") => {
                self.signal(Turns::answered);
                if self.line.want.content {
                    let text = Parts::of(message.content);
                    self.timeline(|timeline| timeline.say(EventKind::Response, &text));
                }
            }
            // Only the bare format has no other record of what the user typed.
            Some("user") if self.line.bare => {
                let text = Parts::of(message.content);
                if !text.starts_with('<') && !text.starts_with("# AGENTS.md") {
                    self.prompt(&text, 0);
                }
            }
            _ => {}
        }
    }

    fn prompt(&mut self, text: &str, images: usize) {
        let typed = text
            .split_once(IDE_REQUEST)
            .map_or(text, |(_, typed)| typed);
        if self.line.want.accounting && !self.facts.titled {
            self.title(TitleKind::FirstPrompt, typed);
            // A prompt may be an image alone.
            self.facts.titled = !typed.trim().is_empty();
        }
        self.timeline(|timeline| timeline.prompt(typed.trim(), images));
    }

    fn title(&mut self, kind: TitleKind, text: &str) {
        if self.line.want.accounting {
            let title = Title::new(kind, self.line.at, text);
            self.out.patch(self.session).propose_title(title);
        }
    }

    /// Lets the turns see the line; their signals are kept if wanted.
    fn signal(&mut self, see: impl FnOnce(&mut Turns, &mut dyn FnMut(Signal))) {
        // Lines without times of their own cannot be put in order: only the last one tells something.
        let told = self.line.want.evidence && !self.line.bare;
        let framed = self.turns.framed();
        see(self.turns, &mut |signal| {
            let mut at = self.line.at;
            self.ending.note(at, &signal, told);
            if !told {
                return;
            }
            if !framed
                && matches!(
                    signal,
                    Signal::ToolStarted { .. } | Signal::ToolFinished { .. }
                )
            {
                // Clients without frames write an answer, which may end the turn, and the calls that follow it in one
                // go: the calls come later even within the same millisecond.
                at = at + Span(1);
            }
            let evidence = Evidence {
                at,
                source: EvidenceSource::Transcript,
                signal,
            };
            self.out.evidence(self.session, evidence);
        });
    }

    /// Lets the timeline see the line, if content is wanted.
    fn timeline(&mut self, see: impl FnOnce(&mut Timeline<'_>)) {
        if self.line.want.content {
            see(&mut Timeline {
                thread: self.counter.thread(),
                session: self.session,
                at: self.line.at,
                out: self.out,
            });
        }
    }
}
