//! Reads `sessions.json`: session key -> row.
//!
//! OpenClaw replaces the file about six times a turn, with up to 30 kB a row of which a few hundred bytes matter here.
//! So the parser remembers a hash of every row and reports those that changed.
//!
//! A row's counters are no usage: `inputTokens` is that of the last call or run. `status: running` is what the row's
//! writer said at `updatedAt`, also when the gateway died since: it is reported with that time, never as the present.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::turn_ended;
use super::names;
use crate::model::{
    Batch, FactKey, ProblemKind, Relation, SessionKey, SessionPatch, Stamped, Timestamp, Title,
    TitleKind, latest, stamp,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::json::{self, Raw};
use crate::source::line::detail;
use crate::source::{Parser, Want};

/// Largest table of another agent that is looked into for a parent, in bytes.
const MAX_TABLE: u64 = 32 * 1024 * 1024;

/// Parser of one `sessions.json`.
#[derive(Debug)]
pub(super) struct Rows {
    agent: Box<str>,
    /// The folder of all agents.
    agents: PathBuf,
    /// What was wanted when the rows in `seen` were reported, as [`want_bits`].
    reported: u8,
    /// Hashes of the rows as they were last seen.
    seen: BTreeSet<i64>,
}

/// A row of the table, also as the databases of today keep it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::source::openclaw) struct Row<'a> {
    #[serde(borrow)]
    session_id: Raw<'a>,
    #[serde(borrow)]
    session_file: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) updated_at: Raw<'a>,
    #[serde(borrow)]
    session_started_at: Raw<'a>,
    #[serde(borrow)]
    last_interaction_at: Raw<'a>,
    #[serde(borrow)]
    last_activity_at: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    started_at: Raw<'a>,
    #[serde(borrow)]
    ended_at: Raw<'a>,
    #[serde(borrow)]
    aborted_last_run: Raw<'a>,
    #[serde(borrow)]
    last_run_error: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    total_tokens: Raw<'a>,
    #[serde(borrow)]
    total_tokens_fresh: Raw<'a>,
    #[serde(borrow)]
    context_tokens: Raw<'a>,
    #[serde(borrow)]
    label: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) display_name: Raw<'a>,
    #[serde(borrow)]
    subject: Raw<'a>,
    #[serde(borrow)]
    chat_type: Raw<'a>,
    #[serde(borrow)]
    channel: Raw<'a>,
    #[serde(borrow)]
    last_channel: Raw<'a>,
    #[serde(borrow)]
    origin: Raw<'a>,
    #[serde(borrow)]
    spawned_by: Raw<'a>,
    #[serde(borrow)]
    subagent_role: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Origin<'a> {
    #[serde(borrow)]
    label: Raw<'a>,
    #[serde(borrow)]
    provider: Raw<'a>,
    #[serde(borrow)]
    chat_type: Raw<'a>,
}

/// All rows of a file as they stand in it.
type Table<'a> = BTreeMap<String, &'a RawValue>;

