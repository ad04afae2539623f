//! Hook payloads of Claude Code -> evidence, facts and events.
//!
//! A hook tells at once what it tells, but hooks do not tell everything: Esc fires none, and nothing says that a
//! permission was given. Payloads carry no time, so everything is dated when it arrived.

mod payload;

use std::borrow::Cow;

use serde_json::value::RawValue;

use payload::{Payload, answer, is_machine_prompt};

use super::identity::{self, tool_fact};
use super::title;
use crate::model::{
    AgentKind, Batch, DedupKey, Event, EventKind, EventStatus, Problem, ProblemKind, Relation,
    SessionIndex, SessionKey, Stamped, Timestamp, Title, TitleKind, earliest, latest,
};
use crate::session::{Ask, Evidence, EvidenceSource, LiveStatus, Signal};
use crate::source::about::about;
use crate::source::fields::mend;

/// Reads one hook payload that arrived at `now`, and returns the session that it speaks of: the one that it names, or
/// the subagent in it. Events that are not known are counted in [`Batch::problems`].
///
/// # Errors
/// The payload is not a JSON object with a session id and an event name.
pub fn parse(payload: &[u8], now: Timestamp, out: &mut Batch) -> Result<SessionKey, Problem> {
    let payload = mend(payload);
    let hook: Payload<'_> = serde_json::from_slice(&payload).map_err(|error| Problem {
        kind: if error.is_data() {
            ProblemKind::BadField
        } else {
            ProblemKind::Malformed
        },
        offset: 0,
        detail: "hook".into(),
    })?;
    if hook.session_id.is_empty() {
        return Err(Problem {
            kind: ProblemKind::BadField,
            offset: 0,
            detail: "hook.session_id".into(),
        });
    }
    Ok(Reader { hook, now, out }.read())
}

struct Reader<'a, 'b> {
    hook: Payload<'a>,
    now: Timestamp,
    out: &'b mut Batch,
}

impl Reader<'_, '_> {
    fn read(mut self) -> SessionKey {
        let id = &*self.hook.session_id;
        let main = SessionKey::new(AgentKind::ClaudeCode, id);
        let event = self.hook.hook_event_name.clone();
        let agent = self.hook.agent_id.clone().filter(|id| !id.is_empty());
        let Some(agent) = agent else {
            let session = self.main(&main);
            self.event(&event, session);
            return main;
        };
        // Compaction runs an agent of its own that ends without having begun: no session, only a sign of life.
        if event == "SubagentStop"
            && self
                .hook
                .agent_type
                .as_deref()
                .unwrap_or_default()
                .is_empty()
        {
            let session = self.main(&main);
            self.say(session, Signal::Activity);
            return main;
        }
        let child = SessionKey::new(AgentKind::ClaudeCode, format!("{id}/{agent}"));
        let session = self.child(&child, &main);
        let agent: Box<str> = agent.into();
        match &*event {
            "SubagentStart" => {
                let parent = self.main(&main);
                self.say(parent, Signal::SubagentStarted { id: agent });
                self.say(session, Signal::PromptSubmitted);
            }
            "SubagentStop" => {
                let parent = self.main(&main);
                self.say(parent, Signal::SubagentFinished { id: agent });
                let reason = "finished".into();
                self.say(session, Signal::SessionEnded { reason });
            }
            event => self.event(event, session),
        }
        child
    }

    /// The session that the payload names, with the facts that every payload has.
    fn main(&mut self, key: &SessionKey) -> SessionIndex {
        let session = self.out.session(key);
        let (hook, now) = (&self.hook, self.now);
        let patch = self.out.patch(session);
        patch.touch(now);
        earliest(&mut patch.cwd, stamped(now, hook.cwd.as_deref()));
        latest(
            &mut patch.transcript,
            stamped(now, hook.transcript_path.as_deref()),
        );
        let model = hook.to_model.as_deref().or(hook.model.as_deref());
        latest(&mut patch.model, stamped(now, model));
        if let Some(title) = hook.session_title.as_deref() {
            patch.propose_title(title::made_up(now, title));
        }
        session
    }

    fn child(&mut self, key: &SessionKey, parent: &SessionKey) -> SessionIndex {
        let session = self.out.session(key);
        let (hook, now) = (&self.hook, self.now);
        let patch = self.out.patch(session);
        patch.touch(now);
        patch.propose_parent(Some((parent.clone(), Relation::Within)));
        earliest(&mut patch.cwd, stamped(now, hook.cwd.as_deref()));
        latest(&mut patch.role, stamped(now, hook.agent_type.as_deref()));
        let transcript = hook.agent_transcript_path.as_deref();
        latest(&mut patch.transcript, stamped(now, transcript));
        session
    }

