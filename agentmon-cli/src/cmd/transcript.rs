//! `agentmon transcript`: what was said in a session, for a terminal, as Markdown or as JSON.

use agentmon_core::Monitor;
use agentmon_core::model::{EventKind, EventStatus};
use agentmon_core::query::{EventRow, RefreshOptions, SessionDetail};
use agentmon_core::wire;

use super::empty;
use super::sessions::{cost, project, title};
use super::show::head;
use crate::args::TranscriptArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::{Format, Output, human, text};

/// Lines of a tool's input or output unless all are asked for.
const TOOL_LINES: usize = 12;

pub(super) fn run(args: &TranscriptArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.fresh_monitor(RefreshOptions {
        want_state: true,
        content: true,
        content_of: Some(&args.id),
        ..RefreshOptions::default()
    })?;
    let detail = monitor.session(&args.id)?;
    if out.format == Format::Json {
        let mut events = Vec::new();
        each_event(&monitor, &detail, |event| {
            events.push(event);
            Ok(())
        })?;
        out.json(&wire::transcript(&detail, &events))?;
    } else if args.markdown {
        markdown(&monitor, &detail, cx, out)?;
    } else {
        show(&monitor, &detail, args.full, cx, out)?;
    }
    Ok(Exit::Done)
}

/// Hands over every event of the session, oldest first, page by page.
fn each_event(
    monitor: &Monitor,
    detail: &SessionDetail,
    mut each: impl FnMut(EventRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = monitor.transcript(&detail.session.key, after)?;
        page.events.into_iter().try_for_each(&mut each)?;
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Who speaks.
fn speaker(event: &EventRow) -> &'static str {
    match event.kind {
        EventKind::UserPrompt => "User",
        EventKind::Response => "Agent",
        EventKind::Thinking => "Agent, thinking",
        EventKind::ToolUse => "Tool call",
        EventKind::ToolResult => "Tool result",
        EventKind::Compaction => "Compaction",
        EventKind::Error => "Error",
        kind => kind.as_str(),
    }
}

fn is_tool(event: &EventRow) -> bool {
    matches!(event.kind, EventKind::ToolUse | EventKind::ToolResult)
}

fn show(
    monitor: &Monitor,
    detail: &SessionDetail,
    full: bool,
    cx: &Context,
    out: &mut Output,
) -> Result<(), Error> {
    head(&detail.session, cx, out)?;
    for child in &detail.children {
        let line = format!("Child: agentmon transcript {}  {}", child.key, title(child));
        empty::hint(out, &line)?;
    }
    let mut nothing = true;
    each_event(monitor, detail, |event| {
        nothing = false;
        message(&event, full, cx, out)
    })?;
    if nothing {
        out.line("")?;
        out.line("No text is known of this session.")?;
    }
    Ok(())
}

fn message(event: &EventRow, full: bool, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let style = match event.kind {
        _ if event.status != EventStatus::Success => Style::Bad,
        EventKind::UserPrompt => Style::Alert,
        EventKind::Response => Style::Good,
        _ => Style::Faint,
    };
    let tool = event.tool.as_deref().unwrap_or_default();
    let heading = format!("{} {}", speaker(event), text::line(tool));
    let at = human::time_with_seconds(event.at, cx.now, cx.zone());
    let at = out.palette.paint(Style::Faint, at);
    let heading = out
        .palette
        .paint(style, format!("── {}", heading.trim_end()));
    out.line("")?;
    out.line(format!("{heading}  {at}"))?;
    let body = match event.kind {
        EventKind::UserPrompt | EventKind::Response => Style::Plain,
        _ => Style::Faint,
    };
    let most = if full || !is_tool(event) {
        usize::MAX
    } else {
        TOOL_LINES
    };
    let mut lines = text::lines(&event.text);
    for line in lines.by_ref().take(most) {
        let line = out.palette.paint(body, line);
        out.line(line)?;
    }
    let rest = lines.count();
    if rest > 0 {
        let more = human::counted(rest as u64, "more line");
        empty::hint(out, &format!("… {more}: --full shows all"))?;
    }
    if event.truncated {
        empty::hint(out, "… cut here: the agent's own file has the rest")?;
    }
    Ok(())
}

fn markdown(
    monitor: &Monitor,
    detail: &SessionDetail,
    cx: &Context,
    out: &mut Output,
) -> Result<(), Error> {
    let session = &detail.session;
    let heading = match title(session) {
        "" => &*session.key.native_id,
        title => title,
    };
    out.line(format!("# {}", escaped(heading)))?;
    out.line("")?;
    let zone = cx.zone();
    let time = |at| zone.datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let facts = [
        ("Session", Some(session.key.to_string())),
        (
            "Project",
            Some(project(session)).filter(|name| !name.is_empty()),
        ),
        ("Model", session.model.as_deref().map(str::to_owned)),
        ("Started", session.started_at.map(time)),
        ("Last activity", session.last_activity_at.map(time)),
        ("Cost", Some(cost(session))),
        (
            "Part of",
            session.parent.as_ref().map(|(key, _)| key.to_string()),
        ),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            out.line(format!("- {name}: {}", escaped(&value)))?;
        }
    }
    if !detail.children.is_empty() {
        out.line("\n## Children\n")?;
        for child in &detail.children {
            let line = format!("{} {}", child.key, title(child));
            out.line(format!("- {}", escaped(line.trim_end())))?;
        }
    }
    each_event(monitor, detail, |event| {
        let tool = event.tool.as_deref().unwrap_or_default();
        let heading = format!("{} {tool}", speaker(&event));
        let failed = match event.status {
            EventStatus::Success => "",
            EventStatus::Error => " (failed)",
            EventStatus::Timeout => " (timed out)",
        };
        let (heading, at) = (escaped(heading.trim_end()), time(event.at));
        out.line(format!("\n## {heading}{failed} · {at}\n"))?;
        body(&event, out)
    })
}

/// The text of an event, in a block that ends where it ends: a quote for what was said, code for everything else.
fn body(event: &EventRow, out: &mut Output) -> Result<(), Error> {
    let said = matches!(event.kind, EventKind::UserPrompt | EventKind::Response);
    if said {
        for line in text::lines(&event.text) {
            out.line(format!("> {line}").trim_end())?;
        }
    } else if !event.text.trim().is_empty() {
        let fence = fence(&event.text);
        out.line(&fence)?;
        for line in text::lines(&event.text) {
            out.line(line)?;
        }
        out.line(&fence)?;
    }
    if event.truncated {
        out.line("\n*Cut here: the agent's own file has the rest.*")?;
    }
    Ok(())
}

/// More backticks than stand together anywhere in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// One harmless line that Markdown takes literally.
fn escaped(line: &str) -> String {
    let mut escaped = String::new();
    for c in text::line(line).chars() {
        if "\\`*_{}[]<>#+!|~&".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cannot_be_left() {
        assert_eq!(fence("plain"), "```");
        assert_eq!(fence("a ```` b `` c"), "`````");
        assert_eq!(
            escaped("a *b* <c> `d`\u{1b}[2J\n# e"),
            "a \\*b\\* \\<c\\> \\`d\\`�\\[2J \\# e"
        );
    }
}
