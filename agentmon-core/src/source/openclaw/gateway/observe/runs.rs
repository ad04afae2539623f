//! Runs: what the agent does in them, how they end, what operators are asked.

use std::borrow::Cow;

use serde::Deserialize;

use super::{About, MAX_ENDED, MAX_RUNS, Observer, REPEAT, Wishes};
use crate::model::{
    Batch, DedupKey, Event, EventKind, EventStatus, Timestamp, Title, TitleKind, stamp,
};
use crate::session::{Ask, Signal};
use crate::source::about::about as words;
use crate::source::json::{self, Raw};
use crate::source::line::detail;
use crate::source::openclaw::files::message::{failure, turn_ended};
use crate::source::openclaw::files::names;
use crate::source::openclaw::gateway::frame::Payload;

/// Approvals that are remembered.
const MAX_ASKS: usize = 256;

/// A run's event, as `agent`, `session.tool` and `chat` send it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RunEvent<'a> {
    #[serde(borrow)]
    run_id: Raw<'a>,
    #[serde(borrow)]
    stream: Raw<'a>,
    #[serde(borrow)]
    data: Raw<'a>,
    #[serde(borrow)]
    ts: Raw<'a>,
    #[serde(borrow)]
    state: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    error_message: Raw<'a>,
    #[serde(borrow)]
    error_detail: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    phase: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    tool_call_id: Raw<'a>,
    #[serde(borrow)]
    args: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    started_at: Raw<'a>,
    #[serde(borrow)]
    ended_at: Raw<'a>,
    #[serde(borrow)]
    aborted: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
    #[serde(borrow)]
    error_observation: Raw<'a>,
    #[serde(borrow)]
    fallback_step_from_failure_reason: Raw<'a>,
    #[serde(borrow)]
    approval_id: Raw<'a>,
    #[serde(borrow)]
    attempt: Raw<'a>,
    #[serde(borrow)]
    max_attempts: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Observation<'a> {
    #[serde(borrow)]
    failover_reason: Raw<'a>,
    #[serde(borrow)]
    http_status: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Approval<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    request: Raw<'a>,
    #[serde(borrow)]
    created_at_ms: Raw<'a>,
    #[serde(borrow)]
    ts: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Cron<'a> {
    #[serde(borrow)]
    action: Raw<'a>,
    #[serde(borrow)]
    job_id: Raw<'a>,
    #[serde(borrow)]
    job: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    run_at_ms: Raw<'a>,
    #[serde(borrow)]
    duration_ms: Raw<'a>,
}

/// How a run ended.
enum RunEnd<'a> {
    Done,
    Aborted,
    Failed {
        class: Option<Cow<'a, str>>,
        message: Cow<'a, str>,
    },
}

fn parse<'a, T: Deserialize<'a> + Default>(payload: Payload<'a>) -> T {
    json::object(payload.0).unwrap_or_default()
}

