//! The answers of the sessions API, read field by field: what is missing or of another type says nothing, and never costs the
//! rest.

use serde_json::Value;

use crate::ingest::events_api::read_time;
use crate::model::{AgentKind, NanoUsd, Relation, SessionKey, Timestamp, Usage};
use crate::session::vocabulary::Contract;
use crate::session::{Reason, State};
use crate::source::remote::RemoteError;

/// The most sessions that are taken from one answer.
const MAX_SESSIONS: usize = 5000;
/// The most cells of usage of one session.
const MAX_CELLS: usize = 10_000;
/// Longest id, in bytes.
const MAX_ID: usize = 512;
/// Most tokens believed of one cell.
const MAX_COUNT: u64 = 1 << 40;

/// A session as the other side tells it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    pub key: SessionKey,
    pub state: State,
    pub reason: Reason,
    pub detail: Option<Box<str>>,
    /// Since when it is in this state; of who does not say that, its last activity.
    pub since: Timestamp,
    pub started: Option<Timestamp>,
    pub active: Timestamp,
    pub title: Option<Box<str>>,
    pub model: Option<Box<str>>,
    pub project: Option<Box<str>>,
    pub branch: Option<Box<str>>,
    /// On which machine it runs; `None` where the other side has no word for that, `Some(None)` where it does not know.
    pub host: Option<Option<Box<str>>>,
    pub channel: Option<Box<str>>,
    pub progress: Option<u32>,
    /// Tokens in the context window, and its size.
    pub context: Option<(u64, u64)>,
    pub parent: Option<(SessionKey, Relation)>,
    pub cells: Vec<Cell>,
}

/// What a session used of one model within a quarter of an hour.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub at: Timestamp,
    pub model: Box<str>,
    pub usage: Usage,
    pub cost: Option<NanoUsd>,
}

/// Reads a list of sessions, and the other side's time.
pub(super) fn read_list(
    body: &[u8],
    now: Timestamp,
) -> Result<(Vec<Session>, Option<Timestamp>), RemoteError> {
    let answer: Value = serde_json::from_slice(body)
        .map_err(|_| RemoteError::Protocol("an answer that is no JSON".to_owned()))?;
    let (list, timestamp) = match &answer {
        // Some servers leave the envelope out.
        Value::Array(list) => (Some(list), None),
        answer => (
            answer["sessions"].as_array(),
            time(&answer["timestamp"], now),
        ),
    };
    let list =
        list.ok_or_else(|| RemoteError::Protocol("an answer without sessions".to_owned()))?;
    let each = list.iter().take(MAX_SESSIONS);
    let sessions: Vec<Session> = each.filter_map(|value| Session::read(value, now)).collect();
    if sessions.len() < list.len() {
        let skipped = list.len() - sessions.len();
        tracing::debug!(skipped, "sessions that could not be read");
    }
    Ok((sessions, timestamp))
}

fn text(value: &Value) -> Option<Box<str>> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.into())
}

/// A time that is not ahead of ours.
fn time(value: &Value, now: Timestamp) -> Option<Timestamp> {
    let at = match value {
        Value::String(text) => read_time(text),
        value => value.as_i64().map(Timestamp),
    };
    at.filter(|at| *at >= Timestamp(0)).map(|at| at.min(now))
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0).min(MAX_COUNT)
}

/// Whose session an id names: an agentmon puts the agent in front.
fn key(id: &str, agent: Option<&str>) -> Option<SessionKey> {
    if id.is_empty() || id.len() > MAX_ID || id.chars().any(char::is_control) {
        return None;
    }
    let own = agent.and_then(|agent| id.strip_prefix(agent)?.strip_prefix(':'));
    match (agent, own) {
        (Some(agent), Some(own)) if !own.is_empty() => Some(SessionKey::new(agent.into(), own)),
        _ => Some(SessionKey::new(AgentKind::OpenClaw, id)),
    }
}

impl Session {
    fn read(value: &Value, now: Timestamp) -> Option<Self> {
        let more = &value["metadata"];
        let agent = more["agent"].as_str();
        let id = value["sessionId"].as_str().or(value["id"].as_str())?;
        let key = key(id, agent)?;
        let started = time(&value["startTime"], now).or_else(|| time(&value["createdAt"], now));
        let active = time(&value["lastActivity"], now)
            .or_else(|| time(&value["updatedAt"], now))
            .or(started)?;
        let limit = value["tokensLimit"].as_u64().filter(|limit| *limit > 0);
        let used = count(&value["tokensUsed"]);
        let told = more["state"].as_str().and_then(State::parse);
        let (state, reason) = match told {
            Some(state) => (
                state,
                more["reason"]
                    .as_str()
                    .map_or(Reason::NoEvidence, Reason::parse),
            ),
            None => plain(value["status"].as_str(), used, limit),
        };
        let since = time(&more["since"], now).filter(|_| told.is_some());
        // The parent is of the same kind, or the other side would not know it.
        let parent = value["parentSession"].as_str().and_then(|parent| {
            let kind = parent.split_once(':').map(|(agent, _)| agent);
            super::message::key(parent, kind.filter(|_| agent.is_some()))
        });
        let relation = match more["relation"].as_str() {
            Some("within") => Relation::Within,
            Some("fork") => Relation::Fork,
            _ => Relation::Spawned,
        };
        Some(Self {
            since: since.unwrap_or(active),
            detail: text(&more["detail"]),
            title: text(&value["name"]).or_else(|| text(&value["taskDescription"])),
            model: text(&more["model"]),
            project: text(&more["project"]),
            branch: text(&more["branch"]),
            host: more.get("host").map(text),
            channel: text(&value["channel"]),
            progress: value["progress"]
                .as_f64()
                .map(|percent| percent.clamp(0.0, 100.0) as u32),
            context: limit.map(|limit| (used, limit)),
            parent: parent
                .filter(|parent| *parent != key)
                .map(|parent| (parent, relation)),
            cells: cells(&more["usage"], now),
            key,
            state,
            reason,
            started,
            active,
        })
    }
}

