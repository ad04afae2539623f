//! Alerts: what the rules want told of the present, each episode once.

use super::Monitor;
use crate::Error;
use crate::alert::{Alert, AlertWhen, Channel, Facts, SpendFact, SpendPer, due};
use crate::query::{Board, BoardQuery, Dimensions, ReportKind, SessionFilter, UsageQuery};
use crate::session::State;
use crate::store::sqlite;

impl Monitor {
    /// Looks whether anything is to be told, and takes note of it. Returns whether anything changed. Does nothing where
    /// another process writes.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn evaluate_alerts(&self) -> Result<bool, Error> {
        let config = &self.inner.config;
        let rules: Vec<_> = config
            .alerts
            .iter()
            .map(|rule| rule.value.clone())
            .collect();
        let now = self.inner.clock.now();
        let facts = self.alert_facts(&rules)?;
        let notify = &config.notify;
        let episodes = due(&rules, &facts, now).into_iter().filter_map(|episode| {
            let rule = rules.iter().find(|rule| rule.name == episode.rule)?;
            Some((episode, notify.channels(rule)))
        });
        let episodes: Vec<_> = episodes.collect();
        let Some(mut writer) = self.inner.writer() else {
            return Ok(false);
        };
        let taken = writer.take_alerts(&episodes, now);
        drop(writer);
        self.inner.noted(taken)
    }

    /// The present, as far as the rules ask for it.
    fn alert_facts(&self, rules: &[crate::alert::AlertRule]) -> Result<Facts, Error> {
        let zone = &self.inner.config.time_zone.value;
        let now = self.inner.clock.now();
        let midnight = zone.start_of(zone.date(now));
        let any = |wanted: fn(&AlertWhen) -> bool| rules.iter().any(|rule| wanted(&rule.when));
        let mut facts = Facts {
            today: SpendFact {
                since: midnight,
                ..SpendFact::default()
            },
            ..Facts::default()
        };
        let states = [State::NeedsInput, State::Stalled, State::Failed];
        let by_session = any(|when| matches!(when, AlertWhen::Spend(SpendPer::Session, _)));
        if by_session || any(|when| !matches!(when, AlertWhen::Spend(..) | AlertWhen::Quota(_))) {
            let filter = SessionFilter {
                states: if by_session {
                    Vec::new()
                } else {
                    states.into()
                },
                since: Some(now - Board::RECENT),
                or_open: true,
                ..SessionFilter::default()
            };
            facts.sessions = self.sessions(&filter)?.sessions;
        }
        if any(|when| matches!(when, AlertWhen::Spend(SpendPer::Day, _))) {
            facts.today.spent = self.today(&BoardQuery::new(zone.clone()))?.cost;
        }
        if any(|when| matches!(when, AlertWhen::Spend(SpendPer::Project, _))) {
            let by = Dimensions {
                project: true,
                ..Dimensions::default()
            };
            let report = self.usage(&UsageQuery {
                by,
                since: Some(midnight),
                zone: zone.clone(),
                ..UsageQuery::new(ReportKind::Projects)
            })?;
            let rows = report.rows.into_iter();
            let spent = rows.filter_map(|row| Some((row.project??, row.sums.cost)));
            facts.projects = spent.collect();
        }
        if any(|when| matches!(when, AlertWhen::Quota(_))) {
            facts.quotas = self.quotas()?;
        }
        Ok(facts)
    }

    /// The open alerts and at most `limit` that are over, the newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn alerts(&self, limit: usize) -> Result<Vec<Alert>, Error> {
        self.inner
            .read(|connection| sqlite::alerts(connection, limit))
    }

    /// Notes that the user knows of an alert, and returns it; `None` when there is none with that number.
    ///
    /// # Errors
    /// [`Error::Store`], among them that another process writes.
    pub fn acknowledge_alert(&self, id: i64) -> Result<Option<Alert>, Error> {
        let now = self.inner.clock.now();
        let known = self.write(|writer| writer.acknowledge_alert(id, now))?;
        match known {
            true => self.inner.read(|connection| sqlite::alert(connection, id)),
            false => Ok(None),
        }
    }

    /// The deliveries of alerts that are due, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn due_deliveries(&self, limit: usize) -> Result<Vec<(Alert, Channel)>, Error> {
        let now = self.inner.clock.now();
        self.inner
            .read(|connection| sqlite::due_deliveries(connection, now, limit))
    }

    /// Notes how an attempt at a delivery went: what went wrong, in words that tell no secret.
    ///
    /// # Errors
    /// [`Error::Store`], among them that another process writes.
    pub fn delivery_attempted(
        &self,
        alert: i64,
        channel: &Channel,
        result: Result<(), &str>,
    ) -> Result<(), Error> {
        let now = self.inner.clock.now();
        self.write(|writer| writer.delivery_attempted(alert, channel, result, now))
    }
}
