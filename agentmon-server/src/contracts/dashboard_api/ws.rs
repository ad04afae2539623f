//! `/ws`: sessions and statistics as they change, for those topics that a client subscribes to; all of them if it does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use warp::reply::Response;
use warp::ws::Ws;
use warp::{Filter, Reply};

use crate::access::Client;
use crate::app::App;
use crate::contracts::socket::{self, MAX_MESSAGE, Protocol, Seat};
use crate::error::ApiError;
use crate::http::call::{client, upgrade_required};
use crate::http::{Route, answer, method, with};

/// All topics.
const TOPICS: [&str; 4] = [
    "session-started",
    "session-updated",
    "session-completed",
    "stats-updated",
];

pub(super) fn routes(app: &Arc<App>) -> Route {
    let socket = warp::path!("ws")
        .and(method::get())
        .and(warp::ws())
        .and(with(app))
        .and(client(app))
        .then(|upgrade, app, client| async move { answer(open(app, upgrade, client).await) });
    let other = warp::path!("ws").and(warp::method()).map(|method| {
        answer(Err(match method {
            http::Method::GET | http::Method::HEAD => upgrade_required(),
            _ => ApiError::method_not_allowed("GET"),
        }))
    });
    socket.or(other).unify().boxed()
}

async fn open(app: Arc<App>, upgrade: Ws, client: Client) -> Result<Response, ApiError> {
    let seat = Seat::take(&app, client)?;
    let frames = app.news.dashboard.subscribe();
    app.news.prepare(&app).await?;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    let serve = |socket| socket::serve(seat, socket, frames, Subscriber::default());
    Ok(upgrade.on_upgrade(serve).into_response())
}

/// One client, and what it has subscribed to; `None` as long as it has not.
#[derive(Debug, Default)]
struct Subscriber {
    topics: Option<BTreeSet<&'static str>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Request {
    Subscribe { topics: Vec<String> },
    Unsubscribe { topics: Vec<String> },
    Ping,
}

impl Protocol for Subscriber {
    fn greeting(&self, app: &App) -> Option<String> {
        let now = app.monitor.now().0;
        let greeting = json!({ "type": "connection", "status": "connected", "timestamp": now });
        Some(greeting.to_string())
    }

    fn hear(&mut self, text: &str) -> Result<Option<String>, String> {
        let request = serde_json::from_str(text)
            .map_err(|_| "expected {\"type\":\"subscribe\",\"topics\":[...]}".to_owned())?;
        match request {
            Request::Ping => return Ok(Some(json!({ "type": "pong" }).to_string())),
            Request::Subscribe { topics } => {
                let topics = known(&topics)?;
                self.topics.get_or_insert_default().extend(topics);
            }
            Request::Unsubscribe { topics } => {
                let topics = known(&topics)?;
                let mine = self.topics.get_or_insert_with(|| TOPICS.into());
                mine.retain(|topic| !topics.contains(topic));
            }
        }
        let answer = json!({ "type": "subscribed", "topics": self.topics });
        Ok(Some(answer.to_string()))
    }

    fn wants(&self, topic: &str) -> bool {
        self.topics
            .as_ref()
            .is_none_or(|topics| topics.contains(topic))
    }
}

/// The topics of these names; `sessions` and `stats` stand for all of their kind, `*` for all.
fn known(names: &[String]) -> Result<Vec<&'static str>, String> {
    let mut known = Vec::new();
    for name in names {
        let matches = |topic: &&str| match name.as_str() {
            "*" => true,
            "sessions" => topic.starts_with("session-"),
            "stats" => *topic == "stats-updated",
            name => *topic == name,
        };
        let before = known.len();
        known.extend(TOPICS.into_iter().filter(matches));
        if known.len() == before {
            return Err(format!("unknown topic; there are: {}", TOPICS.join(", ")));
        }
    }
    Ok(known)
}
