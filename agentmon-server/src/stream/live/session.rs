//! One session as a topic: what it is doing, its children, and its transcript as it grows.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use agentmon_core::model::SessionKey;
use agentmon_core::query::{SessionFilter, TranscriptPlace};
use agentmon_core::wire;
use serde::Serialize;
use serde_json::value::RawValue;

use super::channel::{Found, News};
use super::message::{Refusal, print, raw};
use crate::app::App;

/// Blocks in a snapshot.
const BLOCKS: usize = 100;
/// Events that are read at a time. More came from a file that is read as a whole: that is told as a snapshot.
const EVENTS: usize = 400;
/// How often children, models and tools are looked at while things change.
const DETAIL: Duration = Duration::from_secs(2);

/// What clients have of a session.
#[derive(Debug)]
pub(super) struct SessionMemory {
    key: SessionKey,
    children: HashSet<SessionKey>,
    prints: [u64; 4],
    seen: i64,
    looked: Instant,
    stale: bool,
}

#[derive(Serialize, Default)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    models: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

impl SessionMemory {
    pub(super) async fn look(
        id: &str,
        committed: i64,
        app: &App,
    ) -> Result<(Self, Box<RawValue>), Refusal> {
        let id = id.to_owned();
        let (detail, page) = app
            .ask(move |monitor| {
                let detail = monitor.session(&id)?;
                let page = monitor.blocks(&detail.session.key, TranscriptPlace::Last, BLOCKS)?;
                Ok((detail, page))
            })
            .await?;
        let prints = [
            print(&raw(&wire::session_row(&detail.session))),
            print(&raw(&wire::session_rows(&detail.children))),
            print(&raw(&wire::model_rows(&detail.models))),
            print(&raw(&wire::tool_rows(&detail.tools))),
        ];
        let children = detail.children.iter().map(|child| child.key.clone());
        let memory = Self {
            children: children.collect(),
            prints,
            seen: committed,
            looked: Instant::now(),
            stale: false,
            key: detail.session.key.clone(),
        };
        Ok((memory, raw(&wire::live_session(&detail, &page))))
    }

    pub(super) async fn update(&mut self, news: &News, app: &App) -> Result<Found, Refusal> {
        let is_own = |key: &SessionKey| *key == self.key || self.children.contains(key);
        let changed = news.lost || news.sessions.iter().any(is_own);
        self.stale |= changed;
        let mut patch = Patch::default();
        if news.events || news.lost {
            let (key, seen) = (self.key.clone(), self.seen);
            let new = app
                .ask(move |monitor| monitor.blocks_after(&key, seen, EVENTS))
                .await?;
            self.seen = self.seen.max(news.committed);
            let Some((blocks, total)) = new else {
                let (memory, data) = Self::look(&self.key.to_string(), self.seen, app).await?;
                *self = memory;
                return Ok(Found::Whole(data));
            };
            if !blocks.is_empty() {
                self.stale = true;
                patch.blocks = Some(raw(&wire::block_rows(&blocks)));
                patch.total = Some(total);
            }
        }
        if changed {
            let filter = SessionFilter {
                keys: vec![self.key.clone()],
                within: true,
                ..SessionFilter::default()
            };
            let list = app.ask(move |monitor| monitor.sessions(&filter)).await?;
            if let Some(view) = list.sessions.first() {
                patch.session = self.changed(0, raw(&wire::session_row(view)));
            }
        }
        if self.stale && self.looked.elapsed() >= DETAIL {
            (self.stale, self.looked) = (false, Instant::now());
            let id = self.key.to_string();
            let detail = app.ask(move |monitor| monitor.session(&id)).await?;
            let children = detail.children.iter().map(|child| child.key.clone());
            self.children = children.collect();
            let session = self.changed(0, raw(&wire::session_row(&detail.session)));
            patch.session = session.or(patch.session);
            patch.children = self.changed(1, raw(&wire::session_rows(&detail.children)));
            patch.models = self.changed(2, raw(&wire::model_rows(&detail.models)));
            patch.tools = self.changed(3, raw(&wire::tool_rows(&detail.tools)));
        }
        let parts = [
            &patch.session,
            &patch.children,
            &patch.models,
            &patch.tools,
            &patch.blocks,
        ];
        Ok(if parts.iter().all(|part| part.is_none()) {
            Found::Nothing
        } else {
            Found::Patch(raw(&patch))
        })
    }

    /// A part if it is not as it was.
    fn changed(&mut self, part: usize, json: Box<RawValue>) -> Option<Box<RawValue>> {
        let now = print(&json);
        let before = std::mem::replace(&mut self.prints[part], now);
        (before != now).then_some(json)
    }
}