impl Observer {
    /// An event of a run, as it goes on inside the agent.
    pub(super) fn agent(
        &mut self,
        payload: Payload<'_>,
        now: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        let (about, event): (About<'_>, RunEvent<'_>) = (parse(payload), parse(payload));
        let (Some((address, agent)), Some(run)) = (about.address(), json::text(event.run_id))
        else {
            return;
        };
        if let Some(id) = json::text(about.session_id).filter(|id| !id.is_empty()) {
            self.learn(&address, names::session_key(&agent, &id), out);
        }
        let at = json::time(event.ts).unwrap_or(now).min(now);
        let data: Data<'_> = json::object(event.data).unwrap_or_default();
        let phase = json::text(data.phase).unwrap_or_default();
        let call = || json::text(data.tool_call_id).unwrap_or_default().into();
        match (&*json::text(event.stream).unwrap_or_default(), &*phase) {
            _ if self.has_ended(&run) => {}
            ("lifecycle", "start") => {
                let begun = json::time(data.started_at).unwrap_or(at).min(at);
                self.begun(&address, &run, begun, wishes, out);
            }
            ("lifecycle", "model") => {
                if let (Some(model), Some(key)) = (json::text(data.model), self.session(&address)) {
                    let session = out.session(key);
                    stamp(&mut out.patch(session).model, at, &model);
                    self.goes_on(&address, at, Signal::ModelActive, wishes, out);
                }
            }
            ("lifecycle", "waiting-approval") => {
                // The request itself says more, but only to those with the scope for approvals.
                let id = json::text(data.approval_id).unwrap_or_default();
                if !self.asks.contains_key(&*id) {
                    self.ask(&address, &id, None, None, at, wishes, out);
                }
            }
            ("lifecycle", "approval-resolved") => {
                let id = json::text(data.approval_id).unwrap_or_default();
                self.settle(&address, &id, at, wishes, out);
            }
            ("lifecycle", "fallback_step") => {
                let class = json::text(data.fallback_step_from_failure_reason)
                    .and_then(|word| detail(&word));
                if let Some(known) = self.sessions.get_mut(&address)
                    && let Some(slot) = known.runs.get_mut(&*run)
                {
                    *slot = class;
                }
            }
            ("lifecycle", "end") => {
                let ended = json::time(data.ended_at).unwrap_or(at).min(at);
                let end = match json::flag(data.aborted) {
                    Some(true) => RunEnd::Aborted,
                    _ => RunEnd::Done,
                };
                self.ended(&address, &run, end, ended, wishes, out);
            }
            ("lifecycle", "error") => {
                let end = match json::flag(data.aborted) {
                    Some(true) => RunEnd::Aborted,
                    _ => RunEnd::Failed {
                        class: class_of(data.error_observation),
                        message: json::text(data.error).unwrap_or_default(),
                    },
                };
                self.ended(&address, &run, end, at, wishes, out);
            }
            ("tool", "start") => {
                let tool = json::text(data.name).unwrap_or_default().into();
                let signal = Signal::ToolStarted {
                    call: call(),
                    tool,
                    about: data.args.and_then(|args| words(args.get())),
                };
                self.running(&address, &run);
                self.sign(&address, at, signal, wishes, out);
            }
            ("tool", "result") => self.sign(
                &address,
                at,
                Signal::ToolFinished { call: call() },
                wishes,
                out,
            ),
            ("run_status", "retrying") => {
                let number =
                    |field| json::count(field).map(|count| count.min(u64::from(u32::MAX)) as u32);
                let (attempt, max) = (number(data.attempt).unwrap_or(1), number(data.max_attempts));
                self.sign(&address, at, Signal::Retrying { attempt, max }, wishes, out);
            }
            ("assistant" | "thinking" | "reasoning", _) => {
                self.running(&address, &run);
                self.goes_on(&address, at, Signal::ModelActive, wishes, out);
            }
            ("tool" | "command_output" | "item" | "usage", _) => {
                self.goes_on(&address, at, Signal::Activity, wishes, out);
            }
            _ => {}
        }
    }

    /// An event of a run, as a chat shows it.
    pub(super) fn chat(
        &mut self,
        payload: Payload<'_>,
        now: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        let (about, event): (About<'_>, RunEvent<'_>) = (parse(payload), parse(payload));
        let (Some((address, _)), Some(run)) = (about.address(), json::text(event.run_id)) else {
            return;
        };
        if self.has_ended(&run) {
            return;
        }
        match &*json::text(event.state).unwrap_or_default() {
            "delta" => {
                self.running(&address, &run);
                self.goes_on(&address, now, Signal::ModelActive, wishes, out);
            }
            "final" => self.ended(&address, &run, RunEnd::Done, now, wishes, out),
            "aborted" => self.ended(&address, &run, RunEnd::Aborted, now, wishes, out),
            "error" => {
                let end = RunEnd::Failed {
                    class: class_of(event.error_detail),
                    message: json::text(event.error_message).unwrap_or_default(),
                };
                self.ended(&address, &run, end, now, wishes, out);
            }
            _ => {}
        }
    }

    fn has_ended(&self, run: &str) -> bool {
        self.ended.iter().any(|known| **known == *run)
    }

    fn running(&mut self, address: &str, run: &str) {
        if let Some(known) = self.sessions.get_mut(address)
            && known.runs.len() < MAX_RUNS
            && run.len() <= 512
        {
            known.runs.entry(run.into()).or_default();
        }
    }

    fn begun(
        &mut self,
        address: &str,
        run: &str,
        at: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        // A run that is tried again begins again.
        let is_known = self
            .sessions
            .get(address)
            .is_some_and(|known| known.runs.contains_key(run));
        self.running(address, run);
        if let Some(known) = self.sessions.get_mut(address) {
            known.begun = known.begun.max(at);
        }
        let signal = match is_known {
            true => Signal::ModelActive,
            false => Signal::PromptSubmitted,
        };
        self.sign(address, at, signal, wishes, out);
    }

    /// Something goes on, which need not be told every time.
    fn goes_on(
        &mut self,
        address: &str,
        at: Timestamp,
        signal: Signal,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        if let Some(known) = self.sessions.get_mut(address) {
            if !known.asks.is_empty() || at - known.told < REPEAT {
                return;
            }
            known.told = at;
        }
        self.sign(address, at, signal, wishes, out);
    }

    fn ended(
        &mut self,
        address: &str,
        run: &str,
        end: RunEnd<'_>,
        at: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        if self.ended.len() >= MAX_ENDED {
            self.ended.pop_front();
        }
        self.ended.push_back(run.into());
        wishes.transcript = Some(address.into());
        let mut told = None;
        if let Some(known) = self.sessions.get_mut(address) {
            told = known.runs.remove(run).flatten();
            known.told = Timestamp(0);
            known.ended = at;
            known.unconfirmed = (self.protocol < 4).then_some(at);
            if !known.runs.is_empty() && matches!(end, RunEnd::Done) {
                // A message that joined a turn in progress has a run of its own, which ends at once.
                return;
            }
        }
        let signal = match end {
            RunEnd::Done => turn_ended(),
            RunEnd::Aborted => Signal::Aborted,
            RunEnd::Failed { class, message } => {
                let class = class.or_else(|| told.as_deref().map(|word| word.to_owned().into()));
                failure(&message, class)
            }
        };
        self.sign(address, at, signal, wishes, out);
    }

