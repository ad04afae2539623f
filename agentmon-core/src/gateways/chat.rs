//! The conversations of one gateway that somebody looks at or takes part in: who sees what, and which answers are growing.
//!
//! A frame is rendered once, however many look on. Who is too slow hears `resync`, then what is growing and asked for as it stands.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::entry::ChatMessage;
use crate::model::Timestamp;
use crate::source::openclaw::gateway::talk::{Answer, ChatEvent, Move};

/// Frames that a viewer may be behind.
const RING: usize = 256;
/// Answers that grow at a time.
const MAX_RUNS: usize = 256;
/// Requests for approval that wait at a time.
const MAX_APPROVALS: usize = 256;
/// Runs that have ended and are remembered as such.
const MAX_ENDED: usize = 256;

/// A frame for viewers: JSON text, shared.
pub type ChatFrame = Arc<str>;

/// The conversations of one gateway.
#[derive(Debug)]
pub(super) struct Chats {
    gateway: Box<str>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    viewed: HashMap<Box<str>, broadcast::Sender<ChatFrame>>,
    runs: HashMap<Box<str>, Run>,
    /// Requests for approval that nobody has answered, by id.
    approvals: HashMap<Box<str>, Approval>,
    ended: VecDeque<Box<str>>,
}

/// An agent's request for approval.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Approval {
    pub(super) id: Box<str>,
    pub(super) address: Box<str>,
    pub(super) expires: Option<Timestamp>,
    /// What viewers are told of it.
    pub(super) body: Value,
}

/// An answer that is growing.
#[derive(Debug)]
struct Run {
    address: Box<str>,
    answer: Answer,
    own: Option<Own>,
}

/// The message that began a run, where it was sent from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    /// Its number in the store.
    pub(super) id: i64,
    pub(super) text: String,
    pub(super) at: Timestamp,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) address: Box<str>,
    pub(super) run: Box<str>,
    pub(super) end: Move,
    pub(super) own: Option<Own>,
}