    /// What one event says of a session.
    fn event(&mut self, event: &str, session: SessionIndex) {
        match event {
            "SessionStart" => {
                let how = text(self.hook.source.as_ref());
                self.tell(session, EventKind::SessionStart, None, &how.clone(), |_| {});
                self.say(session, Signal::SessionStarted { how });
            }
            "SessionEnd" => {
                let reason = text(self.hook.reason.as_ref());
                self.tell(
                    session,
                    EventKind::SessionEnd,
                    None,
                    &reason.clone(),
                    |_| {},
                );
                self.say(session, Signal::SessionEnded { reason });
            }
            "UserPromptSubmit" => self.prompt(session),
            "PreToolUse" | "PostToolUse" | "PostToolUseFailure" | "PostToolBatch"
            | "PermissionRequest" | "PermissionDenied" => self.tool(event, session),
            "Notification" => self.notification(session),
            "Elicitation" => {
                let detail = self.hook.message.as_deref().map(Into::into);
                let request = self.elicitation();
                let ask = Ask::Elicitation;
                self.say(
                    session,
                    Signal::NeedsInput {
                        ask,
                        detail,
                        request,
                    },
                );
            }
            "ElicitationResult" => {
                let request = self.elicitation();
                self.say(session, Signal::InputGiven { request });
            }
            "Stop" => {
                let background = self.hook.background_tasks.iter();
                let background = background.filter(|task| task.runs()).count() as u32;
                self.say(
                    session,
                    Signal::TurnEnded {
                        background,
                        scheduled: None,
                    },
                );
                // An entry names its rhythm, not its next time.
                if !self.hook.session_crons.is_empty() {
                    self.say(session, Signal::WakeSet);
                }
            }
            "StopFailure" => self.failure(session),
            "PreCompact" => self.say(session, Signal::Compacting),
            "PostCompact" => {
                let summary = self.hook.compact_summary.clone().unwrap_or_default();
                self.tell(session, EventKind::Compaction, None, &summary, |_| {});
                self.say(session, Signal::Compacted);
            }
            "TaskCreated" | "TaskCompleted" => {
                let id = self.hook.task_id.as_ref().map(|id| format!("{event}/{id}"));
                let subject = self.hook.task_subject.clone().unwrap_or_default();
                self.tell(session, EventKind::PlanStep, id, &subject, |_| {});
                self.say(session, Signal::Activity);
            }
            "InstructionsLoaded" => {
                let path = self.hook.file_path.clone().unwrap_or_default();
                self.tell(session, EventKind::InstructionLoad, None, &path, |_| {});
                self.say(session, Signal::Activity);
            }
            "Setup"
            | "UserPromptExpansion"
            | "MessageDisplay"
            | "PreModelSwitch"
            | "PostModelSwitch"
            | "CwdChanged"
            | "DirectoryAdded" => {
                self.say(session, Signal::Activity);
            }
            // Things around the session, or of others: no sign of work.
            "FileChanged" | "ConfigChange" | "WorktreeCreate" | "WorktreeRemove"
            | "TeammateIdle" => {}
            unknown => self.unknown("hook", unknown),
        }
    }

    fn prompt(&mut self, session: SessionIndex) {
        let prompt = self.hook.prompt.clone().unwrap_or_default();
        if !is_machine_prompt(&prompt) {
            let title = Title::new(TitleKind::FirstPrompt, self.now, &prompt);
            self.out.patch(session).propose_title(title);
            let turn = self.hook.prompt_id.as_deref();
            let key = turn.map(|turn| DedupKey::Shared {
                id: identity::prompt(&self.hook.session_id, turn, &prompt),
                alias: None,
                credit: DedupKey::HOOK,
            });
            self.tell(session, EventKind::UserPrompt, None, &prompt, |event| {
                if let Some(key) = key {
                    event.key = key;
                }
            });
        }
        self.say(session, Signal::PromptSubmitted);
    }

    fn tool(&mut self, event: &str, session: SessionIndex) {
        let tool: Box<str> = text(self.hook.tool_name.as_ref());
        let call: Box<str> = text(self.hook.tool_use_id.as_ref());
        let about = self.hook.tool_input.and_then(|input| about(input.get()));
        match event {
            "PreToolUse" => {
                // In the words of the transcript.
                let text = self.hook.tool_input.map_or("", RawValue::get);
                self.tool_event(session, EventKind::ToolUse, text, EventStatus::Success);
                self.say(session, Signal::ToolStarted { call, tool, about });
            }
            "PermissionRequest" => {
                let ask = match &*tool {
                    "AskUserQuestion" => Ask::Question,
                    "ExitPlanMode" => Ask::Plan,
                    _ => Ask::Permission {
                        tool: (!tool.is_empty()).then_some(tool),
                    },
                };
                self.say(
                    session,
                    Signal::NeedsInput {
                        ask,
                        detail: about,
                        // The payload does not name the call.
                        request: None,
                    },
                );
            }
            "PermissionDenied" => {
                let request = Some(call.clone());
                self.say(session, Signal::InputGiven { request });
                self.say(session, Signal::ToolFinished { call });
            }
            "PostToolBatch" => {
                // The only hook that ends a call which was denied.
                let calls = std::mem::take(&mut self.hook.tool_calls);
                for call in calls.into_iter().filter_map(|call| call.tool_use_id) {
                    self.say(session, Signal::ToolFinished { call: call.into() });
                }
            }
            "PostToolUseFailure" => {
                let error = self.hook.error.clone().unwrap_or_default();
                self.tool_event(session, EventKind::ToolResult, &error, EventStatus::Error);
                self.say(session, Signal::ToolFinished { call });
                if self.hook.is_interrupt {
                    self.say(session, Signal::Interrupted);
                }
            }
            _ => {
                let response = self.hook.tool_response.map(answer).unwrap_or_default();
                self.tool_event(
                    session,
                    EventKind::ToolResult,
                    &response,
                    EventStatus::Success,
                );
                self.say(session, Signal::ToolFinished { call });
            }
        }
    }

