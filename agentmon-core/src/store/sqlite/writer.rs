//! The one writer: takes in a piece of observations in one transaction (I5, I6).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use super::connect::{keep_more_pages, start_log};
use super::event_cells::CellChanges;
use super::folding::Folding;
use super::held::HeldCalls;
use super::incoming::IncomingCalls;
use super::keys::Keys;
use super::maintain::Forgotten;
use super::prices::StoredPrices;
use super::rollup::RollupChanges;
pub use super::sessions::StoreChange;
use super::sessions::{self, Sessions};
use super::{
    Opened, alerts, aliases, calls, counters, cursors, events, maintain, prices, quotas,
    remote_cells, text_index,
};
use crate::alert::{Channel, Episode};
use crate::ingest::project::{Project, ProjectResolver};
use crate::ingest::stated::StatedProjects;
use crate::model::{Batch, FactKey, SessionIndex, SessionKey, Timestamp};
use crate::pricing::PriceBook;
use crate::query::{DbBackup, DbVacuum};
use crate::session::{Evidence, EvidenceSource, Signal, StatePolicy, in_order};
use crate::source::otlp::ACTIVITY_GAP;
use crate::source::piece::Piece;
use crate::store::StoreError;

/// Rows whose text waits for the index, and that a piece of files adds to it beside its own.
const SPARE: usize = 256;

/// Owns the writable connection.
#[derive(Debug)]
pub struct Writer {
    /// Folds the log under load. Declared before the connection, so that it ends before that is closed.
    folding: Option<Folding>,
    pub(super) connection: Connection,
    path: Option<PathBuf>,
    pub(super) book: Arc<PriceBook>,
    pub(super) policy: StatePolicy,
    pub(super) projects: Projects,
    pub(super) sessions: Sessions,
    pub(super) keys: Keys,
    /// The calls, where they are not in their table.
    pub(super) held: Option<HeldCalls>,
    /// Whether the write-ahead log is on.
    has_log: bool,
    /// The event that was stored last.
    committed: watch::Sender<i64>,
}

/// The projects of folders, and those that clients name.
#[derive(Debug, Default)]
pub(super) struct Projects {
    folders: ProjectResolver,
    pub(super) stated: StatedProjects,
}

impl Writer {
    /// A writer on an open database. Prices stored calls again if the price book changed.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read or written.
    pub fn new(
        opened: Opened,
        path: Option<PathBuf>,
        book: Arc<PriceBook>,
        policy: StatePolicy,
    ) -> Result<Self, StoreError> {
        let mut connection = opened.connection;
        prices::reprice_if_changed(&mut connection, &book)?;
        let committed = watch::Sender::new(events::last_row(&connection)?);
        Ok(Self {
            folding: None,
            connection,
            path,
            book,
            policy,
            projects: Projects::default(),
            sessions: Sessions::default(),
            keys: Keys::default(),
            held: None,
            has_log: opened.has_log,
            committed,
        })
    }

    /// Looks up the projects that clients name in this folder.
    #[must_use]
    pub fn projects_below(mut self, folder: Option<PathBuf>) -> Self {
        self.projects.stated = StatedProjects::below(folder);
        self
    }

    /// Keeps calls beside the database instead of in it: for one that goes with its first report.
    #[must_use]
    pub fn holding_calls(mut self) -> Self {
        self.held = Some(HeldCalls::default());
        self
    }

    /// Makes ready for what many send.
    ///
    /// # Errors
    /// [`StoreError`]; it works as well then, only slower.
    pub fn expect_load(&mut self) -> Result<(), StoreError> {
        keep_more_pages(&self.connection)?;
        self.keys.expect_load(&self.connection)?;
        if let (None, Some(path)) = (&self.folding, &self.path) {
            self.folding = Folding::start(&mut self.connection, path)?;
        }
        Ok(())
    }