/// What the contract's own words say, in the order in which its clients weigh them.
fn plain(status: Option<&str>, used: u64, limit: Option<u64>) -> (State, Reason) {
    let state = match status {
        Some("error") => State::Failed,
        Some("starting") => State::Spawning,
        Some("terminated") => State::Terminated,
        Some(word) => Contract::Sessions.state(word).unwrap_or(State::Working),
        None => State::Working,
    };
    let used_up = limit.is_some_and(|limit| used as f64 >= limit as f64 * 0.95);
    match state {
        State::Working | State::Failed if used_up => (State::Failed, Reason::TokenLimit),
        State::Failed => (state, Reason::ApiError(None)),
        State::Completed => (state, Reason::SessionEnd),
        State::Terminated => (state, Reason::Aborted),
        State::Spawning => (state, Reason::Started),
        state => (state, Reason::Model),
    }
}

fn cells(value: &Value, now: Timestamp) -> Vec<Cell> {
    let each = value.as_array().into_iter().flatten().take(MAX_CELLS);
    let read = each.filter_map(|cell| {
        let output = count(&cell["output"]);
        Some(Cell {
            at: time(&cell["at"], now)?,
            model: text(&cell["model"])?,
            usage: Usage {
                input: count(&cell["input"]),
                cache_read: count(&cell["cacheRead"]),
                cache_creation_5m: count(&cell["cacheCreation5m"]),
                cache_creation_1h: count(&cell["cacheCreation1h"]),
                output,
                reasoning: count(&cell["reasoning"]).min(output),
            },
            cost: cell["nanoUsd"]
                .as_i64()
                .filter(|cost| *cost >= 0)
                .map(NanoUsd),
        })
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_systems_sessions_are_read_and_nonsense_is_left_out() {
        let now = Timestamp::parse("2026-02-12T20:28:00Z").unwrap();
        let body = r#"{"sessions":[
            {"sessionId":"2062390b","name":"Merge","status":"working","progress":65,"tokensUsed":15420,"tokensLimit":50000,
             "startTime":"2026-02-12T20:16:00Z","lastActivity":"2026-02-12T20:25:00Z","channel":"telegram","parentSession":null},
            {"sessionId":"full","status":"working","tokensUsed":48000,"tokensLimit":50000,"lastActivity":"2036-02-12T20:25:00Z"},
            {"sessionId":"","lastActivity":1}, {"sessionId":"no time"}, 7, null, {"sessionId":"x\u0000","lastActivity":1},
            {"id":"codex:abc","metadata":{"agent":"codex","state":"needs_input","reason":"permission(Bash)","relation":"within","host":null},"parentSession":"codex:p","lastActivity":5}],
            "timestamp":"2026-02-12T20:28:00Z"}"#;
        let (sessions, timestamp) = read_list(body.as_bytes(), now).unwrap();
        assert_eq!(timestamp, Some(now));
        let told: Vec<_> = sessions
            .iter()
            .map(|session| {
                (
                    session.key.to_string(),
                    session.state,
                    session.reason.to_string(),
                )
            })
            .collect();
        let expected = [
            ("openclaw:2062390b", State::Working, "model"),
            ("openclaw:full", State::Failed, "token_limit"),
            ("codex:abc", State::NeedsInput, "permission(Bash)"),
        ];
        let expected =
            expected.map(|(key, state, reason)| (key.to_owned(), state, reason.to_owned()));
        assert_eq!(told, expected);
        assert_eq!(
            (sessions[0].context, sessions[0].progress),
            (Some((15420, 50000)), Some(65))
        );
        let hosts: Vec<_> = sessions
            .iter()
            .map(|session| session.host.clone())
            .collect();
        assert_eq!(hosts, [None, None, Some(None)]);
        let parent = SessionKey::new(AgentKind::Codex, "p");
        assert_eq!(sessions[2].parent, Some((parent, Relation::Within)));
        assert_eq!(sessions[1].active, now, "not ahead of our clock");
        assert!(read_list(b"[]", now).unwrap().0.is_empty());
        for nonsense in ["", "{}", "<html>", r#"{"sessions":{}}"#, "null", "\"x\""] {
            assert!(read_list(nonsense.as_bytes(), now).is_err(), "{nonsense}");
        }
    }
}
