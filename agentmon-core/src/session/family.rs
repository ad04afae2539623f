//! Parents roll up their children: work of a child is work, and a child's question is the parent's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::{Reason, State, intake};
use crate::model::{SessionKey, Timestamp};

/// Most children remembered; those that are over go first, then the oldest.
const MAX_CHILDREN: usize = 32;

/// What is known of a child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Child {
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) since: Timestamp,
    /// Its latest sign of life.
    pub(super) at: Timestamp,
    /// What it asks the user, or what its tool does.
    pub(super) detail: Option<Box<str>>,
}

impl Child {
    /// Whether it is at something, or should be.
    const fn runs(&self) -> bool {
        self.state.is_active()
    }
}

/// The children of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Family(BTreeMap<Box<str>, Child>);

impl Family {
    /// Remembers what a child is doing. Returns whether that is news.
    pub(super) fn put(&mut self, parent: &SessionKey, key: &SessionKey, mut child: Child) -> bool {
        let id = child_id(parent, key);
        let told = child.state == State::NeedsInput || matches!(child.reason, Reason::Tool(_));
        child.detail = told
            .then(|| intake::detail(child.detail.as_deref()))
            .flatten();
        if self.0.get(&id) == Some(&child) {
            return false;
        }
        if self.0.len() >= MAX_CHILDREN
            && !self.0.contains_key(&id)
            && let Some(least) = self
                .0
                .iter()
                .min_by_key(|(_, child)| (child.runs(), child.at))
                .map(|(id, _)| id.clone())
        {
            self.0.remove(&least);
        }
        self.0.insert(id, child);
        true
    }

    /// Children that run and of which the client has not said since that they do not.
    fn running<'a>(&'a self, machine: &'a Machine) -> impl Iterator<Item = &'a Child> {
        self.0
            .values()
            .filter(|child| child.runs() && machine.childless < Some(child.at))
    }

    /// How many children run, whether known by themselves or only by the parent's word.
    pub(super) fn count(&self, machine: &Machine) -> u32 {
        let told = machine
            .agents
            .iter()
            .filter(|(id, _)| !self.0.contains_key(id))
            .count();
        (self.running(machine).count() + told) as u32
    }

    /// The latest sign of life of a running child.
    pub(super) fn progress(&self, machine: &Machine) -> Option<Timestamp> {
        self.running(machine).map(|child| child.at).max()
    }

    /// When the last of the children that are over ended.
    pub(super) fn ended(&self) -> Option<Timestamp> {
        let over = self.0.values().filter(|child| !child.runs());
        over.map(|child| child.since).max()
    }

    /// The child that has waited longest for the user.
    pub(super) fn asking<'a>(&'a self, machine: &'a Machine) -> Option<&'a Child> {
        self.running(machine)
            .filter(|child| child.state == State::NeedsInput)
            .filter(|child| !machine.not_waiting_since(child.since))
            .min_by_key(|child| child.since)
    }

    /// The one child that runs a tool: where the parent is asked for a permission that none of its own calls needs,
    /// it is this one's.
    pub(super) fn only_tool<'a>(&'a self, machine: &'a Machine) -> Option<(&'a str, &'a Child)> {
        let mut running = self
            .running(machine)
            .filter_map(|child| match &child.reason {
                Reason::Tool(tool) => Some((&**tool, child)),
                _ => None,
            });
        running.next().filter(|_| running.next().is_none())
    }

    /// The child that gave the latest sign.
    pub(super) fn freshest(&self) -> Option<&Child> {
        self.0.values().max_by_key(|child| child.at)
    }
}

/// A child that shares its parent's session id is known by the rest, which is what the parent calls it.
fn child_id(parent: &SessionKey, key: &SessionKey) -> Box<str> {
    let native = key
        .native_id
        .strip_prefix(&*parent.native_id)
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(&key.native_id);
    intake::id(native)
}
