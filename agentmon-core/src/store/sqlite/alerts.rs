//! Alerts: each episode once, and how it was told.

use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use crate::alert::{Alert, Channel, Delivery, DeliveryState, Episode};
use crate::model::Timestamp;
use crate::store::StoreError;

/// Alerts that are kept beside the open ones.
const KEPT: i64 = 10_000;

/// Takes in everything that is so: raises what is new, resolves what is no longer. Returns whether anything changed.
pub(super) fn take(
    connection: &mut Connection,
    episodes: &[(Episode, Vec<Channel>)],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut holding = Vec::with_capacity(episodes.len());
    let mut changed = false;
    for (episode, channels) in episodes {
        let last = transaction
            .prepare_cached(
                "SELECT id, since, resolved_at IS NULL FROM alert WHERE rule = ?1 AND subject = ?2
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row(params![episode.rule, episode.subject], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, bool>(2)?,
                ))
            })
            .optional()?;
        match last {
            Some((id, _, true)) => holding.push(id),
            // It was lost sight of for a while: that is no reason to tell it again.
            Some((id, since, false)) if since >= episode.since.0 => {
                let reopen = "UPDATE alert SET resolved_at = NULL WHERE id = ?1";
                transaction.prepare_cached(reopen)?.execute([id])?;
                holding.push(id);
                changed = true;
            }
            _ if !episode.is_news => {}
            _ => {
                holding.push(raise(&transaction, episode, channels, now)?);
                changed = true;
            }
        }
    }
    let open = transaction
        .prepare_cached("SELECT id FROM alert WHERE resolved_at IS NULL")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<i64>>>()?;
    for id in open.into_iter().filter(|id| !holding.contains(id)) {
        transaction
            .prepare_cached("UPDATE alert SET resolved_at = ?2 WHERE id = ?1")?
            .execute(params![id, now.0])?;
        changed = true;
    }
    if changed {
        forget(&transaction)?;
    }
    transaction.commit()?;
    Ok(changed)
}

fn raise(
    connection: &Connection,
    episode: &Episode,
    channels: &[Channel],
    now: Timestamp,
) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO alert (rule, kind, subject, session, project, title, message, detail, since, raised_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            episode.rule,
            episode.kind,
            episode.subject,
            episode.session.as_ref().map(ToString::to_string),
            episode.project,
            episode.title,
            episode.message,
            episode.detail,
            episode.since.0,
            now.0,
        ])?;
    let id = connection.last_insert_rowid();
    for channel in channels {
        connection
            .prepare_cached(
                "INSERT INTO alert_delivery (alert, channel, state, attempts, due) VALUES (?1, ?2, 'pending', 0, ?3)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![id, channel.to_string(), now.0])?;
    }
    Ok(id)
}

/// Forgets the oldest alerts that are over.
fn forget(connection: &Connection) -> rusqlite::Result<()> {
    let old = "SELECT id FROM alert WHERE resolved_at IS NOT NULL AND id <= (SELECT max(id) FROM alert) - ?1";
    connection
        .prepare_cached(&format!(
            "DELETE FROM alert_delivery WHERE alert IN ({old})"
        ))?
        .execute([KEPT])?;
    connection
        .prepare_cached(&format!("DELETE FROM alert WHERE id IN ({old})"))?
        .execute([KEPT])?;
    Ok(())
}

/// Notes how an attempt at a delivery went.
pub(super) fn attempted(
    connection: &Connection,
    alert: i64,
    channel: &Channel,
    result: Result<(), &str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key = params![alert, channel.to_string()];
    let attempts: Option<u32> = connection
        .prepare_cached("SELECT attempts FROM alert_delivery WHERE alert = ?1 AND channel = ?2")?
        .query_row(key, |row| row.get(0))
        .optional()?;
    let attempts = attempts.unwrap_or(0).saturating_add(1);
    let state = match result {
        Ok(()) => DeliveryState::Delivered,
        Err(_) if attempts >= Delivery::MAX_ATTEMPTS => DeliveryState::Failed,
        Err(_) => DeliveryState::Pending,
    };
    connection
        .prepare_cached(
            "UPDATE alert_delivery SET state = ?3, attempts = ?4, due = ?5, error = ?6, at = ?7
             WHERE alert = ?1 AND channel = ?2",
        )?
        .execute(params![
            alert,
            channel.to_string(),
            state.as_str(),
            attempts,
            (now + Delivery::wait(attempts)).0,
            result.err(),
            now.0,
        ])?;
    Ok(())
}

