//! `agentmon.export.*`: one object a line, with all that another agentmon needs to take it in as the same fact
//! (`source::exported` reads it).

use serde::Serialize;

use super::event::Event;
use super::part::{Time, Usd};
use super::session::Session;
use super::usage::Row;
use crate::model::{CallSource, FactKey, PriceMode, SessionPatch};
use crate::query::{CallRow, EventRow, SessionView, UsageRow};

/// One event, as in a page, and what it is known by.
#[must_use]
pub fn export_event(event: &EventRow) -> impl Serialize + '_ {
    let identity = &event.identity;
    Exported {
        schema: "agentmon.export.event.v1",
        line: ExportedEvent {
            event: event.into(),
            key: identity.key.to_hex(),
            credit: identity.credit,
            call: identity.call.map(FactKey::to_hex),
            model_call: identity.model_call.map(FactKey::to_hex),
        },
    }
}

/// One session, as in a list, and its facts as they are merged.
#[must_use]
pub fn export_session<'a>(
    session: &'a SessionView,
    facts: Option<&'a SessionPatch>,
) -> impl Serialize + 'a {
    Exported {
        schema: "agentmon.export.session.v1",
        line: ExportedSession {
            session: session.into(),
            facts,
        },
    }
}

/// One model call.
#[must_use]
pub fn export_call(call: &CallRow) -> impl Serialize + '_ {
    let usage = &call.usage;
    Exported {
        schema: "agentmon.export.call.v1",
        line: Call {
            key: call.fact.to_hex(),
            at: Time(call.at),
            session: call.session.to_string(),
            agent: call.session.agent.as_str(),
            native_id: &call.session.native_id,
            model: &call.model,
            input_tokens: usage.input,
            output_tokens: usage.output,
            cache_read_tokens: usage.cache_read,
            cache_creation_5m_tokens: usage.cache_creation_5m,
            cache_creation_1h_tokens: usage.cache_creation_1h,
            reasoning_tokens: usage.reasoning,
            mode: call.mode,
            web_searches: call.web_searches,
            cost_usd: call.cost.map(Usd),
            reported_usd: call.reported.map(Usd),
            source: call.source,
            credit: call.credit,
        },
    }
}

/// One row of a report by day with all dimensions: a sum, which cannot be taken in again.
#[must_use]
pub fn export_usage(row: &UsageRow) -> impl Serialize + '_ {
    Exported {
        schema: "agentmon.export.usage.v1",
        line: Row::from(row),
    }
}

/// One line of an export.
#[derive(Serialize)]
struct Exported<T> {
    schema: &'static str,
    #[serde(flatten)]
    line: T,
}

#[derive(Serialize)]
struct ExportedEvent<'a> {
    #[serde(flatten)]
    event: Event<'a>,
    key: String,
    credit: i64,
    call: Option<String>,
    model_call: Option<String>,
}

#[derive(Serialize)]
struct ExportedSession<'a> {
    #[serde(flatten)]
    session: Session<'a>,
    facts: Option<&'a SessionPatch>,
}

#[derive(Serialize)]
struct Call<'a> {
    key: String,
    at: Time,
    session: String,
    agent: &'a str,
    native_id: &'a str,
    model: &'a str,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_creation_5m_tokens: u64,
    cache_creation_1h_tokens: u64,
    reasoning_tokens: u64,
    mode: PriceMode,
    web_searches: u32,
    cost_usd: Option<Usd>,
    reported_usd: Option<Usd>,
    source: CallSource,
    credit: i64,
}
