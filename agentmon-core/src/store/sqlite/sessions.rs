//! Writing sessions: loads them, runs the state machine over what was observed, lets parents hear of their children,
//! and writes the rows back.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::dimensions;
use crate::ingest::project::Project;
use crate::model::{AgentKind, Relation, SessionKey, SessionPatch, Stamped, Timestamp};
use crate::session::{Change, Evidence, Input, Session, StatePolicy};
use crate::source::read::EVIDENCE_AGE;
use crate::store::StoreError;

/// Sessions kept in memory between transactions.
const CACHED: usize = 1024;

/// Generations of parents that hear of a change. Agents nest subagents a few levels deep.
const MAX_GENERATIONS: usize = 8;

/// What one transaction did to one session.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreChange {
    /// The session.
    pub key: SessionKey,
    /// Whether it was not known before.
    pub created: bool,
    /// What changed, in order.
    pub changes: Vec<Change>,
}

#[derive(Debug)]
struct Known {
    id: i64,
    session: Session,
    project: Option<(i64, Option<Box<str>>)>,
    /// Not in the table yet.
    new: bool,
    /// What the current transaction changed.
    changes: Vec<Change>,
}

/// The sessions at hand.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Boxed: a session is large, and a growing table would copy all of them.
    known: HashMap<SessionKey, Box<Known>>,
    touched: BTreeSet<SessionKey>,
    next_id: i64,
}

impl Sessions {
    /// Forgets everything that is not in the table: after a transaction that failed, or when there is too much.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes in what was observed of a session and returns its id.
    pub(super) fn observe(
        &mut self,
        connection: &Connection,
        patch: &SessionPatch,
        project: Option<&Project>,
        now: Timestamp,
        policy: &StatePolicy,
    ) -> Result<i64, StoreError> {
        if let Some((parent, _)) = &patch.parent {
            self.get(connection, parent)?;
        }
        let project = project.map(|project| {
            let id =
                dimensions::project(connection, &project.root.to_string_lossy(), &project.name)?;
            Ok::<_, rusqlite::Error>((id, project.worktree.as_deref().map(Into::into)))
        });
        let known = self.get(connection, &patch.key)?;
        if let Some(project) = project {
            known.project = Some(project?);
        }
        known
            .session
            .apply(Input::Facts(patch), now, policy, &mut known.changes);
        let id = known.id;
        if !self.touched.contains(&patch.key) {
            self.touched.insert(patch.key.clone());
        }
        Ok(id)
    }

    /// What is known of a session.
    pub(super) fn facts(
        &mut self,
        connection: &Connection,
        key: &SessionKey,
    ) -> Result<&SessionPatch, StoreError> {
        Ok(&self.get(connection, key)?.session.facts)
    }

