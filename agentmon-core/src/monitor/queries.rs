//! Questions and answers. Every method reads one consistent state of the store.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::Monitor;
use crate::Error;
use crate::model::{Relation, SessionKey};
use crate::query::{
    DbBackup, DbCheck, DbStats, DbVacuum, EventFilter, EventPage, EventRow, Explanation, QuotaView,
    RootState, SessionDetail, SessionFilter, SessionList, SessionView, SourceProblem, SourceReport,
    UsageQuery, UsageReport, cross_check, explanation, report,
};
use crate::store::StoreError;
use crate::store::sqlite::{self, Writer};

/// Events in the timeline of a session's detail.
const TIMELINE: usize = 200;
/// Transitions in an explanation.
const TRANSITIONS: usize = 100;
/// Sessions named when an id is ambiguous.
const CANDIDATES: usize = 6;

impl Monitor {
    /// A usage report.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn usage(&self, query: &UsageQuery) -> Result<UsageReport, Error> {
        let data = self
            .inner
            .read(|connection| sqlite::usage(connection, query))?;
        let prices = query.cache_savings.then_some(&*self.inner.book);
        Ok(report(query, &data, prices, self.inner.clock.now()))
    }

    /// Sessions that match a filter, the one active most lately first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn sessions(&self, filter: &SessionFilter) -> Result<SessionList, Error> {
        self.inner.read(|connection| {
            let (rows, matching) = sqlite::sessions(connection, filter)?;
            Ok(SessionList {
                sessions: views(connection, rows)?,
                matching,
            })
        })
    }

    /// The sessions in whose names these are reported (a subagent's is its parent's), each once.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn reported_as(&self, keys: &[SessionKey]) -> Result<Vec<SessionView>, Error> {
        self.inner
            .read(|connection| views(connection, sqlite::reported_as(connection, keys)?))
    }

    /// Everything about one session, by its id or a beginning of it that no other has.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Store`].
    pub fn session(&self, id: &str) -> Result<SessionDetail, Error> {
        let row = self.resolve(id)?;
        self.inner.read(|connection| {
            let filter = SessionFilter {
                parent: Some(row.view.key.to_string().into()),
                within: true,
                ..SessionFilter::default()
            };
            let (mut children, _) = sqlite::sessions(connection, &filter)?;
            children.retain(|child| {
                child
                    .view
                    .parent
                    .as_ref()
                    .is_some_and(|(parent, _)| *parent == row.view.key)
            });
            children.sort_by_key(|child| child.view.started_at);
            let mut models = if row.report_as == row.id {
                sqlite::session_sums(connection, &[row.id])?
                    .remove(&row.id)
                    .unwrap_or_default()
            } else {
                sqlite::own_sums(connection, row.id)?
            };
            models.sort_by_key(|model| std::cmp::Reverse(model.sums.cost));
            let session = sqlite::load(connection, row.id)?;
            let facts = session.map(|session| session.facts);
            let (timeline, timeline_truncated) = sqlite::timeline(connection, row.id, TIMELINE)?;
            let tools = sqlite::tools(connection, row.id)?;
            // A fork's own count starts with its parent's: it says nothing of the fork alone.
            let is_fork = matches!(row.view.parent, Some((_, Relation::Fork)));
            let reported = match facts.and_then(|facts| facts.reported) {
                None => sqlite::own_totals(connection, row.id).map_err(StoreError::from)?,
                written => written,
            };
            let reported = reported.filter(|_| !is_fork);
            let reported = reported.map(|reported| reported.value).unwrap_or_default();
            let (reported, unattributed) = cross_check(&row.view.key, &reported, &models);
            let session = views(connection, vec![row])?.remove(0);
            let children = views(connection, children)?;
            Ok(SessionDetail {
                session,
                children,
                models,
                tools,
                timeline,
                timeline_truncated,
                reported,
                unattributed,
            })
        })
    }

    /// Whether a session of that agent and id is stored.
    #[must_use]
    pub fn knows(&self, key: &SessionKey) -> bool {
        let found = self.resolve(&key.to_string());
        found.is_ok_and(|row| row.view.key == *key)
    }

    /// Why a session is believed to be in its state.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Store`].
    pub fn explain(&self, id: &str) -> Result<Explanation, Error> {
        let row = self.resolve(id)?;
        self.inner.read(|connection| {
            let session = sqlite::load(connection, row.id)?;
            let transitions = sqlite::transitions(connection, row.id, TRANSITIONS)?;
            let view = views(connection, vec![row])?.remove(0);
            Ok(explanation(view, session.as_ref(), transitions))
        })
    }

    /// A page of events.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn events(&self, filter: &EventFilter) -> Result<EventPage, Error> {
        self.inner
            .read(|connection| sqlite::events(connection, filter))
    }

    /// The events after row `after` that match a filter, in the order in which they were stored, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn events_after(
        &self,
        filter: &EventFilter,
        after: i64,
        limit: usize,
    ) -> Result<Vec<EventRow>, Error> {
        self.inner
            .read(|connection| sqlite::events_after(connection, filter, after, limit))
    }

    /// Plan limits as last reported.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn quotas(&self) -> Result<Vec<QuotaView>, Error> {
        let now = self.inner.clock.now();
        let windows = self.inner.read(sqlite::quotas)?;
        let view = |window: crate::model::QuotaWindow| QuotaView {
            expired: window.resets_at.is_some_and(|at| at <= now),
            window,
        };
        Ok(windows.into_iter().map(view).collect())
    }

    /// Where was looked, what was found, what was skipped.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn sources(&self) -> Result<Vec<SourceReport>, Error> {
        let mut reports = Vec::new();
        for found in self.inner.find() {
            let walked = &found.walked;
            let files: Vec<&PathBuf> = walked.files.iter().map(|file| &file.info.path).collect();
            let skipped = self.inner.read(|connection| {
                sqlite::problems(connection, found.format.name(), &found.root.path)
            })?;
            let sessions = self
                .inner
                .read(|connection| sqlite::sessions_in(connection, &found.root.path))?;
            let unreadable = walked.problems.iter().map(|(file, problem)| SourceProblem {
                kind: problem.kind,
                file: file.clone(),
                offset: problem.offset,
                detail: problem.detail.clone(),
                count: 1,
            });
            let state = match (
                walked.exists,
                walked
                    .problems
                    .iter()
                    .find(|(path, _)| *path == found.root.path),
            ) {
                (_, Some((_, problem))) => RootState::Unreadable(problem.detail.clone()),
                (true, None) => RootState::Read,
                (false, None) => RootState::Missing,
            };
            reports.push(SourceReport {
                format: found.format.name().into(),
                agent: found.format.agent(),
                root: found.root.path.clone(),
                origin: found.root.origin.into(),
                state,
                files: files.len() as u64,
                bytes: walked.files.iter().map(|file| file.stat.size).sum(),
                sessions,
                newest: walked.files.iter().map(|file| file.info.modified).max(),
                problems: unreadable.chain(skipped).collect(),
            });
        }
        for format in &self.inner.disabled {
            let roots = self.inner.roots(&**format);
            reports.extend(roots.into_iter().map(|root| SourceReport {
                format: format.name().into(),
                agent: format.agent(),
                root: root.path,
                origin: root.origin.into(),
                state: RootState::Disabled,
                files: 0,
                bytes: 0,
                sessions: 0,
                newest: None,
                problems: Vec::new(),
            }));
        }
        reports.extend(self.inner.remotes.reports(&self.inner.env));
        Ok(reports)
    }

    /// Size and content of the database.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn db_stats(&self) -> Result<DbStats, Error> {
        let mut stats = self
            .inner
            .read(|connection| sqlite::stats(connection, self.inner.path.as_deref()))?;
        stats.writer_pid = self.inner.other_writer;
        Ok(stats)
    }

    /// Writes a compact copy of the database to `to`, which must not exist.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn db_backup(&self, to: &Path) -> Result<DbBackup, Error> {
        let path = self.inner.path.as_deref();
        self.inner.noted(match (self.inner.writer(), path) {
            (Some(writer), _) => writer.backup(to),
            (None, Some(path)) => sqlite::backup(&sqlite::open_reader(path)?, to),
            (None, None) => Err(StoreError::ReadOnly { pid: 0 }),
        })
    }

    /// Gives unused space back to the file system.
    ///
    /// # Errors
    /// [`Error::Store`]; [`StoreError::ReadOnly`] when another process writes.
    pub fn db_vacuum(&self) -> Result<DbVacuum, Error> {
        self.write(Writer::vacuum)
    }

    /// Checks the database's structure and that totals are the sums of calls.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn db_check(&self) -> Result<DbCheck, Error> {
        self.inner.read(sqlite::check)
    }

    pub(super) fn resolve(&self, id: &str) -> Result<sqlite::SessionRow, Error> {
        let mut rows = self
            .inner
            .read(|connection| sqlite::resolve(connection, id, CANDIDATES))?;
        // A session and its own subagents begin alike: the session is meant.
        let main = rows.iter().filter(|row| row.report_as == row.id).count();
        if main == 1 {
            rows.retain(|row| row.report_as == row.id);
        }
        match rows.len() {
            0 => Err(Error::NotFound { id: id.to_owned() }),
            1 => Ok(rows.remove(0)),
            _ => {
                let candidates = rows.iter().map(|row| row.view.key.to_string()).collect();
                Err(Error::Ambiguous {
                    id: id.to_owned(),
                    candidates,
                })
            }
        }
    }
}

/// Rows as lists show them, with their sums: a session's own and those of the subagents within it.
pub(super) fn views(
    connection: &Connection,
    rows: Vec<sqlite::SessionRow>,
) -> Result<Vec<SessionView>, StoreError> {
    let main = rows.iter().filter(|row| row.report_as == row.id);
    let sums = sqlite::session_sums(connection, &main.map(|row| row.id).collect::<Vec<_>>())?;
    let mut views = Vec::with_capacity(rows.len());
    for row in rows {
        let models = if row.report_as == row.id {
            sums.get(&row.id).cloned().unwrap_or_default()
        } else {
            sqlite::own_sums(connection, row.id)?
        };
        let mut view = row.view;
        for model in &models {
            view.sums.merge(&model.sums);
        }
        views.push(view);
    }
    Ok(views)
}