    /// An operator is asked something.
    pub(super) fn asked(
        &mut self,
        raw: Raw<'_>,
        now: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        let approval: Approval<'_> = json::object(raw).unwrap_or_default();
        let about: About<'_> = json::object(approval.request).unwrap_or_default();
        let (Some((address, _)), Some(id)) = (about.address(), json::text(approval.id)) else {
            return;
        };
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Request<'a> {
            #[serde(borrow)]
            command: Raw<'a>,
        }
        let request: Request<'_> = json::object(approval.request).unwrap_or_default();
        let command = json::text(request.command).and_then(|command| detail(&command));
        let at = json::time(approval.created_at_ms).unwrap_or(now).min(now);
        self.ask(&address, &id, Some("exec"), command, at, wishes, out);
    }

    #[allow(clippy::too_many_arguments, reason = "each is another fact")]
    fn ask(
        &mut self,
        address: &str,
        id: &str,
        tool: Option<&str>,
        command: Option<Box<str>>,
        at: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        if id.is_empty() || id.len() > 128 || self.asks.len() >= MAX_ASKS {
            return;
        }
        if self.asks.insert(id.into(), address.into()).is_none()
            && let Some(known) = self.sessions.get_mut(address)
        {
            known.asks.push(id.into());
        }
        let signal = Signal::NeedsInput {
            ask: Ask::Permission {
                tool: tool.map(Box::from),
            },
            detail: command,
            request: Some(id.into()),
        };
        self.sign(address, at, signal, wishes, out);
    }

    /// An operator has answered.
    pub(super) fn answered(&mut self, payload: Payload<'_>, now: Timestamp, out: &mut Batch) {
        let approval: Approval<'_> = parse(payload);
        let id = json::text(approval.id).unwrap_or_default();
        let at = json::time(approval.ts).unwrap_or(now).min(now);
        if let Some(address) = self.asks.get(&*id).cloned() {
            self.settle(&address, &id, at, &mut Wishes::default(), out);
        }
    }

    pub(super) fn settle(
        &mut self,
        address: &str,
        id: &str,
        at: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        if self.asks.remove(id).is_none() {
            return;
        }
        if let Some(known) = self.sessions.get_mut(address) {
            known.asks.retain(|known| **known != *id);
        }
        let request = Some(id.into());
        self.sign(address, at, Signal::InputGiven { request }, wishes, out);
    }

    /// A scheduled job ran.
    pub(super) fn cron(&mut self, payload: Payload<'_>, now: Timestamp, out: &mut Batch) {
        let (about, cron): (About<'_>, Cron<'_>) = (parse(payload), parse(payload));
        let job: Cron<'_> = json::object(cron.job).unwrap_or_default();
        let Some((address, agent)) = about.address() else {
            return;
        };
        if json::text(cron.action).as_deref() != Some("finished") {
            return;
        }
        let key = match json::text(about.session_id).filter(|id| !id.is_empty()) {
            Some(id) => names::session_key(&agent, &id),
            None => match self.session(&address) {
                Some(key) => key.clone(),
                None => return,
            },
        };
        let id = json::text(cron.job_id).unwrap_or_default();
        let name = json::text(job.name).unwrap_or(Cow::Borrowed("job"));
        let status = json::text(cron.status).unwrap_or_default();
        let ran = json::time(cron.run_at_ms).unwrap_or(now).min(now);
        let session = out.session(&key);
        out.patch(session)
            .propose_title(Title::new(TitleKind::Agent, ran, &name));
        let (text, truncated) = Event::clip(&format!("scheduled job {name}: {status}"));
        out.events.push(Event {
            key: DedupKey::Id(format!("{key}#cron.{id}.{}", ran.0).into()),
            at: ran,
            session,
            kind: EventKind::Notice,
            status: match &*status {
                "error" => EventStatus::Error,
                _ => EventStatus::Success,
            },
            tool: None,
            call: None,
            model_call: None,
            duration_ms: json::count(cron.duration_ms),
            text,
            truncated,
        });
    }
}

/// The class of a failure: the gateway's own word, which knows limits from other errors.
fn class_of(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let observation: Observation<'_> = json::object(raw).unwrap_or_default();
    if json::count(observation.http_status) == Some(429) {
        return Some(Cow::Borrowed("rate_limit"));
    }
    json::text(observation.failover_reason).filter(|word| word.len() <= 64)
}