impl Chats {
    pub(super) fn new(gateway: &str) -> Arc<Self> {
        Arc::new(Self {
            gateway: gateway.into(),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks on at a conversation, from what is growing in it and asked for in it now.
    pub(super) fn watch(self: &Arc<Self>, address: &str, now: Timestamp) -> ChatStream {
        let mut state = self.state();
        state
            .approvals
            .retain(|_, approval| approval.expires.is_none_or(|end| end > now));
        let receiver = match state.viewed.get(address) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = broadcast::channel(RING);
                state.viewed.retain(|_, sender| sender.receiver_count() > 0);
                state.viewed.insert(address.into(), sender);
                receiver
            }
        };
        ChatStream {
            first: self.present(&state, address),
            chats: self.clone(),
            address: address.into(),
            receiver,
        }
    }

    fn present(&self, state: &State, address: &str) -> VecDeque<ChatFrame> {
        let approvals = state.approvals.values();
        let asked = approvals
            .filter(|approval| *approval.address == *address)
            .map(|approval| self.frame("approval", address, approval.body.clone()));

        let runs = state
            .runs
            .iter()
            .filter(|(_, run)| *run.address == *address);
        let shown = runs.filter(|(_, run)| !run.answer.shown().is_empty());
        let grown = shown.map(|(id, run)| {
            self.frame(
                "delta",
                address,
                json!({"runId": id, "text": run.answer.shown(), "replace": true}),
            )
        });
        grown.chain(asked).collect()
    }

    /// An agent asks for approval.
    pub(super) fn asked(&self, approval: Approval) {
        self.tell("approval", &approval.address, approval.body.clone());
        let approvals = &mut self.state().approvals;
        if approvals.len() < MAX_APPROVALS {
            approvals.insert(approval.id.clone(), approval);
        }
    }

    /// A request for approval was answered or is over. `address` is known where the gateway says so.
    pub(super) fn resolved(&self, id: &str, address: Option<&str>, body: &Value) {
        let known = self.state().approvals.remove(id);
        match address.or(known.as_ref().map(|approval| &*approval.address)) {
            Some(address) => self.tell("approval_resolved", address, body.clone()),
            None => self.tell_all("approval_resolved", body),
        }
    }

    /// All requests for approval that wait, as the gateway lists them after a break.
    pub(super) fn waiting(&self, listed: Vec<Approval>) {
        let is_gone = |id: &str| listed.iter().all(|approval| *approval.id != *id);
        let ids: Vec<Box<str>> = self.state().approvals.keys().cloned().collect();
        for id in ids.into_iter().filter(|id| is_gone(id)) {
            self.resolved(&id, None, &json!({"approvalId": id}));
        }
        for approval in listed {
            if !self.state().approvals.contains_key(&approval.id) {
                self.asked(approval);
            }
        }
    }

    /// Whether somebody looks on at a conversation or waits for an answer in it.
    pub(super) fn is_open(&self, address: &str) -> bool {
        is_open(&self.state(), address)
    }

    /// A message is about to be sent.
    pub(super) fn begin(&self, address: &str, run: &str, own: Own) {
        let mut state = self.state();
        if state.runs.len() >= MAX_RUNS {
            // Others' answers can be read again.
            let other = state
                .runs
                .iter()
                .find(|(_, run)| run.own.is_none())
                .map(|(id, _)| id.clone());
            other.map(|id| state.runs.remove(&id));
        }
        let run_state = Run {
            address: address.into(),
            answer: Answer::default(),
            own: Some(own),
        };
        state.runs.insert(run.into(), run_state);
    }

    /// A message from here is sent again, under another run.
    pub(super) fn rename(&self, from: &str, to: &str) {
        let mut state = self.state();
        if let Some(run) = state.runs.remove(from) {
            state.runs.insert(to.into(), run);
        }
    }

    /// A run ends otherwise than by an event: its message was refused, or its end was read later.
    pub(super) fn end(&self, run: &str, end: Move) -> Option<Ended> {
        let mut state = self.state();
        let known = state.runs.remove(run)?;
        remember(&mut state.ended, run);
        Some(Ended {
            address: known.address,
            run: run.into(),
            end,
            own: known.own,
        })
    }

    /// The answer to a message from here has grown while nobody listened.
    pub(super) fn grow(&self, run: &str, whole: &str) {
        let mut state = self.state();
        let Some(known) = state.runs.get_mut(run) else {
            return;
        };
        let (grown, address) = (known.answer.grow(whole), known.address.clone());
        if let Some(Move::Said { text, replaces }) = grown {
            self.tell_delta(&state, &address, run, &text, replaces);
        }
    }

    /// Runs that began with a message from here and have not ended, with the conversation and the message.
    pub(super) fn unfinished(&self) -> Vec<(Box<str>, Box<str>, Own)> {
        let state = self.state();
        let own = state
            .runs
            .iter()
            .filter_map(|(id, run)| Some((id.clone(), run.address.clone(), run.own.clone()?)));
        own.collect()
    }

    /// A `chat` event in the conversation under `address`. Returns the run, where that ended it: to be stored first and told
    /// then.
    pub(super) fn event(&self, address: &str, event: &ChatEvent<'_>) -> Option<Ended> {
        let mut state = self.state();
        let state = &mut *state;
        if state.ended.iter().any(|known| **known == *event.run) {
            return None;
        }
        if !state.runs.contains_key(&*event.run) {
            if !is_open(state, address) || state.runs.len() >= MAX_RUNS || event.run.len() > 512 {
                return None;
            }
            let run = Run {
                address: address.into(),
                answer: Answer::default(),
                own: None,
            };
            state.runs.insert((*event.run).into(), run);
        }
        let known = state.runs.get_mut(&*event.run)?;
        match known.answer.take(event)? {
            Move::Said { text, replaces } => {
                self.tell_delta(state, address, &event.run, &text, replaces);
                None
            }
            end => {
                let known = state.runs.remove(&*event.run)?;
                remember(&mut state.ended, &event.run);
                Some(Ended {
                    address: known.address,
                    run: (*event.run).into(),
                    end,
                    own: known.own,
                })
            }
        }
    }

    fn tell_delta(&self, state: &State, address: &str, run: &str, text: &str, replaces: bool) {
        if let Some(sender) = state.viewed.get(address) {
            let mut body = json!({"runId": run, "text": text});
            if replaces {
                body["replace"] = true.into();
            }
            // Nobody looking is no error.
            let _ = sender.send(self.frame("delta", address, body));
        }
    }

    /// Tells the viewers of a conversation something.
    pub(super) fn tell(&self, kind: &str, address: &str, body: Value) {
        let state = self.state();
        if let Some(sender) = state.viewed.get(address) {
            let _ = sender.send(self.frame(kind, address, body));
        }
    }

    /// Tells the viewers of all conversations something.
    pub(super) fn tell_all(&self, kind: &str, body: &Value) {
        for (address, sender) in &self.state().viewed {
            let _ = sender.send(self.frame(kind, address, body.clone()));
        }
    }

    /// Nobody looks on any more: the gateway is gone.
    pub(super) fn close(&self) {
        self.state().viewed.clear();
    }

    /// Tells how a run ended; `stored` is its answer.
    pub(super) fn tell_end(&self, ended: &Ended, stored: Option<&ChatMessage>) {
        let mut body = json!({"runId": ended.run, "message": stored});
        let kind = match &ended.end {
            Move::Final(text) => {
                body["text"] = text.as_str().into();
                "final"
            }
            Move::Aborted(text) => {
                body["text"] = text.as_str().into();
                "aborted"
            }
            Move::Error(words) => {
                body["error"] = (&**words).into();
                "error"
            }
            Move::Said { .. } => return,
        };
        self.tell(kind, &ended.address, body);
    }

    fn frame(&self, kind: &str, address: &str, mut body: Value) -> ChatFrame {
        body["type"] = kind.into();
        body["gatewayId"] = (&*self.gateway).into();
        body["sessionKey"] = address.into();
        body.to_string().into()
    }
}

fn is_open(state: &State, address: &str) -> bool {
    state
        .viewed
        .get(address)
        .is_some_and(|sender| sender.receiver_count() > 0)
        || state
            .runs
            .values()
            .any(|run| run.own.is_some() && *run.address == *address)
}

fn remember(ended: &mut VecDeque<Box<str>>, run: &str) {
    if ended.len() >= MAX_ENDED {
        ended.pop_front();
    }
    ended.push_back(run.into());
}

/// What happens in a conversation, frame by frame.
#[derive(Debug)]
pub struct ChatStream {
    chats: Arc<Chats>,
    address: Box<str>,
    first: VecDeque<ChatFrame>,
    receiver: broadcast::Receiver<ChatFrame>,
}

impl ChatStream {
    /// The conversation's session key in full.
    #[must_use]
    pub fn session_key(&self) -> &str {
        &self.address
    }

