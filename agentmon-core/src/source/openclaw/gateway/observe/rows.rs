//! Rows: which session stands under which key, and, after a gap, what each is doing.

use serde::Deserialize;

use super::{About, LAG, Observer, Wishes, is_name, tell};
use crate::model::{Batch, SessionKey, Timestamp, Title, TitleKind};
use crate::session::Signal;
use crate::source::Want;
use crate::source::json::{self, Raw};
use crate::source::openclaw::files::names;
use crate::source::openclaw::files::rows::Row;
use crate::source::openclaw::gateway::frame::Payload;

/// What a row says beside what the files' rows say.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extra<'a> {
    #[serde(borrow)]
    key: Raw<'a>,
    #[serde(borrow)]
    agent_id: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    has_active_run: Raw<'a>,
    #[serde(borrow)]
    active_run_ids: Raw<'a>,
    #[serde(borrow)]
    derived_title: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct List<'a> {
    #[serde(borrow)]
    sessions: Raw<'a>,
    #[serde(borrow)]
    list: Raw<'a>,
    #[serde(borrow)]
    ts: Raw<'a>,
    #[serde(borrow)]
    has_more: Raw<'a>,
    #[serde(borrow)]
    next_offset: Raw<'a>,
}

/// What a list leaves to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listed {
    /// Rows that were read.
    pub rows: usize,
    /// Where the list goes on.
    pub next_offset: Option<u64>,
}

impl Observer {
    /// A list of sessions, as `sessions.list` and `sessions.subscribe` answer. After a gap it says what each is doing.
    pub fn listed(
        &mut self,
        payload: Payload<'_>,
        after_gap: bool,
        now: Timestamp,
        out: &mut Batch,
    ) -> Listed {
        let mut list: List<'_> = json::object(payload.0).unwrap_or_default();
        if let Some(inner) = json::object(list.list) {
            list = inner;
        }
        let at = json::time(list.ts).unwrap_or(now).min(now);
        let rows = json::elements(list.sessions);
        // Twice: a row may name a parent that comes after it.
        for row in &rows {
            self.row(Some(row), None, out);
        }
        for row in &rows {
            let gap = after_gap.then_some(at);
            self.row(Some(row), Some(gap), out);
        }
        Listed {
            rows: rows.len(),
            next_offset: json::count(list.next_offset)
                .filter(|_| json::flag(list.has_more) == Some(true)),
        }
    }

    /// What is asked of operators now, as `exec.approval.list` answers: what is not in it was answered unheard.
    pub fn approvals(&mut self, payload: Payload<'_>, now: Timestamp, out: &mut Batch) -> Wishes {
        let mut wishes = Wishes::default();
        let open = json::elements(payload.0);
        let ids: Vec<_> = open
            .iter()
            .filter_map(|raw| {
                #[derive(Default, Deserialize)]
                #[serde(default)]
                struct Id<'a> {
                    #[serde(borrow)]
                    id: Raw<'a>,
                }
                json::text(json::object::<Id<'_>>(Some(raw))?.id)
            })
            .collect();
        let gone = self
            .asks
            .iter()
            .filter(|(id, _)| !ids.iter().any(|open| **open == ***id));
        let gone: Vec<_> = gone
            .map(|(id, address)| (id.clone(), address.clone()))
            .collect();
        for (id, address) in gone {
            self.settle(&address, &id, now, &mut wishes, out);
        }
        for raw in open {
            self.asked(Some(raw), now, &mut wishes, out);
        }
        wishes
    }

    /// A session changed. The row comes with most changes.
    pub(super) fn changed(
        &mut self,
        payload: Payload<'_>,
        now: Timestamp,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        let about: About<'_> = json::object(payload.0).unwrap_or_default();
        let at = json::time(about.ts).unwrap_or(now).min(now);
        if json::text(about.reason).as_deref() == Some("delete") {
            if let Some((address, agent)) = about.address() {
                let key = json::text(about.session_id).map(|id| names::session_key(&agent, &id));
                let known = self.sessions.remove(&address).map(|known| known.key);
                if let Some(key) = key.or(known) {
                    let reason = "deleted".into();
                    tell(&key, at, Signal::SessionEnded { reason }, out);
                }
            }
            return;
        }
        match about.session {
            Some(row) => self.row(Some(row), Some(None), out),
            None => wishes.list |= about.session_key.is_some(),
        }
    }

