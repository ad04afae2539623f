//! Turns: what a rollout's lines say about what the session is doing. Pure; the caller stamps and stores the signals.
//!
//! Clients since about 0.99 frame every turn with `task_started` and `task_complete` or `turn_aborted`, and between
//! turns nothing they write means work: a background command of an old turn may report much later. Older clients write
//! no frame, so their turn begins with the prompt and ends with an answer that no tool call follows.

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::record::{
    CompletedItem, Failure, SubagentEvent, TaskComplete, TaskStarted, ToolCall, TurnAborted,
    TurnContext,
};
use super::text::part;
use super::thread::uuid7_millis;
use crate::model::Timestamp;
use crate::session::{Ask, Signal};
use crate::source::about::about;

/// Longest question, command or error message that evidence carries, in characters.
const MAX_DETAIL: usize = 300;

/// How many open questions are remembered. More at once is not a session a person works with.
const MAX_ASKED: usize = 32;

/// The end of a turn. What goes on in the background does not wake the session.
pub(super) const TURN_ENDED: Signal = Signal::TurnEnded {
    background: 0,
    scheduled: None,
};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    id: Option<Box<str>>,
    /// The turn at the root of this one: a review runs in a turn below that of the session.
    root: Option<Box<str>>,
    /// The turn in whose middle this one began.
    replaced: Option<Box<str>>,
    /// Whether the client is in plan mode.
    planning: bool,
    /// Whether a plan was written.
    planned: bool,
    /// Whether the reading began inside the turn, so that it is only assumed.
    assumed: bool,
    /// An error that ended the work of this turn: class, message, whether it was a limit.
    failure: Option<(Box<str>, Option<Box<str>>, bool)>,
}

impl Open {
    /// Whether `turn` is this one, or the one that it runs for.
    fn is(&self, turn: &str) -> bool {
        let id = self.id.as_deref();
        id.is_none_or(|id| id == turn) || self.root.as_deref() == Some(turn)
    }

    /// Whether `turn` began before this one.
    fn follows(&self, turn: &str) -> bool {
        match (
            self.id.as_deref().and_then(uuid7_millis),
            uuid7_millis(turn),
        ) {
            (Some(own), Some(other)) => other < own,
            _ => self.replaced.as_deref() == Some(turn),
        }
    }
}

/// Follows the turns of one thread.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turns {
    /// Whether the client frames its turns.
    framed: bool,
    /// Whether the thread is another agent's child: the end of its turn is the end of its work.
    subagent: bool,
    open: Option<Open>,
    /// Whether the user is never asked: approval policy `never`, or a reviewer that is not the user.
    never_asks: bool,
    /// Calls for which the user was asked.
    asked: Vec<Box<str>>,
    /// Whether a limit was reported and not lifted since.
    limited: bool,
}

impl Turns {
    /// The reading begins somewhere inside the file: in a turn, as far as is known.
    pub(super) fn join(&mut self) {
        self.framed = true;
        self.open = Some(Open {
            assumed: true,
            ..Open::default()
        });
    }

    pub(super) fn began(&mut self, how: &str, subagent: bool, emit: &mut dyn FnMut(Signal)) {
        self.subagent = subagent;
        emit(Signal::SessionStarted { how: how.into() });
    }

    /// Whether the client frames its turns, as far as is known.
    pub(super) fn framed(&self) -> bool {
        self.framed
    }

    fn working(&self) -> bool {
        self.open.is_some() || !self.framed
    }

    /// Whether the end of `turn` is the end of the open turn. One that nobody heard of is: only what is known to be
    /// older comes late.
    fn ends(&self, turn: Option<&str>) -> bool {
        match (&self.open, turn) {
            (None, _) => !self.framed,
            (Some(_), None) => true,
            (Some(open), Some(turn)) => open.is(turn) || !open.follows(turn),
        }
    }

    pub(super) fn context(&mut self, context: &TurnContext<'_>) {
        // Clients that do not frame their turns do not name them either.
        let assumed = self.open.as_ref().is_some_and(|open| open.assumed);
        if assumed && context.turn_id.get().is_none() {
            self.framed = false;
            self.open = None;
        }
        let reviewed = context
            .approvals_reviewer
            .get()
            .is_some_and(|reviewer| reviewer != "user");
        self.never_asks = reviewed || context.approval_policy.get() == Some("never");
    }

    pub(super) fn started(&mut self, task: &TaskStarted<'_>, emit: &mut dyn FnMut(Signal)) {
        self.framed = true;
        self.asked.clear();
        let replaced = self.open.take().and_then(|open| open.id);
        self.open = Some(Open {
            id: task.turn_id.name().map(Into::into),
            replaced,
            root: task.root_turn_id.name().map(Into::into),
            planning: task.collaboration_mode_kind.get() == Some("plan"),
            ..Open::default()
        });
        emit(Signal::PromptSubmitted);
    }