    /// Waits for the next frame; `None` when the gateway was removed.
    pub async fn next(&mut self) -> Option<ChatFrame> {
        if let Some(frame) = self.first.pop_front() {
            return Some(frame);
        }
        match self.receiver.recv().await {
            Ok(frame) => Some(frame),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                // From here on nothing is missed: what grows is read behind the place where listening goes on.
                self.receiver = self.receiver.resubscribe();
                self.first = self.chats.present(&self.chats.state(), &self.address);
                Some(
                    self.chats
                        .frame("resync", &self.address, json!({"missed": missed})),
                )
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval(id: &str, expires: i64) -> Approval {
        Approval {
            id: id.into(),
            address: "agent:main:main".into(),
            expires: Some(Timestamp(expires)),
            body: json!({"approvalId": id}),
        }
    }

    /// What whoever comes now is told first.
    fn told(chats: &Arc<Chats>, now: i64) -> Vec<String> {
        let first = chats.watch("agent:main:main", Timestamp(now)).first;
        let read = |frame: ChatFrame| serde_json::from_str::<Value>(&frame).unwrap();
        let mut told: Vec<String> = first
            .into_iter()
            .map(read)
            .map(|frame| format!("{} {}", frame["type"], frame["approvalId"]))
            .collect();
        told.sort();
        told
    }

    #[tokio::test]
    async fn who_comes_later_hears_what_still_waits_for_an_answer() {
        let chats = Chats::new("home");
        let mut early = chats.watch("agent:main:main", Timestamp(0));
        for (id, expires) in [("a", 1000), ("b", 1000), ("late", 10)] {
            chats.asked(approval(id, expires));
        }
        assert!(early.next().await.unwrap().contains("\"approvalId\":\"a\""));
        assert_eq!(told(&chats, 10), [r#""approval" "a""#, r#""approval" "b""#]);
        chats.resolved("a", None, &json!({"approvalId": "a"}));
        assert_eq!(told(&chats, 10), [r#""approval" "b""#]);
        // After a break the gateway knows better.
        chats.waiting(vec![approval("c", 1000)]);
        assert_eq!(told(&chats, 10), [r#""approval" "c""#]);
        assert!(
            chats
                .watch("agent:main:other", Timestamp(0))
                .first
                .is_empty()
        );
    }
}