    fn notification(&mut self, session: SessionIndex) {
        let kind = self.hook.notification_type.clone().unwrap_or_default();
        let message: Option<Box<str>> = self.hook.message.as_deref().map(Into::into);
        let needs = |ask, detail| Signal::NeedsInput {
            ask,
            detail,
            request: None,
        };
        let signal = match &*kind {
            // Six seconds after the request itself, and without its words.
            "permission_prompt" => needs(Ask::Permission { tool: None }, None),
            "elicitation_dialog" | "elicitation_url_dialog" => needs(Ask::Elicitation, None),
            "agent_needs_input" => needs(Ask::Dialog, message),
            "elicitation_response" | "elicitation_complete" | "auth_success" => {
                Signal::InputGiven { request: None }
            }
            // A minute after it came to rest; after Esc the only hook that says so.
            "idle_prompt" => Signal::Live {
                status: LiveStatus::Idle,
                detail: None,
            },
            "agent_completed" => Signal::Activity,
            unknown => return self.unknown("hook.notification", unknown),
        };
        self.say(session, signal);
    }

    fn failure(&mut self, session: SessionIndex) {
        let class: Box<str> = text(self.hook.error.as_ref());
        let said = self.hook.last_assistant_message.as_ref();
        let message = said.or(self.hook.error_details.as_ref()).cloned();
        let words = message.clone().unwrap_or_default();
        let agent = self.hook.agent_id.as_deref().filter(|id| !id.is_empty());
        let turn = self.hook.prompt_id.as_deref();
        let id = turn.map(|turn| identity::failure(&self.hook.session_id, agent, turn));
        self.tell(session, EventKind::Error, None, &words, |event| {
            event.status = EventStatus::Error;
            if let Some(id) = id {
                event.key = DedupKey::Shared {
                    id,
                    alias: None,
                    credit: DedupKey::HOOK,
                };
            }
        });
        self.say(
            session,
            Signal::TurnFailed {
                class,
                message: message.map(|words| Event::clip(&words).0),
            },
        );
    }

    /// The name under which a tool server's question is answered: it asks one at a time.
    fn elicitation(&self) -> Option<Box<str>> {
        let server = self.hook.mcp_server_name.as_deref().unwrap_or_default();
        Some(format!("elicitation/{server}").into())
    }

    fn say(&mut self, session: SessionIndex, signal: Signal) {
        self.out.evidence(
            session,
            Evidence {
                at: self.now,
                source: EvidenceSource::Hook,
                signal,
            },
        );
    }

    fn tool_event(
        &mut self,
        session: SessionIndex,
        kind: EventKind,
        text: &str,
        status: EventStatus,
    ) {
        let id = self.hook.tool_use_id.as_deref().filter(|id| !id.is_empty());
        let named = id.map(|id| {
            let key = identity::tool_event(kind, &self.hook.session_id, id, DedupKey::HOOK);
            (key, tool_fact(id))
        });
        let tool = self.hook.tool_name.as_deref().map(Into::into);
        let took = self.hook.duration_ms.filter(|ms| *ms >= 0.0);
        self.tell(session, kind, None, text, |event| {
            if let Some((key, call)) = named {
                event.key = key;
                event.call = Some(call);
            }
            event.status = status;
            event.tool = tool;
            event.duration_ms = took.map(|ms| ms as u64);
        });
    }

    /// Adds an event. `id` names it where the payload does; otherwise it is told by its time.
    fn tell(
        &mut self,
        session: SessionIndex,
        kind: EventKind,
        id: Option<String>,
        text: &str,
        fill: impl FnOnce(&mut Event),
    ) {
        let id = id.unwrap_or_else(|| format!("{}@{}", kind.as_str(), self.now.0));
        let (text, truncated) = Event::clip(text);
        let mut event = Event {
            key: DedupKey::Id(format!("claude.hook/{}/{id}", self.hook.session_id).into()),
            at: self.now,
            session,
            kind,
            status: EventStatus::Success,
            tool: None,
            call: None,
            model_call: None,
            duration_ms: None,
            text,
            truncated,
        };
        fill(&mut event);
        self.out.events.push(event);
    }

    fn unknown(&mut self, what: &str, name: &str) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        self.out
            .problem(ProblemKind::UnknownType, 0, format!("{what}:{name}"));
    }
}

fn text(field: Option<&Cow<'_, str>>) -> Box<str> {
    field.map_or_else(Box::default, |text| (**text).into())
}

fn stamped(at: Timestamp, value: Option<&str>) -> Option<Stamped<Box<str>>> {
    let value = value.filter(|value| !value.is_empty())?;
    Some(Stamped {
        at,
        value: value.into(),
    })
}
