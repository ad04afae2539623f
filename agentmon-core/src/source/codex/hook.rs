//! Hook and `notify` payloads of Codex -> evidence, facts and events.
//!
//! A hook is the only push that tells of an approval. Payloads carry no time, so everything is dated when it arrived.
//! `session_id` names the session at the root: the thread itself is `agent_id` or, in a review, the one whose rollout
//! `transcript_path` is. A failed turn fires neither a `Stop` hook nor a `notify`, and a killed client nothing at all.
//!
//! Events with text are left to the rollout, which tells more of them (exit codes, durations). Only of a thread that is
//! not written to disk they are told here.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::thread::ThreadId;
use super::timeline::Timeline;
use super::turn::TURN_ENDED;
use crate::model::{
    AgentKind, Batch, Event, EventKind, EventStatus, Problem, ProblemKind, Relation, SessionIndex,
    SessionKey, Stamped, Timestamp, Title, TitleKind, earliest, latest,
};
use crate::session::{Ask, Evidence, EvidenceSource, Signal};
use crate::source::fields::mend;

/// The fields of all events that mean something here. What an event does not have is absent or null.
#[derive(Debug, Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow)]
    hook_event_name: Cow<'a, str>,
    /// Null where nothing is written to disk (`--ephemeral`).
    #[serde(borrow, default)]
    transcript_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    agent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    agent_transcript_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    prompt: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_response: Option<&'a RawValue>,
}

impl Payload<'_> {
    /// The thread that the event is of.
    fn thread(&self) -> ThreadId {
        if let Some(agent) = self.agent_id.as_deref().filter(|id| !id.is_empty()) {
            return ThreadId::new(agent);
        }
        let path = self.transcript_path.as_deref().map(Path::new);
        path.and_then(ThreadId::of_file)
            .unwrap_or_else(|| ThreadId::new(&*self.session_id))
    }

    /// The rollout of that thread.
    fn rollout(&self) -> Option<&str> {
        // The end of a subagent is told with its parent's rollout.
        let own = if self.hook_event_name == "SubagentStop" {
            &self.agent_transcript_path
        } else {
            &self.transcript_path
        };
        own.as_deref().filter(|path| !path.is_empty())
    }
}

/// Reads one hook payload that arrived at `now`, and returns the thread that it speaks of. Events that are not known are
/// counted in [`Batch::problems`].
///
/// # Errors
/// The payload is not a JSON object with a session id and an event name.
pub fn parse(payload: &[u8], now: Timestamp, out: &mut Batch) -> Result<SessionKey, Problem> {
    let payload = mend(payload);
    let hook: Payload<'_> = serde_json::from_slice(&payload).map_err(|error| unread(&error))?;
    if hook.session_id.is_empty() {
        return Err(problem(ProblemKind::BadField, "hook.session_id"));
    }
    let thread = hook.thread();
    let key = key(thread.as_str());
    let session = out.session(&key);
    let reader = Reader {
        hook,
        thread,
        session,
        now,
        out,
    };
    reader.read();
    Ok(key)
}

/// Reads what the program of the `notify` setting was given at `now`, and returns the thread that it speaks of.
///
/// It is called for threads of which nothing else is ever seen: a title is made up in a thread of its own. So nothing is
/// said of a thread that is not `known`.
///
/// # Errors
/// The payload is not a JSON object with a type and a thread.
pub fn notify(
    payload: &[u8],
    now: Timestamp,
    known: &dyn Fn(&SessionKey) -> bool,
    out: &mut Batch,
) -> Result<SessionKey, Problem> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Notice<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        #[serde(borrow)]
        thread_id: Cow<'a, str>,
        #[serde(borrow, default)]
        client: Option<Cow<'a, str>>,
    }
    let payload = mend(payload);
    let notice: Notice<'_> = serde_json::from_slice(&payload).map_err(|error| unread(&error))?;
    if notice.thread_id.is_empty() {
        return Err(problem(ProblemKind::BadField, "notify.thread-id"));
    }
    let key = key(&notice.thread_id);
    if !known(&key) {
        return Ok(key);
    }
    let signal = match &*notice.kind {
        // Subagents and reviews have no client, nor has any thread of older versions: their rollouts tell which ended.
        "agent-turn-complete" if notice.client.is_none() => Signal::Activity,
        "agent-turn-complete" => TURN_ENDED,
        unknown => {
            unknown_type("notify", unknown, out);
            return Ok(key);
        }
    };
    let session = out.session(&key);
    out.patch(session).touch(now);
    say(session, now, signal, out);
    Ok(key)
}

struct Reader<'a, 'b> {
    hook: Payload<'a>,
    thread: ThreadId,
    session: SessionIndex,
    now: Timestamp,
    out: &'b mut Batch,
}