impl Rows {
    pub(super) fn new(root: &Path, agent: &str) -> Self {
        Self {
            agent: agent.into(),
            agents: root.join("agents"),
            reported: 0,
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn resume(root: &Path, agent: &str, state: &[u8]) -> Option<Self> {
        let (&reported, hashes) = state.split_first()?;
        let (hashes, rest) = hashes.as_chunks::<8>();
        rest.is_empty().then(|| Self {
            reported,
            seen: hashes.iter().copied().map(i64::from_le_bytes).collect(),
            ..Self::new(root, agent)
        })
    }

    fn table(&mut self, table: &Table<'_>, want: Want, out: &mut Batch) {
        let wanted = want_bits(want);
        if self.reported & wanted != wanted {
            self.seen.clear();
        }
        let mut seen = BTreeSet::new();
        for (key, raw) in table {
            let hash = FactKey::new("openclaw.row", &[key.as_bytes(), raw.get().as_bytes()]).0;
            let reported = self.seen.contains(&hash)
                || match json::object::<Row<'_>>(Some(raw)) {
                    Some(row) => self.row(key, &row, table, want, out),
                    None => false,
                };
            if reported {
                seen.insert(hash);
            } else {
                // Not remembered: it is to be counted at every reading, like other problems of the file.
                out.problem(ProblemKind::BadField, 0, "session row");
            }
        }
        self.seen = seen;
        self.reported = wanted;
    }

    /// Reports one row; `false` if it names no session.
    fn row(
        &self,
        key: &str,
        row: &Row<'_>,
        table: &Table<'_>,
        want: Want,
        out: &mut Batch,
    ) -> bool {
        let Some(session) = row.session(&self.agent) else {
            return false;
        };
        let parent = || {
            let address = row.spawned_by(&self.agent)?;
            match names::agent_of(&address).filter(|agent| *agent != &*self.agent) {
                // That agent's rows are in its own file.
                Some(agent) => {
                    let bytes = read(&self.agents.join(agent).join("sessions/sessions.json"))?;
                    let table: Table<'_> = serde_json::from_slice(&bytes).ok()?;
                    parent(&address, agent, row, &table)
                }
                None => parent(&address, &self.agent, row, table),
            }
        };
        let parent = parent().filter(|_| want.accounting);
        row.report(
            &names::address(key, &self.agent),
            &session,
            parent,
            want,
            out,
        );
        true
    }
}

/// The session that stands under an address, if it has not been pointed at a newer transcript since it spawned `row`.
fn parent(address: &str, agent: &str, row: &Row<'_>, table: &Table<'_>) -> Option<SessionKey> {
    let mut rows = table.iter();
    let (_, raw) = rows.find(|(key, _)| names::address(key, agent) == address)?;
    let parent: Row<'_> = json::object(Some(raw))?;
    let begun = row.started();
    if begun.is_some() && parent.started() > begun {
        return None;
    }
    parent.session(agent)
}

/// An ordinary file of a size that rows have.
fn read(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    let is_fit = metadata.is_file() && metadata.len() <= MAX_TABLE;
    is_fit.then(|| fs::read(path).ok()).flatten()
}

impl Row<'_> {
    /// Reports what the row says of its session.
    pub(in crate::source::openclaw) fn report(
        &self,
        address: &str,
        key: &SessionKey,
        parent: Option<SessionKey>,
        want: Want,
        out: &mut Batch,
    ) {
        let session = out.session(key);
        if want.accounting {
            let patch = out.patch(session);
            self.describe(address, patch);
            if let Some(parent) = parent.filter(|parent| parent != key) {
                patch.propose_parent(Some((parent, Relation::Spawned)));
            }
        }
        if want.evidence {
            for (at, signal) in self.signs() {
                let source = EvidenceSource::Row;
                out.evidence(session, Evidence { at, source, signal });
            }
        }
    }

    /// The address of the session that spawned this one.
    pub(in crate::source::openclaw) fn spawned_by(&self, agent: &str) -> Option<String> {
        let spawned_by = json::text(self.spawned_by)?;
        Some(names::address(&spawned_by, agent))
    }

    /// When the conversation began.
    pub(in crate::source::openclaw) fn started(&self) -> Option<Timestamp> {
        json::time(self.session_started_at)
    }

    /// The transcript in use. Newer rows have a session key in `sessionFile`, which names no file.
    pub(in crate::source::openclaw) fn session(&self, agent: &str) -> Option<SessionKey> {
        let file = json::text(self.session_file);
        file.and_then(|path| names::session_at(&path, agent))
            .or_else(|| {
                let id = json::text(self.session_id)?;
                (!id.is_empty()).then(|| names::session_key(agent, &id))
            })
    }

    /// When something last happened in the conversation. Clawdbot's rows only say when they were written.
    fn active_at(&self) -> Option<Timestamp> {
        let events = [
            self.last_interaction_at,
            self.last_activity_at,
            self.started_at,
            self.ended_at,
        ];
        let latest = events.into_iter().filter_map(json::time).max();
        latest.or_else(|| json::time(self.updated_at))
    }