    pub(super) fn completed(
        &mut self,
        task: &TaskComplete<'_>,
        failure: Option<&Failure<'_>>,
        emit: &mut dyn FnMut(Signal),
    ) {
        if !self.ends(task.turn_id.name()) {
            return;
        }
        self.asked.clear();
        let mut open = self.open.take().unwrap_or_default();
        if let Some(failure) = failure {
            open.failure = Some(describe(failure));
        }
        if let Some((class, message, limit)) = open.failure {
            emit(failure_signal(class, message, limit));
            return;
        }
        let child = open
            .root
            .as_deref()
            .is_some_and(|root| Some(root) != task.turn_id.name());
        if self.subagent || child {
            emit(Signal::SessionEnded {
                reason: "finished".into(),
            });
            return;
        }
        let wrote_plan = || {
            let message = task.last_agent_message.get().unwrap_or_default();
            memmem::find(message.as_bytes(), b"<proposed_plan>").is_some()
        };
        if open.planning && (open.planned || wrote_plan()) {
            // The turn is over, but the client now asks whether to carry the plan out.
            emit(Signal::NeedsInput {
                ask: Ask::Plan,
                detail: None,
                request: open.id,
            });
        } else {
            emit(TURN_ENDED);
        }
    }

    pub(super) fn aborted(&mut self, turn: &TurnAborted<'_>, emit: &mut dyn FnMut(Signal)) {
        if !self.ends(turn.turn_id.name()) {
            return;
        }
        self.open = None;
        self.asked.clear();
        emit(match turn.reason.get() {
            Some("review_ended") => TURN_ENDED,
            _ => Signal::Interrupted,
        });
    }

    /// An error line of its own. Framed turns still end with `task_complete`, which does not repeat the error.
    pub(super) fn failed(&mut self, failure: &Failure<'_>, emit: &mut dyn FnMut(Signal)) {
        let described = describe(failure);
        match &mut self.open {
            Some(open) => open.failure = Some(described),
            None if self.framed => {}
            None => emit(failure_signal(described.0, described.1, described.2)),
        }
    }

    pub(super) fn prompted(&mut self, emit: &mut dyn FnMut(Signal)) {
        if !self.framed {
            emit(Signal::PromptSubmitted);
        } else if self.working() {
            emit(Signal::Activity);
        }
    }

    pub(super) fn model_active(&mut self, emit: &mut dyn FnMut(Signal)) {
        if self.working() {
            emit(Signal::ModelActive);
        }
    }

    /// A whole answer of the model was written.
    pub(super) fn answered(&mut self, emit: &mut dyn FnMut(Signal)) {
        if !self.framed {
            emit(TURN_ENDED);
        } else if self.working() {
            emit(Signal::ModelActive);
        }
    }

    pub(super) fn tool_called(&mut self, call: &ToolCall<'_>, emit: &mut dyn FnMut(Signal)) {
        let Some(id) = call.call_id.name().or(call.id.name()) else {
            return self.model_active(emit);
        };
        if !self.working() {
            return;
        }
        let tool = call.name.name().unwrap_or("local_shell");
        emit(Signal::ToolStarted {
            call: id.into(),
            tool: tool.into(),
            about: about_call(call),
        });
        if let Some((ask, detail)) = self.asks(call, tool) {
            if self.asked.len() < MAX_ASKED {
                self.asked.push(id.into());
            }
            emit(Signal::NeedsInput {
                ask,
                detail,
                request: Some(id.into()),
            });
        }
    }

    /// Whether a call waits for the user, and what it asks. The rollout shows no more than this: that an approval is
    /// pending is known only from the missing output.
    fn asks(&self, call: &ToolCall<'_>, tool: &str) -> Option<(Ask, Option<Box<str>>)> {
        let arguments = call.arguments.get().unwrap_or_default();
        if tool == "request_user_input" {
            let asked: Option<Questions> = serde_json::from_str(arguments).ok();
            let first = asked.and_then(|asked| asked.questions.into_iter().next());
            return Some((Ask::Question, first.map(|first| clip(&first.question))));
        }
        if self.never_asks {
            return None;
        }
        // In code mode the request is inside JavaScript.
        let input = call.input.get().unwrap_or_default();
        if memmem::find(input.as_bytes(), b"require_escalated").is_some() {
            let ask = Ask::Permission {
                tool: Some("exec_command".into()),
            };
            return Some((ask, Some(clip(input))));
        }
        memmem::find(arguments.as_bytes(), b"escalated")?;
        let wanted: Escalation = serde_json::from_str(arguments).ok()?;
        let escalates = wanted.sandbox_permissions.as_deref() == Some("require_escalated")
            || wanted.with_escalated_permissions == Some(true);
        let ask = Ask::Permission {
            tool: Some(tool.into()),
        };
        // What is to be run says more than why.
        escalates.then(|| (ask, about(arguments)))
    }