    /// Tells the row of the event that was committed last, whenever that changes.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.subscribe()
    }

    /// Reads through the writer's own connection: for databases in memory, and for reads that must follow a write.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Stores pieces in one transaction: all of them or, on an error, nothing. Storing the same observations again
    /// changes nothing (I7).
    ///
    /// # Errors
    /// [`StoreError`]; the pieces can be read and offered again.
    pub fn append(
        &mut self,
        pieces: Vec<Piece>,
        now: Timestamp,
    ) -> Result<Vec<StoreChange>, StoreError> {
        let result = self.try_append(pieces, now);
        self.finished(result.is_ok());
        result
    }

    /// What follows a transaction, whether it was committed or not.
    pub(super) fn finished(&mut self, committed: bool) {
        if !committed {
            // What is in memory may be ahead of what was rolled back.
            self.sessions.clear();
            self.keys.clear();
            return;
        }
        if !self.has_log {
            // Somebody who reads just now is in its way: then it is turned on next time.
            self.has_log = start_log(&self.connection).is_ok();
        }
        // A row that cannot be read now is told with the next one.
        if let Ok(last) = events::last_row(&self.connection) {
            self.committed
                .send_if_modified(|known| std::mem::replace(known, last) != last);
        }
    }

    fn try_append(
        &mut self,
        pieces: Vec<Piece>,
        now: Timestamp,
    ) -> Result<Vec<StoreChange>, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut ids = Vec::with_capacity(pieces.len());
        let mut changes = Vec::new();
        for Piece { batch, .. } in &pieces {
            let sessions = &mut self.sessions;
            ids.push(locate(
                &transaction,
                sessions,
                &mut self.projects,
                &self.policy,
                batch,
                now,
            )?);
            witness(sessions, std::iter::once(batch), &self.policy, now);
            if sessions.are_many() {
                changes.append(&mut sessions.flush(&transaction, now, &self.policy)?);
            }
        }
        changes.append(&mut self.sessions.flush(&transaction, now, &self.policy)?);
        let mut prices = StoredPrices::new(&self.book);
        // All calls at once: copies that several pieces hold are merged before they reach the table.
        let total = pieces.iter().map(|piece| piece.batch.calls.len()).sum();
        let mut calls = IncomingCalls::with_capacity(total);
        for (piece, ids) in pieces.iter().zip(&ids) {
            calls.add(&transaction, &mut prices, &piece.batch, ids)?;
        }
        let names = pieces.iter().flat_map(|piece| &piece.batch.aliases);
        let (held, keys) = (self.held.as_mut(), &mut self.keys);
        store_calls(&transaction, names, calls, &mut prices, held, keys)?;
        let mut cells = CellChanges::default();
        let mut texts = 0;
        for (Piece { batch, files, .. }, ids) in pieces.iter().zip(&ids) {
            let keys = &mut self.keys;
            events::store(&transaction, &batch.events, ids, keys, &mut cells)?;
            texts += batch.events.len();
            quotas::store(&transaction, &batch.quotas)?;
            counters::store(&transaction, &batch.counters, ids, &batch.models)?;
            cursors::store(&transaction, files)?;
        }
        self.keys.told.settle(&transaction)?;
        cells.flush(&transaction)?;
        if texts > 0 {
            // What was read from files can be searched at once, and nothing is left for the next process to do.
            text_index::advance(&transaction, texts + SPARE)?;
            self.keys.put_away(&transaction, texts + SPARE)?;
        }
        transaction.commit()?;
        Ok(changes)
    }

    /// Does what waits for a quiet moment: adds the text of up to `limit` events to search's index, and puts as many of
    /// the events' keys where they stay. Returns whether more wait.
    ///
    /// # Errors
    /// [`StoreError`]; they wait on then.
    pub fn catch_up(&mut self, limit: usize) -> Result<bool, StoreError> {
        let result = self.try_catch_up(limit);
        if result.is_err() {
            self.keys.clear();
        }
        result
    }

    fn try_catch_up(&mut self, limit: usize) -> Result<bool, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let texts = text_index::advance(&transaction, limit)?;
        let keys = self.keys.put_away(&transaction, limit)?;
        let filters = self.keys.read_on(&transaction)?;
        transaction.commit()?;
        Ok(texts || keys || filters)
    }

    /// Brings every session up to date whose state the passing of time may have changed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn tick(&mut self, now: Timestamp) -> Result<Vec<StoreChange>, StoreError> {
        let overdue = sessions::overdue(&self.connection, now)?;
        if overdue.is_empty() {
            return Ok(Vec::new());
        }
        let mut run = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            for key in &overdue {
                self.sessions.tick(&transaction, key)?;
            }
            let changes = self.sessions.flush(&transaction, now, &self.policy)?;
            transaction.commit()?;
            Ok(changes)
        };
        let result = run();
        if result.is_err() {
            self.sessions.clear();
        }
        result
    }

    /// When the next session is due for a [`Writer::tick`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn next_deadline(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(sessions::next_deadline(&self.connection)?)
    }

    /// Takes in everything that is to be told at `now`: raises what is new, resolves what is no longer so. Returns
    /// whether anything changed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn take_alerts(
        &mut self,
        episodes: &[(Episode, Vec<Channel>)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        alerts::take(&mut self.connection, episodes, now)
    }

    /// Notes how an attempt to tell an alert went.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn delivery_attempted(
        &mut self,
        alert: i64,
        channel: &Channel,
        result: Result<(), &str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        alerts::attempted(&self.connection, alert, channel, result, now)
    }

    /// Notes that the user knows of an alert. Returns whether there is such an alert.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn acknowledge_alert(&mut self, alert: i64, now: Timestamp) -> Result<bool, StoreError> {
        alerts::acknowledge(&self.connection, alert, now)
    }

    /// Forgets up to `limit` of the events before `before`, the oldest first; usage and sessions stay.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is forgotten then.
    pub fn prune_events(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Forgotten, StoreError> {
        let forgotten = maintain::prune_events(&mut self.connection, &mut self.keys, before, limit);
        if forgotten.is_err() {
            self.keys.clear();
        }
        forgotten
    }

    /// Forgets the sessions without a sign since `before`, with all that belongs to them: up to `limit` of their events
    /// at a time, then the rest.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is forgotten then.
    pub fn prune_sessions(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Forgotten, StoreError> {
        let forgotten =
            maintain::prune_sessions(&mut self.connection, &mut self.keys, before, limit);
        match forgotten {
            Ok(Forgotten { rows: 0, .. }) => {}
            Ok(_) => self.sessions.clear(),
            Err(_) => self.keys.clear(),
        }
        forgotten
    }

    /// Gives unused space back.
    ///
    /// # Errors
    /// [`StoreError`], such as a full disk.
    pub fn vacuum(&mut self) -> Result<DbVacuum, StoreError> {
        maintain::vacuum(&self.connection, self.path.as_deref())
    }

    /// Writes a compact copy.
    ///
    /// # Errors
    /// [`StoreError`] when the target exists or cannot be written.
    pub fn backup(&self, to: &Path) -> Result<DbBackup, StoreError> {
        maintain::backup(&self.connection, to)
    }
}

/// Takes in the facts of a batch's sessions. Returns their ids by the batch's index.
pub(super) fn locate(
    connection: &Connection,
    sessions: &mut Sessions,
    projects: &mut Projects,
    policy: &StatePolicy,
    batch: &Batch,
    now: Timestamp,
) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::with_capacity(batch.sessions.len());
    for patch in &batch.sessions {
        // The project follows from the first folder, which may be known from before, or only now.
        let known = sessions.facts(connection, &patch.key)?;
        let located = patch.located.as_ref().or(known.located.as_ref());
        let project = match (&patch.cwd, &known.cwd) {
            (Some(cwd), known)
                if known.as_ref().is_none_or(|known| cwd < known)
                    || (patch.located.is_some() && known.as_ref() == Some(cwd)) =>
            {
                let folder = Path::new(&*cwd.value);
                let elsewhere = located.filter(|_| !folder.is_dir());
                Some(elsewhere.map_or_else(
                    || projects.folders.resolve(folder, now),
                    |located| Project::from(&located.value),
                ))
            }
            // A name alone counts only where no folder is known.
            (None, None) => {
                let name = patch.project.as_ref().map(|name| &*name.value);
                name.map(|name| projects.stated.resolve(name, now).project)
            }
            _ => None,
        };
        ids.push(sessions.observe(connection, patch, project.as_ref(), now, policy)?);
    }
    Ok(ids)
}

