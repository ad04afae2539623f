//! `agentmon export`: everything there is, one object or row a line, for other programs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use agentmon_core::Monitor;
use agentmon_core::query::{
    CallFilter, Dimensions, EventFilter, Order, RefreshOptions, ReportKind, SessionFilter,
    UsageFilter, UsageQuery,
};
use agentmon_core::wire;
use serde::Serialize;

use super::words;
use crate::args::{ExportArgs, ExportFormat, ExportWhat};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::csv::Rows;
use crate::output::{Output, json};

/// Events that are in memory at once.
const PAGE: usize = 500;

pub(super) fn run(args: &ExportArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let (since, until) = cx.range(&args.range)?;
    if args.what == ExportWhat::All && args.format == ExportFormat::Csv {
        let message = "--format csv: lines of `export all` have no columns in common; export one kind, or --format jsonl";
        return Err(Error::Usage(message.to_owned()));
    }
    let wants = |what| [what, ExportWhat::All].contains(&args.what);
    let monitor = cx.fresh_monitor(RefreshOptions {
        since,
        want_state: wants(ExportWhat::Sessions),
        content: wants(ExportWhat::Events),
        ..RefreshOptions::default()
    })?;
    let mut file;
    let target: &mut dyn Write = match &args.out {
        None => out.raw(),
        Some(path) => {
            file = BufWriter::new(create(path)?);
            &mut file
        }
    };
    let mut lines = Lines::new(args, target);
    let of = UsageFilter {
        agents: args.filter.agent.clone(),
        models: words(&args.filter.model),
        projects: cx.projects(&args.filter.project),
        hosts: words(&args.filter.host),
        sessions: words(&args.session),
    };
    if wants(ExportWhat::Sessions) {
        let filter = SessionFilter {
            agents: of.agents.clone(),
            models: of.models.clone(),
            projects: of.projects.clone(),
            hosts: of.hosts.clone(),
            sessions: of.sessions.clone(),
            since,
            until,
            within: true,
            ..SessionFilter::default()
        };
        for session in &monitor.sessions(&filter)?.sessions {
            let facts = monitor.session_facts(&session.key)?;
            lines.write(&wire::export_session(session, facts.as_ref()))?;
        }
    }
    if wants(ExportWhat::Calls) {
        let mut filter = CallFilter {
            of: of.clone(),
            since,
            until,
            after: None,
            limit: PAGE,
        };
        each_call(&monitor, &mut filter, &mut lines)?;
    }
    if wants(ExportWhat::Events) {
        let mut filter = EventFilter {
            agents: of.agents.clone(),
            projects: of.projects.clone(),
            hosts: of.hosts.clone(),
            sessions: of.sessions.clone(),
            since,
            until,
            order: Order::Ascending,
            limit: PAGE,
            ..EventFilter::default()
        };
        each_event(&monitor, &mut filter, &mut lines)?;
    }
    if args.what == ExportWhat::Usage {
        let all = Dimensions {
            agent: true,
            model: true,
            project: true,
            host: true,
            session: true,
        };
        let query = UsageQuery {
            by: all,
            since,
            until,
            zone: cx.zone().clone(),
            filter: of,
            ..UsageQuery::new(ReportKind::Daily)
        };
        for row in &monitor.usage(&query)?.rows {
            lines.write(&wire::export_usage(row))?;
        }
    }
    lines.finish()?;
    Ok(Exit::Done)
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(|error| {
        Error::Output(io::Error::new(
            error.kind(),
            format!("--out {}: {error}", path.display()),
        ))
    })
}

fn each_event(
    monitor: &Monitor,
    filter: &mut EventFilter,
    lines: &mut Lines<'_>,
) -> Result<(), Error> {
    loop {
        let page = monitor.events(filter)?;
        for event in &page.events {
            lines.write(&wire::export_event(event))?;
        }
        filter.after = page.next;
        if filter.after.is_none() {
            return Ok(());
        }
    }
}

