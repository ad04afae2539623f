//! `agentmon search`: events by the words in their text.

use agentmon_core::query::{
    RefreshOptions, SearchFilter, SearchHit, SearchResults, SearchText, Snippet,
};
use agentmon_core::wire;

use super::sessions::ShortIds;
use super::{empty, words};
use crate::args::SearchArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::{Format, Output, human, text};

/// How far the found text stands in.
const INDENT: usize = 3;

pub(super) fn run(args: &SearchArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let (since, until) = cx.range(&args.range)?;
    let filter = SearchFilter {
        text: SearchText::parse(&args.text.join(" ")),
        sessions: words(&args.whose.session),
        agents: args.whose.agent.clone(),
        projects: cx.projects(&args.whose.project),
        kinds: args.kind.clone(),
        since,
        until,
        order: args.order.into(),
        limit: args.limit.max(1),
    };
    if filter.text.terms.is_empty() {
        return Err(Error::Usage(
            "there is no word in TEXT to search for: give letters or digits, such as `agentmon search parser`"
                .to_owned(),
        ));
    }
    let monitor = if args.no_wait {
        cx.monitor()?
    } else {
        cx.fresh_monitor(RefreshOptions {
            since,
            content: true,
            ..RefreshOptions::default()
        })?
    };
    let results = monitor.search(&filter)?;
    match out.format {
        Format::Json => out.json(&wire::search(&filter, &results))?,
        Format::Csv => csv(&results, out)?,
        Format::Table => show(&results, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(results: &SearchResults, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let ids = ShortIds::new(results.hits.iter().map(|hit| &hit.session));
    for hit in &results.hits {
        let head = head(hit, &ids, cx, out);
        out.line(head)?;
        let width = out.width.map_or(160, |width| width.saturating_sub(INDENT));
        let found = found(&hit.snippet, width, out);
        out.line(format!("{}{found}", " ".repeat(INDENT)))?;
    }
    if results.hits.is_empty() {
        out.line("Nothing found. All words must occur in one prompt, answer or tool call; `word*` finds beginnings.")?;
    } else if results.more {
        empty::hint(
            out,
            "There is more: --limit N shows more, --since and --until narrow it down.",
        )?;
    }
    if let Some(since) = results.ranked_since {
        let since = human::time(since, cx.now, cx.zone());
        let line = format!(
            "So many events match that only those since {since} were ranked: more words, or --until, lead further back."
        );
        empty::hint(out, &line)?;
    }
    let index = &results.index;
    if !index.is_complete() {
        let line = format!(
            "Not everything is indexed yet: {} of {} files, {} of {}. What is missing cannot be found.",
            human::count(index.files_indexed),
            human::count(index.files),
            human::bytes(index.bytes_indexed),
            human::bytes(index.bytes),
        );
        let line = out.palette.paint(Style::Held, line);
        out.line(line)?;
    }
    Ok(())
}

/// Where it was found: time, session, what kind of event, project and title.
fn head(hit: &SearchHit, ids: &ShortIds, cx: &Context, out: &Output) -> String {
    let kind = format!(
        "{} {}",
        hit.kind.as_str(),
        hit.tool.as_deref().unwrap_or_default()
    );
    let joined = |parts: &[&str]| {
        let parts = parts.iter().map(|part| text::line(part));
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        parts.join("  ")
    };
    let place = joined(&[
        &human::time(hit.at, cx.now, cx.zone()),
        &ids.of(&hit.session),
        hit.session.agent.as_str(),
    ]);
    let rest = joined(&[
        &kind,
        hit.project.as_deref().unwrap_or_default(),
        hit.title.as_deref().unwrap_or_default(),
    ]);
    let columns = out.width.unwrap_or(160);
    let shown = text::clip(&rest, columns.saturating_sub(text::width(&place) + 2));
    format!("{}  {shown}", out.palette.paint(Style::Faint, &place))
}

/// The snippet on one line, with what matches made to stand out. Cut at the end, but begun late enough that the first
/// match is seen.
fn found(snippet: &Snippet, columns: usize, out: &Output) -> String {
    let mut parts: Vec<(String, Style)> = Vec::new();
    let mut last = 0;
    for range in &snippet.matches {
        parts.push((folded(&snippet.text[last..range.start]), Style::Plain));
        parts.push((folded(&snippet.text[range.clone()]), Style::Alert));
        last = range.end;
    }
    parts.push((folded(&snippet.text[last..]), Style::Plain));
    if let [(before, _), (first, _), ..] = &mut parts[..] {
        *before = before.trim_start().to_owned();
        let room = columns.saturating_sub(text::width(first)) / 2;
        *before = text::clip_start(before, room.max(1)).into_owned();
    }
    let mut line = String::new();
    let mut left = columns;
    for (part, style) in parts {
        let shown = text::clip(&part, left);
        line.push_str(&out.palette.paint(style, &shown));
        if shown.len() < part.len() {
            break;
        }
        left -= text::width(&shown);
    }
    line
}

/// Harmless text on one line, with the white space at its ends kept as one blank.
fn folded(part: &str) -> String {
    let inner = text::line(part);
    let blank = |is: bool| if is { " " } else { "" };
    if inner.is_empty() {
        return blank(!part.is_empty()).to_owned();
    }
    let begins = part.starts_with(char::is_whitespace);
    let ends = part.ends_with(char::is_whitespace);
    format!("{}{inner}{}", blank(begins), blank(ends))
}

fn csv(results: &SearchResults, out: &mut Output) -> Result<(), Error> {
    let headings = [
        "at", "session", "title", "project", "kind", "status", "tool", "snippet",
    ];
    let rows = results.hits.iter().map(|hit| {
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        vec![
            hit.at.to_string(),
            hit.session.to_string(),
            text(&hit.title),
            text(&hit.project),
            hit.kind.as_str().to_owned(),
            hit.status.as_str().to_owned(),
            text(&hit.tool),
            hit.snippet.text.clone(),
        ]
    });
    Ok(out.csv(&headings, rows)?)
}