    pub(super) fn tool_returned(&mut self, call: &str, emit: &mut dyn FnMut(Signal)) {
        if let Some(at) = self.asked.iter().position(|asked| &**asked == call) {
            let request = self.asked.swap_remove(at);
            emit(Signal::InputGiven {
                request: Some(request),
            });
        }
        if self.working() {
            emit(Signal::ToolFinished { call: call.into() });
        }
    }

    pub(super) fn compacted(&mut self, emit: &mut dyn FnMut(Signal)) {
        emit(Signal::Compacted);
    }

    /// An item of the turn `turn` is complete. Items of other turns come late and say nothing about now, except that a
    /// child ended.
    pub(super) fn item(
        &mut self,
        turn: Option<&str>,
        item: &CompletedItem<'_>,
        emit: &mut dyn FnMut(Signal),
    ) {
        let open = self.open.as_ref();
        let current = open.is_some_and(|open| turn.is_none_or(|turn| open.is(turn)));
        match item.kind.get() {
            Some("UserMessage") if current => emit(Signal::Activity),
            Some("Plan") if current => {
                if let Some(open) = &mut self.open {
                    open.planned = true;
                }
            }
            Some("SubAgentActivity") => {
                child(item.activity.get(), item.agent_thread_id.name(), emit);
            }
            Some("CollabAgentToolCall") => {
                let children: Vec<String> = part(item.receiver_thread_ids).unwrap_or_default();
                let kind = match item.tool.get() {
                    Some("spawn_agent") => Some("started"),
                    Some("close_agent") => Some("completed"),
                    _ => None,
                };
                for id in &children {
                    child(kind, Some(id), emit);
                }
            }
            _ => {}
        }
    }

    /// What older clients say about children.
    pub(super) fn child(&mut self, event: &SubagentEvent<'_>, emit: &mut dyn FnMut(Signal)) {
        match event.event.get() {
            Some("collab_agent_spawn_end") => {
                child(Some("started"), event.new_thread_id.name(), emit);
            }
            Some("collab_close_end") => {
                child(Some("completed"), event.receiver_thread_id.name(), emit);
            }
            _ => child(event.kind.get(), event.agent_thread_id.name(), emit),
        }
    }

    /// The rate limits were reported: used up (until when, if known), or not.
    pub(super) fn limits(
        &mut self,
        exhausted: Option<Option<Timestamp>>,
        emit: &mut dyn FnMut(Signal),
    ) {
        if let Some(resets_at) = exhausted
            && !self.limited
        {
            emit(Signal::Limited {
                reason: "rate_limit".into(),
                resets_at,
            });
        }
        self.limited = exhausted.is_some();
    }
}

fn child(kind: Option<&str>, id: Option<&str>, emit: &mut dyn FnMut(Signal)) {
    match (kind, id) {
        (Some("started"), Some(id)) => emit(Signal::SubagentStarted { id: id.into() }),
        (Some("completed" | "interrupted" | "failed"), Some(id)) => {
            emit(Signal::SubagentFinished { id: id.into() });
        }
        _ => {}
    }
}

fn describe(failure: &Failure<'_>) -> (Box<str>, Option<Box<str>>, bool) {
    let class = clip(&failure.class());
    (class, failure.message.get().map(clip), failure.is_limit())
}

fn failure_signal(class: Box<str>, message: Option<Box<str>>, limit: bool) -> Signal {
    if limit {
        return Signal::Limited {
            reason: "rate_limit".into(),
            resets_at: None,
        };
    }
    Signal::TurnFailed { class, message }
}

fn clip(text: &str) -> Box<str> {
    match text.char_indices().nth(MAX_DETAIL) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// What a call is to do: the command, the first file of a patch, or what else the tool is given.
fn about_call(call: &ToolCall<'_>) -> Option<Box<str>> {
    let patched = |input: &str| {
        let mut lines = input.lines().map(|line| line.strip_prefix("*** "));
        let file = lines.find_map(|line| line?.split_once(" File: "));
        file.map(|(_, path)| path.to_owned())
    };
    match (call.arguments.get(), call.action, call.input.get()) {
        (Some(arguments), _, _) => about(arguments),
        (None, Some(action), _) => about(action.get()),
        (None, None, Some(input)) => about(&patched(input).unwrap_or_else(|| input.to_owned())),
        (None, None, None) => None,
    }
}

/// The arguments of a command that asks to leave the sandbox, in its newer and older spelling.
#[derive(Deserialize)]
struct Escalation {
    sandbox_permissions: Option<String>,
    with_escalated_permissions: Option<bool>,
}

#[derive(Deserialize)]
struct Questions {
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    question: String,
}
