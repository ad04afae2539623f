//! What changed of sessions, for the contracts that tell it over WebSockets: looked at once in a while for all that changed in
//! between, rendered once for all clients. Nothing is looked at while nobody listens.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use agentmon_core::Heard;
use agentmon_core::model::{SessionKey, Span, Timestamp};
use agentmon_core::query::{SessionFilter, SessionView};
use agentmon_core::wire::dashboard_api as dashboard;
use agentmon_core::wire::sessions_api::{self, Figures};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{Mutex, broadcast};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::socket::{Frame, Frames, Seats};
use crate::app::App;
use crate::error::ApiError;

/// How long changes are gathered.
const GATHER: Duration = Duration::from_millis(200);
/// How often it is looked for sessions that nothing but time has changed.
const LOOK: Duration = Duration::from_secs(10);
/// After how long without activity time alone can change a status.
const SILENCE: Span = Span::from_mins(5);
/// Moments that a client may be behind.
const RING: usize = 64;
/// Sessions that are remembered as they were told last.
const MAX_KNOWN: usize = 10_000;
/// Sessions that are told in one moment; a burst is told in several.
const MAX_TOLD: usize = 500;

/// A session as it was told last.
#[derive(Debug, Clone)]
struct Known {
    dashboard: dashboard::Session,
    figures: Figures,
}

impl Known {
    fn of(view: &SessionView, now: Timestamp) -> Self {
        Self {
            dashboard: view.into(),
            figures: Figures::of(view, now),
        }
    }
}

/// What listeners share.
#[derive(Debug)]
pub(crate) struct News {
    pub(super) dashboard: broadcast::Sender<Frames>,
    pub(super) sessions: broadcast::Sender<Frames>,
    pub(super) seats: Seats,
    /// Sessions as they were told last; `None` while nobody listens.
    known: Mutex<Option<HashMap<SessionKey, Known>>>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            dashboard: broadcast::channel(RING).0,
            sessions: broadcast::channel(RING).0,
            seats: Seats::default(),
            known: Mutex::default(),
        }
    }
}

impl News {
    fn is_heard(&self) -> bool {
        self.dashboard.receiver_count() + self.sessions.receiver_count() > 0
    }

    /// Takes note of how sessions are before the first listener is told what changes. To be called after subscribing.
    pub(super) async fn prepare(&self, app: &App) -> Result<(), ApiError> {
        let mut known = self.known.lock().await;
        if known.is_none() {
            let filter = SessionFilter {
                limit: Some(MAX_KNOWN),
                ..SessionFilter::default()
            };
            let (list, now) = app
                .ask(move |monitor| Ok((monitor.sessions(&filter)?, monitor.now())))
                .await?;
            let each = list.sessions.iter();
            *known = Some(
                each.map(|view| (view.key.clone(), Known::of(view, now)))
                    .collect(),
            );
        }
        Ok(())
    }
}

/// Tells what changes until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut changes = app.monitor.subscribe();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stats = interval(app.settings.stats_interval);
    stats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut changed = BTreeSet::new();
    let mut due = Instant::now();
    let mut stats_due = false;
    loop {
        tokio::select! {
            () = app.stopped() => return,
            heard = changes.recv() => match heard {
                Some(Heard::Update(update)) => {
                    if changed.is_empty() {
                        due = Instant::now() + GATHER;
                    }
                    changed.insert(update.change.key.clone());
                }
                // What was missed shows with the next change of each session, or when time has passed.
                Some(Heard::Resync(_)) => {}
                None => return,
            },
            () = sleep_until(due), if !changed.is_empty() => {
                let keys: Vec<SessionKey> = changed.iter().take(MAX_TOLD).cloned().collect();
                for key in &keys {
                    changed.remove(key);
                }
                stats_due |= tell(&app, keys).await;
            }
            _ = look.tick() => {
                let silent = silent(&app).await;
                stats_due |= tell(&app, silent).await;
            }
            _ = stats.tick(), if stats_due => {
                stats_due = false;
                tell_stats(&app).await;
            }
        }
    }
}