/// Notes that the user knows of an alert. Returns whether there is such an alert.
pub(super) fn acknowledge(
    connection: &Connection,
    alert: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let updated = connection
        .prepare_cached(
            "UPDATE alert SET acknowledged_at = coalesce(acknowledged_at, ?2) WHERE id = ?1",
        )?
        .execute(params![alert, now.0])?;
    Ok(updated > 0)
}

const SELECT: &str = "SELECT id, rule, kind, session, project, title, message, detail, since, raised_at, resolved_at,
                             acknowledged_at FROM alert";

fn read(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Alert> {
    let text = |index: usize| {
        row.get::<_, Option<String>>(index)
            .map(|text| text.map(Into::<Box<str>>::into))
    };
    let time = |index: usize| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp));
    let id = row.get(0)?;
    Ok(Alert {
        id,
        rule: text(1)?.unwrap_or_default(),
        kind: text(2)?.unwrap_or_default(),
        session: text(3)?,
        project: text(4)?,
        title: text(5)?.unwrap_or_default(),
        message: text(6)?.unwrap_or_default(),
        detail: text(7)?,
        since: Timestamp(row.get(8)?),
        raised_at: Timestamp(row.get(9)?),
        resolved_at: time(10)?,
        acknowledged_at: time(11)?,
        deliveries: deliveries(connection, id)?,
    })
}

fn deliveries(connection: &Connection, alert: i64) -> rusqlite::Result<Vec<Delivery>> {
    let mut select = connection.prepare_cached(
        "SELECT channel, state, attempts, error, at FROM alert_delivery WHERE alert = ?1 ORDER BY channel",
    )?;
    let rows = select.query_map([alert], |row| {
        let channel: String = row.get(0)?;
        let state: String = row.get(1)?;
        Ok(Delivery {
            channel: Channel::parse(&channel).unwrap_or(Channel::Log),
            state: DeliveryState::parse(&state).unwrap_or(DeliveryState::Failed),
            attempts: row.get(2)?,
            error: row.get::<_, Option<String>>(3)?.map(Into::into),
            at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        })
    })?;
    rows.collect()
}

/// The open alerts and the latest others, the newest first: at most `limit` that are over.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn alerts(connection: &Connection, limit: usize) -> Result<Vec<Alert>, StoreError> {
    let sql = format!(
        "{SELECT} WHERE resolved_at IS NULL OR id IN (
             SELECT id FROM alert WHERE resolved_at IS NOT NULL ORDER BY id DESC LIMIT ?1)
         ORDER BY id DESC"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([limit as i64], |row| read(connection, row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One alert.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn alert(connection: &Connection, id: i64) -> Result<Option<Alert>, StoreError> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    Ok(select
        .query_row([id], |row| read(connection, row))
        .optional()?)
}

/// The deliveries that are due, at most `limit`.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn due_deliveries(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(Alert, Channel)>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT alert, channel FROM alert_delivery WHERE state = 'pending' AND due <= ?1 ORDER BY due LIMIT ?2",
    )?;
    let due = select
        .query_map(params![now.0, limit as i64], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
    let mut deliveries = Vec::with_capacity(due.len());
    for (id, channel) in due {
        if let (Some(alert), Some(channel)) = (alert(connection, id)?, Channel::parse(&channel)) {
            deliveries.push((alert, channel));
        }
    }
    Ok(deliveries)
}