fn each_call(
    monitor: &Monitor,
    filter: &mut CallFilter,
    lines: &mut Lines<'_>,
) -> Result<(), Error> {
    loop {
        let calls = monitor.model_calls(filter)?;
        for call in &calls {
            lines.write(&wire::export_call(call))?;
        }
        filter.after = calls.last().map(|call| call.fact);
        if calls.len() < filter.limit {
            return Ok(());
        }
    }
}

/// Writes objects one by one.
enum Lines<'a> {
    Json(&'a mut dyn Write),
    Csv(Box<Rows<'a>>, &'static [&'static str]),
}

impl<'a> Lines<'a> {
    fn new(args: &ExportArgs, target: &'a mut dyn Write) -> Self {
        match args.format {
            ExportFormat::Jsonl => Self::Json(target),
            ExportFormat::Csv => Self::Csv(Box::new(Rows::new(target)), columns(args.what)),
        }
    }

    fn write(&mut self, object: &impl Serialize) -> Result<(), Error> {
        match self {
            Self::Json(out) => json::write(*out, object, false)?,
            Self::Csv(rows, columns) => {
                let object = serde_json::to_value(object).map_err(io::Error::from)?;
                let cell = |column: &&str| {
                    let parts = column.split('.');
                    let value = parts.fold(&object, |value, part| &value[part]);
                    match value {
                        serde_json::Value::Null => String::new(),
                        serde_json::Value::String(text) => text.clone(),
                        other => other.to_string(),
                    }
                };
                if rows.is_new() {
                    let names = columns.iter().map(|column| column.rsplit('.').next());
                    rows.headings(names.map(Option::unwrap_or_default))?;
                }
                rows.row(columns.iter().map(cell))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        match self {
            Self::Json(out) => out.flush()?,
            Self::Csv(mut rows, columns) => {
                if rows.is_new() {
                    let names = columns.iter().map(|column| column.rsplit('.').next());
                    rows.headings(names.map(Option::unwrap_or_default))?;
                }
                rows.flush()?;
            }
        }
        Ok(())
    }
}

/// The fields of an object as columns; what stands inside another object is named by its path.
fn columns(what: ExportWhat) -> &'static [&'static str] {
    match what {
        ExportWhat::Events => &[
            "id",
            "at",
            "session",
            "agent",
            "native_id",
            "kind",
            "status",
            "tool",
            "duration_ms",
            "model",
            "usage.input_tokens",
            "usage.output_tokens",
            "usage.cache_read_tokens",
            "usage.cache_creation_tokens",
            "usage.reasoning_tokens",
            "usage.total_tokens",
            "cost_usd",
            "text",
            "truncated",
        ],
        ExportWhat::Sessions => &[
            "id",
            "agent",
            "native_id",
            "parent_id",
            "relation",
            "state",
            "reason",
            "detail",
            "liveness",
            "since",
            "title",
            "project",
            "project_path",
            "branch",
            "cwd",
            "model",
            "version",
            "entrypoint",
            "role",
            "started_at",
            "last_activity_at",
            "usage.requests",
            "usage.input_tokens",
            "usage.output_tokens",
            "usage.cache_read_tokens",
            "usage.cache_creation_tokens",
            "usage.reasoning_tokens",
            "usage.total_tokens",
            "cost_usd",
            "usage.unpriced_requests",
            "blocked_ms",
            "children",
            "pid",
            "transcript",
        ],
        ExportWhat::Calls => &[
            "key",
            "at",
            "session",
            "agent",
            "native_id",
            "model",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_creation_5m_tokens",
            "cache_creation_1h_tokens",
            "reasoning_tokens",
            "mode",
            "web_searches",
            "cost_usd",
            "reported_usd",
            "source",
        ],
        // Its lines have nothing in common.
        ExportWhat::All => &[],
        ExportWhat::Usage => &[
            "period",
            "session_id",
            "title",
            "agent",
            "model",
            "project",
            "project_path",
            "requests",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_creation_tokens",
            "reasoning_tokens",
            "total_tokens",
            "cost_usd",
            "unpriced_requests",
            "first_at",
            "last_at",
        ],
    }
}