/// Takes in what sessions were seen doing, by all of the batches at once: a sign that is later than all that are known
/// takes one step, one between them a replay.
pub(super) fn witness<'a>(
    sessions: &mut Sessions,
    batches: impl Iterator<Item = &'a Batch>,
    policy: &StatePolicy,
    now: Timestamp,
) {
    let mut evidence: Vec<(&SessionKey, &Evidence)> = batches
        .flat_map(|batch| {
            let key = |index: SessionIndex| &batch.sessions[index.0 as usize].key;
            let evidence = batch.evidence.iter();
            evidence.map(move |(session, evidence)| (key(*session), evidence))
        })
        .collect();
    evidence.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| in_order(one, other)));
    for of_session in evidence.chunk_by(|(a, _), (b, _)| a == b) {
        // Between exports as within one.
        let mut active = None;
        let signs = of_session.iter().map(|(_, evidence)| *evidence);
        let signs = signs.filter(|sign| {
            let is_mere = sign.signal == Signal::Activity && sign.source == EvidenceSource::Otlp;
            let repeats = is_mere && active.is_some_and(|last| sign.at - last < ACTIVITY_GAP);
            if is_mere && !repeats {
                active = Some(sign.at);
            }
            !repeats
        });
        sessions.witness(of_session[0].0, signs, now, policy);
    }
}

/// Stores calls, those that are known by several names under one, and keeps the totals.
pub(super) fn store_calls<'a>(
    connection: &Connection,
    names: impl Iterator<Item = &'a (FactKey, FactKey)>,
    mut calls: IncomingCalls<'_>,
    prices: &mut StoredPrices<'_>,
    mut held: Option<&mut HeldCalls>,
    keys: &mut Keys,
) -> rusqlite::Result<()> {
    let mut rollup = RollupChanges::default();
    aliases::note(
        connection,
        names,
        &mut calls,
        &mut rollup,
        held.as_deref_mut(),
        keys,
    )?;
    calls.resolve(connection, &keys.names)?;
    if held.is_none() {
        remote_cells::settle(connection, &mut calls, &mut rollup)?;
    }
    match held.as_deref_mut() {
        Some(held) => held.store(connection, &calls, prices, &mut rollup)?,
        None => calls::store(connection, calls, prices, &mut keys.told, &mut rollup)?,
    }
    rollup.flush(connection, held.as_deref(), &mut keys.told)
}
