//! The latest totals alone, for questions that are asked every second.

use rusqlite::{Connection, params};

use crate::model::{AgentKind, NanoUsd, SessionKey, Timestamp, Usage};
use crate::query::{UsageCell, UsageData, UsageSession};
use crate::store::StoreError;

/// How long a window of a plan is, and so how long a pause must be for the next call to open one, in milliseconds.
const WINDOW: i64 = 5 * 3_600_000;

/// The cells of all agents since `since`, and those of `agent` back to a pause after which a five-hour window must have
/// opened. Read from the newest; the history before is not touched. Sessions and models are not told apart.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn recent(
    connection: &Connection,
    agent: &AgentKind,
    since: Timestamp,
    now: Timestamp,
) -> Result<UsageData, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT bucket, session.agent, requests, unpriced, input, cache_read, cache_write_5m, cache_write_1h, output,
                reasoning, cost, first, last
         FROM rollup JOIN session ON session.id = rollup.session
         WHERE bucket <= ?1 ORDER BY bucket DESC",
    )?;
    let mut data = UsageData {
        models: vec!["".into()],
        ..UsageData::default()
    };
    // The earliest call of the agent so far; before the first one, the present.
    let mut earliest = now;
    let mut paused = false;
    let mut rows = select.query(params![now.0])?;
    while let Some(row) = rows.next()? {
        let bucket = Timestamp(row.get(0)?);
        paused |= bucket.0.saturating_add(UsageCell::WIDTH + WINDOW) <= earliest.0;
        let counts = bucket >= UsageCell::bucket_of(since);
        if paused && !counts {
            break;
        }
        let owner = AgentKind::from(row.get::<_, String>(1)?);
        if !counts && owner != *agent {
            continue;
        }
        let (first, last) = (Timestamp(row.get(11)?), Timestamp(row.get(12)?));
        if owner == *agent {
            earliest = earliest.min(first);
        }
        let session = index(&mut data.sessions, owner);
        let count = |index: usize| row.get::<_, i64>(index).map(|count| count as u64);
        data.cells.push(UsageCell {
            bucket,
            first,
            last,
            session,
            model: 0,
            requests: count(2)?,
            unpriced_requests: count(3)?,
            usage: Usage {
                input: count(4)?,
                cache_read: count(5)?,
                cache_creation_5m: count(6)?,
                cache_creation_1h: count(7)?,
                output: count(8)?,
                reasoning: count(9)?,
            },
            cost: NanoUsd(row.get(10)?),
        });
    }
    Ok(data)
}

/// One session stands for all of an agent.
fn index(sessions: &mut Vec<UsageSession>, agent: AgentKind) -> u32 {
    let known = sessions.iter().position(|known| known.key.agent == agent);
    known.unwrap_or_else(|| {
        let key = SessionKey::new(agent, "");
        sessions.push(UsageSession {
            key: key.clone(),
            report_as: key,
            project: None,
            host: None,
            title: None,
        });
        sessions.len() - 1
    }) as u32
}