impl Reader<'_, '_> {
    fn read(mut self) {
        self.facts();
        let word = |field: &Option<Cow<'_, str>>| -> Box<str> {
            field.as_deref().unwrap_or_default().into()
        };
        let event = self.hook.hook_event_name.clone();
        match &*event {
            "SessionStart" => {
                let how = word(&self.hook.source);
                self.tell(|told| told.mark(EventKind::SessionStart, EventStatus::Success, &how));
                self.say(Signal::SessionStarted { how });
            }
            "UserPromptSubmit" => {
                let prompt = self.hook.prompt.clone().unwrap_or_default();
                let title = Title::new(TitleKind::FirstPrompt, self.now, &prompt);
                self.out.patch(self.session).propose_title(title);
                self.tell(|told| told.prompt(&prompt, 0));
                self.say(Signal::PromptSubmitted);
            }
            "PreToolUse" | "PermissionRequest" | "PostToolUse" => self.tool(&event),
            "PreCompact" => self.say(Signal::Compacting),
            "PostCompact" => self.say(Signal::Compacted),
            "SubagentStart" => {
                self.tell_root(|id| Signal::SubagentStarted { id });
                self.say(Signal::PromptSubmitted);
            }
            "SubagentStop" => {
                self.tell_root(|id| Signal::SubagentFinished { id });
                let reason = "finished".into();
                self.say(Signal::SessionEnded { reason });
            }
            "Stop" => self.say(TURN_ENDED),
            "Interrupt" => self.say(Signal::Interrupted),
            "SessionEnd" => {
                let reason = word(&self.hook.reason);
                self.tell(|told| told.mark(EventKind::SessionEnd, EventStatus::Success, &reason));
                self.say(Signal::SessionEnded { reason });
            }
            unknown => unknown_type("hook", unknown, self.out),
        }
    }

    /// What every payload tells. The role of an agent is not in it: `agent_type` is `default` for all that have none.
    fn facts(&mut self) {
        let (hook, now) = (&self.hook, self.now);
        let stamped = |value: Option<&str>| {
            let value = value.filter(|value| !value.is_empty())?;
            Some(Stamped {
                at: now,
                value: value.into(),
            })
        };
        let patch = self.out.patch(self.session);
        patch.touch(now);
        earliest(&mut patch.cwd, stamped(hook.cwd.as_deref()));
        latest(&mut patch.model, stamped(hook.model.as_deref()));
        latest(&mut patch.transcript, stamped(hook.rollout()));
        // A rollout names its true parent, a hook only the root of the tree.
        if hook.rollout().is_none() && *self.thread.as_str() != *hook.session_id {
            patch.propose_parent(Some((key(&hook.session_id), Relation::Spawned)));
        }
    }

    fn tool(&mut self, event: &str) {
        let tool: Box<str> = tool_name(self.hook.tool_name.as_deref().unwrap_or_default()).into();
        let call = self.hook.tool_use_id.clone().unwrap_or_default();
        let input = self.hook.tool_input.map(Input::of).unwrap_or_default();
        match event {
            "PermissionRequest" => {
                let tool = (!tool.is_empty()).then_some(tool);
                let detail = input.words();
                self.say(Signal::NeedsInput {
                    ask: Ask::Permission { tool },
                    detail: detail.map(|words| Event::clip(&words).0),
                    // The payload does not name the call.
                    request: None,
                });
            }
            _ if call.is_empty() => self.say(Signal::Activity),
            "PreToolUse" => {
                let text = input.command.unwrap_or_default();
                self.tell(|told| {
                    told.tool(EventKind::ToolUse, &call, Some(&tool), &text);
                });
                let call = call.into();
                let about = (!text.is_empty()).then(|| Event::clip(&text).0);
                self.say(Signal::ToolStarted { call, tool, about });
            }
            _ => {
                let response = self.hook.tool_response;
                self.tell(|told| told.result(&call, response));
                self.say(Signal::ToolFinished { call: call.into() });
            }
        }
    }

    /// Writes an event, where no rollout does.
    fn tell(&mut self, write: impl FnOnce(&mut Timeline<'_>)) {
        if self.hook.rollout().is_none() {
            write(&mut Timeline {
                thread: &self.thread,
                session: self.session,
                at: self.now,
                out: self.out,
            });
        }
    }

    /// Tells the session at the root of a subagent.
    fn tell_root(&mut self, signal: impl FnOnce(Box<str>) -> Signal) {
        let root = key(&self.hook.session_id);
        let root = self.out.session(&root);
        self.out.patch(root).touch(self.now);
        let signal = signal(self.thread.as_str().into());
        say(root, self.now, signal, self.out);
    }

    fn say(&mut self, signal: Signal) {
        say(self.session, self.now, signal, self.out);
    }
}

/// What a tool is asked to do.
#[derive(Debug, Default, Deserialize)]
struct Input<'a> {
    /// The command line, or the patch.
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    /// Why the user is asked.
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
}

impl<'a> Input<'a> {
    fn of(raw: &'a RawValue) -> Self {
        let known: Option<Self> = serde_json::from_str(raw.get()).ok();
        let known = known.filter(|input| input.command.is_some() || input.description.is_some());
        known.unwrap_or_else(|| Self {
            command: (raw.get() != "{}").then(|| raw.get().into()),
            description: None,
        })
    }

    /// What the user is asked: the command and, behind it, the agent's reason.
    fn words(&self) -> Option<Cow<'a, str>> {
        match (&self.command, &self.description) {
            (Some(command), Some(why)) => Some(format!("{command}\n{why}").into()),
            (words, None) | (None, words) => words.clone(),
        }
    }
}

/// The tool's own name: hooks glue the namespace of agent tools to it.
fn tool_name(name: &str) -> &str {
    ["collaboration", "multi_agent_v1"]
        .into_iter()
        .find_map(|namespace| name.strip_prefix(namespace))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}

fn key(thread: &str) -> SessionKey {
    SessionKey::new(AgentKind::Codex, thread)
}

fn say(session: SessionIndex, at: Timestamp, signal: Signal, out: &mut Batch) {
    let source = EvidenceSource::Hook;
    out.evidence(session, Evidence { at, source, signal });
}

fn unknown_type(what: &str, name: &str, out: &mut Batch) {
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    out.problem(ProblemKind::UnknownType, 0, format!("{what}:{name}"));
}

fn unread(error: &serde_json::Error) -> Problem {
    let kind = if error.is_data() {
        ProblemKind::BadField
    } else {
        ProblemKind::Malformed
    };
    problem(kind, "hook")
}

fn problem(kind: ProblemKind, detail: &str) -> Problem {
    Problem {
        kind,
        offset: 0,
        detail: detail.into(),
    }
}