    /// Reads a row. `report` is `None` where only the keys are wanted; what it holds is the time of a list after a gap.
    pub(super) fn row(&mut self, raw: Raw<'_>, report: Option<Option<Timestamp>>, out: &mut Batch) {
        let (Some(mut row), Some(extra)) =
            (json::object::<Row<'_>>(raw), json::object::<Extra<'_>>(raw))
        else {
            return;
        };
        let stated = json::text(extra.agent_id).filter(|agent| is_name(agent));
        let key = json::text(extra.key).filter(|key| (1..=512).contains(&key.len()));
        let Some(key) = key else { return };
        let address = names::address(&key, stated.as_deref().unwrap_or("main"));
        let agent = names::agent_of(&address)
            .or(stated.as_deref())
            .unwrap_or("main")
            .to_owned();
        let Some(session) = row.session(&agent) else {
            return;
        };
        let known = self.learn(&address, session.clone(), out);
        known.started = row.started().or(known.started);
        known.updated = json::time(row.updated_at)
            .unwrap_or_default()
            .max(known.updated);
        let Some(gap) = report else { return };
        let parent = row
            .spawned_by(&agent)
            .and_then(|address| self.session(&address).cloned());
        // Where nobody gave a name, older gateways make one of the channel and the key.
        row.display_name = row.display_name.filter(|_| self.protocol >= 4);
        row.report(&address, &session, parent, Want::ACCOUNTING, out);
        if let Some(title) = json::text(extra.derived_title) {
            let at = json::time(row.updated_at).unwrap_or_default();
            let index = out.session(&session);
            out.patch(index)
                .propose_title(Title::new(TitleKind::Summary, at, &title));
        }
        let is_active = json::flag(extra.has_active_run);
        let is_over = is_active == Some(false)
            && self
                .sessions
                .get(&*address)
                .is_some_and(|known| !known.runs.is_empty());
        if let Some(at) = gap {
            self.after_gap(&address, &session, &row, &extra, at, out);
        } else if is_over && json::text(extra.status).as_deref() != Some("running") {
            // The end of its runs was not told.
            self.stands(&address, &session, &row, out);
        }
    }

    /// What a row says is going on, where events may have been missed.
    fn after_gap(
        &mut self,
        address: &str,
        session: &SessionKey,
        row: &Row<'_>,
        extra: &Extra<'_>,
        at: Timestamp,
        out: &mut Batch,
    ) {
        if self.protocol < 4 {
            // Such rows only say whether the last run was aborted. Transcripts say the rest.
            if let Some(known) = self.sessions.get_mut(address) {
                known.unconfirmed = known.unconfirmed.or(Some(known.updated));
            }
            for (at, signal) in row.signs() {
                tell(session, at, signal, out);
            }
            return;
        }
        let says_running = json::text(extra.status).as_deref() == Some("running");
        if json::flag(extra.has_active_run) == Some(true) {
            let Some(known) = self.sessions.get_mut(address) else {
                return;
            };
            known.unconfirmed = None;
            // Where it does not say which, events will: a run that is gone would be waited for in vain.
            let runs = json::strings(extra.active_run_ids);
            known
                .runs
                .retain(|run, _| runs.iter().any(|active| **active == **run));
            for run in runs.into_iter().take(super::MAX_RUNS) {
                known.runs.entry(run.into()).or_default();
            }
            if known.asks.is_empty() {
                known.told = at;
                tell(session, at, Signal::ModelActive, out);
            }
        } else if says_running {
            // Written by a gateway that is no more: nothing runs, whatever the row says.
            if let Some(known) = self.sessions.get_mut(address) {
                known.runs.clear();
            }
            tell(session, at, Signal::ProcessGone, out);
        } else {
            self.stands(address, session, row, out);
        }
    }

    /// What a row says of a session at which nothing goes on.
    fn stands(&mut self, address: &str, session: &SessionKey, row: &Row<'_>, out: &mut Batch) {
        let Some(known) = self.sessions.get_mut(address) else {
            return;
        };
        known.runs.clear();
        known.unconfirmed = None;
        // Events told better how it ended.
        let ended = known.ended + LAG;
        for (at, signal) in row.signs() {
            if at > ended || matches!(signal, Signal::ContextUsed { .. }) {
                tell(session, at, signal, out);
            }
        }
    }
}
