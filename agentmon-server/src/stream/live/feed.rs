//! The event feed as a topic.

use agentmon_core::model::Span;
use agentmon_core::query::{EventFilter, EventRow, Order};
use agentmon_core::wire;
use serde_json::value::RawValue;

use super::channel::{Found, News};
use super::message::{Refusal, raw};
use crate::app::App;

/// Events in a snapshot.
const EVENTS: usize = 100;
/// Events in a patch.
const MAX_PATCH: usize = 200;
/// Events that are read at a time.
const CHUNK: usize = 1000;
/// Events that are older than this when they are stored come from history that is being read: no news.
const NEWS: Span = Span::from_mins(10);

/// What clients have of the feed.
#[derive(Debug)]
pub(super) struct FeedMemory {
    seen: i64,
}

impl FeedMemory {
    pub(super) async fn look(
        filter: &EventFilter,
        committed: i64,
        app: &App,
    ) -> Result<(Self, Box<RawValue>), Refusal> {
        let filter = EventFilter {
            order: Order::Descending,
            after: None,
            limit: EVENTS,
            ..filter.clone()
        };
        let page = app.ask(move |monitor| monitor.events(&filter)).await?;
        let data = raw(&wire::live_events(&page.events, 0));
        Ok((Self { seen: committed }, data))
    }

    pub(super) async fn update(
        &mut self,
        filter: &EventFilter,
        news: &News,
        app: &App,
    ) -> Result<Found, Refusal> {
        if news.committed <= self.seen {
            return Ok(Found::Nothing);
        }
        let (filter, seen) = (filter.clone(), self.seen);
        let (events, now) = app
            .ask(move |monitor| {
                let events = monitor.events_after(&filter, seen, CHUNK)?;
                Ok((events, monitor.now()))
            })
            .await?;
        // Where more came at once, the oldest are told and the rest is in the next patches.
        let is_whole = events.len() < CHUNK;
        self.seen = match events.last() {
            Some(last) if !is_whole => last.id,
            last => last.map_or(news.committed, |last| last.id.max(news.committed)),
        };
        let is_news = |event: &EventRow| now - event.at <= NEWS;
        let mut events: Vec<EventRow> = events.into_iter().filter(is_news).collect();
        if events.is_empty() {
            return Ok(Found::Nothing);
        }
        events.reverse();
        let skipped = events.len().saturating_sub(MAX_PATCH);
        events.truncate(MAX_PATCH);
        Ok(Found::Patch(raw(&wire::live_events(
            &events,
            skipped as u64,
        ))))
    }
}