    /// Takes in signs of what a session is doing.
    pub(super) fn witness<'a>(
        &mut self,
        key: &SessionKey,
        signs: impl Iterator<Item = &'a Evidence>,
        now: Timestamp,
        policy: &StatePolicy,
    ) {
        let Some(known) = self.known.get_mut(key) else {
            return;
        };
        for sign in signs {
            let input = Input::Evidence(sign);
            known.session.apply(input, now, policy, &mut known.changes);
        }
    }

    /// Brings a session up to the present, whatever else happened.
    pub(super) fn tick(
        &mut self,
        connection: &Connection,
        key: &SessionKey,
    ) -> Result<(), StoreError> {
        self.get(connection, key)?;
        self.touched.insert(key.clone());
        Ok(())
    }

    /// Brings the touched sessions up to the present, tells their parents, and writes all of them. Returns what
    /// changed.
    pub(super) fn flush(
        &mut self,
        connection: &Connection,
        now: Timestamp,
        policy: &StatePolicy,
    ) -> Result<Vec<StoreChange>, StoreError> {
        let mut written = BTreeSet::new();
        let mut generation = std::mem::take(&mut self.touched);
        for _ in 0..MAX_GENERATIONS {
            let mut parents = BTreeSet::new();
            for key in &generation {
                let Some(known) = self.known.get_mut(key) else {
                    continue;
                };
                known
                    .session
                    .apply(Input::Tick, now, policy, &mut known.changes);
                if let Some(parent) = self.tell_parent(connection, key, now, policy)? {
                    parents.insert(parent);
                }
            }
            written.append(&mut generation);
            if parents.is_empty() {
                break;
            }
            generation = parents;
        }
        let mut changes = Vec::new();
        for key in written {
            self.write(connection, &key, now, policy, &mut changes)?;
        }
        if self.are_many() {
            self.clear();
        }
        Ok(changes)
    }

    /// Whether there are more than should be at hand: a flush then puts them away.
    pub(super) fn are_many(&self) -> bool {
        self.known.len() > CACHED
    }

    /// Lets the parent of a session know what it is doing. Returns the parent if that changed anything.
    fn tell_parent(
        &mut self,
        connection: &Connection,
        key: &SessionKey,
        now: Timestamp,
        policy: &StatePolicy,
    ) -> Result<Option<SessionKey>, StoreError> {
        let Some(child) = self.known.get(key).map(|known| &known.session) else {
            return Ok(None);
        };
        let Some((parent, Relation::Within | Relation::Spawned)) = child.facts.parent.clone()
        else {
            return Ok(None);
        };
        let verdict = child.verdict.clone();
        let at = child.facts.last_activity_at.unwrap_or(verdict.since);
        let known = self.get(connection, &parent)?;
        let before = known.session.clone();
        let input = Input::Child {
            key,
            state: verdict.state,
            reason: &verdict.reason,
            since: verdict.since,
            at,
            detail: verdict.detail.as_deref(),
        };
        known.session.apply(input, now, policy, &mut known.changes);
        Ok((known.session != before).then_some(parent))
    }

    /// The session with that key: from memory, from the table, or a new one.
    fn get(&mut self, connection: &Connection, key: &SessionKey) -> Result<&mut Known, StoreError> {
        if !self.known.contains_key(key) {
            let known = match load(connection, key)? {
                Some(known) => known,
                None => {
                    if self.next_id == 0 {
                        let last = connection.query_row(
                            "SELECT coalesce(max(id), 0) FROM session",
                            [],
                            |row| row.get(0),
                        );
                        self.next_id = 1 + last.map(|last: i64| last)?;
                    }
                    let id = self.next_id;
                    self.next_id += 1;
                    let session = Session::new(key.clone());
                    // A parent that is only spoken of gets a row too, so that it has an id.
                    self.touched.insert(key.clone());
                    Known {
                        id,
                        session,
                        project: None,
                        new: true,
                        changes: Vec::new(),
                    }
                }
            };
            self.known.insert(key.clone(), Box::new(known));
        }
        Ok(self
            .known
            .get_mut(key)
            .expect("inserted above when it was missing"))
    }

    fn write(
        &mut self,
        connection: &Connection,
        key: &SessionKey,
        now: Timestamp,
        policy: &StatePolicy,
        changes: &mut Vec<StoreChange>,
    ) -> Result<(), StoreError> {
        let parent = self
            .known
            .get(key)
            .and_then(|known| known.session.facts.parent.clone());
        let parent_id = match &parent {
            Some((parent, _)) => Some(self.get(connection, parent)?.id),
            None => None,
        };
        let Some(known) = self.known.get_mut(key) else {
            return Ok(());
        };
        let relation = parent.map(|(_, relation)| relation);
        let report_as = parent_id
            .filter(|_| relation == Some(Relation::Within))
            .unwrap_or(known.id);
        upsert(
            connection, known, parent_id, relation, report_as, now, policy,
        )?;
        let done = std::mem::take(&mut known.changes);
        let created = std::mem::take(&mut known.new);
        for change in &done {
            let Change::State(transition) = change else {
                continue;
            };
            // How a session of long ago went before anybody looked is a reconstruction, and not kept.
            if created && now - transition.at > EVIDENCE_AGE {
                continue;
            }
            let body = serde_json::to_string(transition).map_err(unwritable)?;
            connection
                .prepare_cached("INSERT INTO transition (session, at, body) VALUES (?1, ?2, ?3)")?
                .execute(params![known.id, transition.at.0, body])?;
        }
        if created || !done.is_empty() {
            changes.push(StoreChange {
                key: key.clone(),
                created,
                changes: done,
            });
        }
        Ok(())
    }
}

fn unwritable(source: serde_json::Error) -> StoreError {
    StoreError::Value {
        what: "session",
        source,
    }
}

fn load(connection: &Connection, key: &SessionKey) -> Result<Option<Known>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT id, body, project, worktree FROM session WHERE agent = ?1 AND native_id = ?2",
    )?;
    let row = select
        .query_row(params![key.agent.as_str(), &*key.native_id], |row| {
            let project: Option<i64> = row.get(2)?;
            let worktree: Option<String> = row.get(3)?;
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                project.map(|id| (id, worktree.map(Into::into))),
            ))
        })
        .optional()?;
    let Some((id, body, project)) = row else {
        return Ok(None);
    };
    let session = serde_json::from_str(&body).map_err(|source| StoreError::Value {
        what: "session",
        source,
    })?;
    Ok(Some(Known {
        id,
        session,
        project,
        new: false,
        changes: Vec::new(),
    }))
}