    /// Adds what the row says about its session.
    fn describe(&self, address: &str, patch: &mut SessionPatch) {
        // An undated row yields to any other.
        let at = json::time(self.updated_at).unwrap_or_default();
        for sign in [json::time(self.session_started_at), self.active_at()] {
            sign.into_iter().for_each(|at| patch.touch(at));
        }
        stamp(&mut patch.address, at, address);
        if let Some(model) = json::text(self.model) {
            stamp(&mut patch.model, at, &model);
        }
        let context = self.context().map(|value| Stamped { at, value });
        latest(&mut patch.context, context);
        let origin: Origin<'_> = json::object(self.origin).unwrap_or_default();
        let client = json::text(origin.label);
        let title = |kind, text: Option<Cow<'_, str>>| Title::new(kind, at, &text?);
        patch.propose_title(title(TitleKind::Custom, json::text(self.label)));
        // The display name of a direct chat is that of the client.
        let display_name =
            json::text(self.display_name).filter(|name| Some(name) != client.as_ref());
        let group = || json::text(self.subject);
        patch.propose_title(title(TitleKind::Agent, display_name.or_else(group)));

        let lane = lane(address);
        if lane == Some("subagent") {
            let role = json::text(self.subagent_role).unwrap_or(Cow::Borrowed("subagent"));
            stamp(&mut patch.role, at, &role);
        }
        let channel = json::text(self.channel.or(self.last_channel).or(origin.provider));
        let chat = json::text(self.chat_type.or(origin.chat_type));
        let entrypoint = match (lane, channel, chat) {
            (Some(lane), ..) => Some(lane.to_owned()),
            (None, Some(channel), Some(chat)) => Some(format!("{channel}/{chat}")),
            (None, channel, chat) => channel.or(chat).map(Cow::into_owned),
        };
        if let Some(entrypoint) = entrypoint {
            stamp(&mut patch.entrypoint, at, &entrypoint);
        }
    }

    /// The size of the last prompt and of the window, unless the row says that it is out of date.
    fn context(&self) -> Option<(u64, Option<u64>)> {
        let positive = |field| json::count(field).filter(|&count| count > 0);
        let fresh = json::flag(self.total_tokens_fresh) != Some(false);
        let tokens = positive(self.total_tokens).filter(|_| fresh)?;
        Some((tokens, positive(self.context_tokens)))
    }

    /// What the row says about the state, each with the time at which it was true.
    ///
    /// Without a status it says nothing unless the run was aborted: that Clawdbot wrote the row is no sign of work, as
    /// it does so after a turn as well as before.
    pub(in crate::source::openclaw) fn signs(&self) -> Vec<(Timestamp, Signal)> {
        let mut signs = Vec::new();
        let Some(updated) = json::time(self.updated_at) else {
            return signs;
        };
        let ended = json::time(self.ended_at).unwrap_or(updated);
        let aborted = json::flag(self.aborted_last_run) == Some(true);
        let failed = |class: &str| Signal::TurnFailed {
            class: class.into(),
            message: json::text(self.last_run_error).and_then(|error| detail(&error)),
        };
        match json::text(self.status).as_deref() {
            Some("running") => signs.push((updated, Signal::ModelActive)),
            Some("failed") => signs.push((ended, failed("run_failed"))),
            Some("timeout") => signs.push((ended, failed("timeout"))),
            Some("killed") => signs.push((ended, Signal::Aborted)),
            _ if aborted => signs.push((ended, Signal::Aborted)),
            Some("done") => signs.push((ended, turn_ended())),
            _ => {}
        }
        if let Some((tokens, Some(window))) = self.context() {
            let fraction = tokens as f64 / window as f64;
            signs.push((updated, Signal::ContextUsed { fraction }));
        }
        signs
    }
}

/// The first part of a session key where it names no chat: who asks here is not a person on a channel.
fn lane(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("agent:")?.split_once(':')?.1;
    let first = rest.split(':').next().unwrap_or(rest);
    ["cron", "subagent", "hook", "openai", "acp"]
        .contains(&first)
        .then_some(first)
}

fn want_bits(want: Want) -> u8 {
    u8::from(want.accounting) | u8::from(want.evidence) << 1
}

impl Parser for Rows {
    fn feed(&mut self, _base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || want_bits(want) == 0 {
            return;
        }
        if let Ok(table) = serde_json::from_str(text) {
            return self.table(&table, want, out);
        }
        // OpenClaw itself reads the file as JSON5: people edit it.
        let json = json::json5_to_json(text).unwrap_or_default();
        match serde_json::from_str(&json) {
            Ok(table) => self.table(&table, want, out),
            Err(_) => out.problem(ProblemKind::Malformed, 0, "sessions.json"),
        }
    }

    fn state(&self) -> Vec<u8> {
        let hashes = self.seen.iter().flat_map(|hash| hash.to_le_bytes());
        std::iter::once(self.reported).chain(hashes).collect()
    }
}