/// The sessions that time alone may have changed.
async fn silent(app: &App) -> Vec<SessionKey> {
    let now = app.monitor.now();
    let known = app.news.known.lock().await;
    let each = known.iter().flatten();
    let silent = each.filter(|(_, known)| {
        known.figures.status == "working" && now - known.figures.last_activity > SILENCE
    });
    silent.take(MAX_TOLD).map(|(key, _)| key.clone()).collect()
}

/// Tells what is new of these sessions. Returns whether anything was.
async fn tell(app: &App, keys: Vec<SessionKey>) -> bool {
    let mut known = app.news.known.lock().await;
    if !app.news.is_heard() {
        *known = None;
        return false;
    }
    let (Some(known), false) = (known.as_mut(), keys.is_empty()) else {
        return false;
    };
    let asked = app
        .ask(move |monitor| Ok((monitor.find_sessions(&keys)?, monitor.now())))
        .await;
    let (views, now) = match asked {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(?error, "listeners miss a change");
            return false;
        }
    };
    let (mut for_dashboard, mut for_sessions) = (Vec::new(), Vec::new());
    for view in &views {
        let after = Known::of(view, now);
        let before = known.get(&view.key);
        for_dashboard.extend(dashboard_frame(before, &after, now));
        if before.is_none_or(|before| before.figures != after.figures) {
            let status = before.map(|before| before.figures.status);
            let message = sessions_api::message(view, status, now);
            for_sessions.extend(frame("session", &message));
        }
        if known.len() < MAX_KNOWN || before.is_some() {
            known.insert(view.key.clone(), after);
        }
    }
    let is_news = !for_dashboard.is_empty();
    send(&app.news.dashboard, for_dashboard);
    send(&app.news.sessions, for_sessions);
    is_news
}

fn dashboard_frame(before: Option<&Known>, after: &Known, now: Timestamp) -> Option<Frame> {
    let session = &after.dashboard;
    let (topic, data) = match before.map(|before| &before.dashboard) {
        None => ("session-started", json!(session)),
        Some(before) if before == session => return None,
        Some(before) if before.is_running() && !session.is_running() => {
            ("session-completed", json!(session))
        }
        Some(before) => {
            let changes = dashboard::changes(before, session);
            (
                "session-updated",
                json!({ "session": session, "changes": changes }),
            )
        }
    };
    dashboard_message(topic, &data, now)
}

fn dashboard_message(topic: &'static str, data: &impl Serialize, now: Timestamp) -> Option<Frame> {
    #[derive(Serialize)]
    struct Message<'a, T> {
        r#type: &'static str,
        data: &'a T,
        timestamp: i64,
    }
    let message = Message {
        r#type: topic,
        data,
        timestamp: now.0,
    };
    frame(topic, &message)
}

async fn tell_stats(app: &App) {
    if app.news.dashboard.receiver_count() == 0 {
        return;
    }
    match app.ask(totals).await {
        Ok((totals, now)) => {
            let frame = dashboard_message("stats-updated", &dashboard::stats(&totals, now), now);
            send(&app.news.dashboard, frame.into_iter().collect());
        }
        Err(error) => tracing::warn!(?error, "listeners miss statistics"),
    }
}

/// Sums over all sessions.
pub(super) fn totals(
    monitor: &agentmon_core::Monitor,
) -> Result<(dashboard::Totals, Timestamp), agentmon_core::Error> {
    let list = monitor.sessions(&SessionFilter::default())?;
    Ok((dashboard::Totals::of(&list.sessions), monitor.now()))
}

fn frame(topic: &'static str, message: &impl Serialize) -> Option<Frame> {
    let text = serde_json::to_string(message);
    let text = text.inspect_err(|error| tracing::error!(%error, "a message could not be written"));
    text.ok().map(|text| Frame { topic, text })
}

fn send(to: &broadcast::Sender<Frames>, frames: Vec<Frame>) {
    if !frames.is_empty() {
        // Nobody listening is no error.
        let _ = to.send(Arc::new(frames));
    }
}