fn upsert(
    connection: &Connection,
    known: &Known,
    parent: Option<i64>,
    relation: Option<Relation>,
    report_as: i64,
    now: Timestamp,
    policy: &StatePolicy,
) -> Result<(), StoreError> {
    let Session { facts, verdict, .. } = &known.session;
    let blocked = known.session.blocked(now);
    let reported = facts
        .reported
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(unwritable)?;
    let body = serde_json::to_string(&known.session).map_err(unwritable)?;
    let (context_used, context_window) = facts.context.as_ref().map_or((None, None), |context| {
        (
            Some(context.value.0 as i64),
            context.value.1.map(|window| window as i64),
        )
    });
    let text = |field: &Option<Stamped<Box<str>>>| field.as_ref().map(|field| field.value.clone());
    connection
        .prepare_cached(
            "INSERT INTO session (id, agent, native_id, parent, relation, report_as, project, worktree, state, reason,
                 detail, liveness, since, deadline, title, branch, cwd, model, version, entrypoint, role, started_at,
                 last_activity_at, context_used, context_window, progress_done, progress_total, blocked_ms, pid,
                 transcript, reported, body, host)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                 ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33)
             ON CONFLICT (id) DO UPDATE SET
                 parent = excluded.parent, relation = excluded.relation, report_as = excluded.report_as,
                 project = excluded.project, worktree = excluded.worktree, state = excluded.state,
                 reason = excluded.reason, detail = excluded.detail, liveness = excluded.liveness,
                 since = excluded.since, deadline = excluded.deadline, title = excluded.title,
                 branch = excluded.branch, cwd = excluded.cwd, model = excluded.model, version = excluded.version,
                 entrypoint = excluded.entrypoint, role = excluded.role, started_at = excluded.started_at,
                 last_activity_at = excluded.last_activity_at, context_used = excluded.context_used,
                 context_window = excluded.context_window, progress_done = excluded.progress_done,
                 progress_total = excluded.progress_total, blocked_ms = excluded.blocked_ms, pid = excluded.pid,
                 transcript = excluded.transcript, reported = excluded.reported, body = excluded.body,
                 host = excluded.host",
        )?
        .execute(params![
            known.id,
            facts.key.agent.as_str(),
            &*facts.key.native_id,
            parent,
            relation.map(relation_name),
            report_as,
            known.project.as_ref().map(|(id, _)| *id),
            known.project.as_ref().and_then(|(_, worktree)| worktree.clone()),
            verdict.state.as_str(),
            verdict.reason.to_string(),
            verdict.detail.as_deref(),
            verdict.liveness.as_str(),
            verdict.since.0,
            known.session.next_deadline(policy).map(|at| at.0),
            facts.title.as_ref().map(|title| title.text.clone()),
            text(&facts.branch),
            text(&facts.cwd),
            text(&facts.model),
            text(&facts.version),
            text(&facts.entrypoint),
            text(&facts.role),
            facts.started_at.map(|at| at.0),
            facts.last_activity_at.map(|at| at.0),
            context_used,
            context_window,
            facts.progress.as_ref().map(|progress| progress.value.done),
            facts.progress.as_ref().map(|progress| progress.value.total),
            blocked.needs_input.0.saturating_add(blocked.idle_unseen.0),
            facts.process.as_ref().map(|process| process.value.0),
            text(&facts.transcript),
            reported,
            body,
            facts.host.as_ref().map(|host| &*host.name),
        ])?;
    Ok(())
}

const RELATIONS: [(Relation, &str); 3] = [
    (Relation::Within, "within"),
    (Relation::Spawned, "spawned"),
    (Relation::Fork, "fork"),
];

fn relation_name(relation: Relation) -> &'static str {
    RELATIONS
        .iter()
        .find(|(known, _)| *known == relation)
        .map_or("spawned", |(_, name)| name)
}

/// The relation of that name.
pub(super) fn relation_of(name: &str) -> Option<Relation> {
    RELATIONS
        .iter()
        .find(|(_, known)| *known == name)
        .map(|(relation, _)| *relation)
}

/// Sessions whose state may have changed by the passing of time alone.
pub(super) fn overdue(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<Vec<SessionKey>> {
    let mut select =
        connection.prepare_cached("SELECT agent, native_id FROM session WHERE deadline <= ?1")?;
    let rows = select.query_map([now.0], |row| {
        Ok(SessionKey::new(
            AgentKind::from(row.get::<_, String>(0)?),
            row.get::<_, String>(1)?,
        ))
    })?;
    rows.collect()
}

/// When the next session is due.
pub(super) fn next_deadline(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let mut select = connection.prepare_cached("SELECT min(deadline) FROM session")?;
    select
        .query_row([], |row| row.get::<_, Option<i64>>(0))
        .map(|at| at.map(Timestamp))
}
