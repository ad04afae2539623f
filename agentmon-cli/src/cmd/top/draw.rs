//! Draws the board: what it says is in words and shapes, colour only repeats it. Pure.

use agentmon_core::model::Span as Time;
use agentmon_core::query::{QuotaView, SessionView};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style as Look};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::app::{App, Group, Mode, Sort};
use super::detail;
use super::list::{Entry, entries};
use crate::cmd::sessions::{cost, project, shape, style, title, why};
use crate::output::style::Style;
use crate::output::{human, text};

/// From this width on, details stand beside the list instead of in its place.
const WIDE: u16 = 140;
/// From these widths on, there is room for titles, and for models.
const TITLES: usize = 104;
const MODELS: usize = 132;

const HELP: [(&str, &str); 10] = [
    ("j k ↓ ↑", "the next, the one before"),
    ("PgDn PgUp", "ten of them"),
    ("Enter", "details of the session; n and p lead on"),
    ("/", "show only what has these words"),
    ("s", "sort by urgency, age, cost, title"),
    ("g", "group by state or by project"),
    ("a", "also show what is at rest or over"),
    ("Esc", "back; no filter"),
    ("?", "this help"),
    ("q", "quit"),
];

/// Draws everything.
pub(super) fn frame(frame: &mut Frame<'_>, app: &App) {
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(3),
    ])
    .areas(frame.area());
    frame.render_widget(header(app, usize::from(head.width)), head);
    if app.mode != Mode::Detail {
        list(frame, app, body);
    } else if body.width >= WIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
                .spacing(1)
                .areas(body);
        list(frame, app, left);
        detail::draw(frame, app, right);
    } else {
        detail::draw(frame, app, body);
    }
    footer(frame, app, foot);
    if app.mode == Mode::Help {
        help(frame, app, body);
    }
}

/// How a style looks here. Without colour, weight and reversal remain.
pub(super) fn look(app: &App, style: Style) -> Look {
    let plain = Look::new();
    let (modifier, color) = match style {
        Style::Plain => return plain,
        Style::Strong => (Modifier::BOLD, None),
        Style::Faint => (Modifier::DIM, None),
        Style::Alert => (Modifier::BOLD, Some(Color::Magenta)),
        Style::Bad => (Modifier::empty(), Some(Color::Red)),
        Style::Good => (Modifier::empty(), Some(Color::Green)),
        Style::Held => (Modifier::empty(), Some(Color::Yellow)),
    };
    let look = plain.add_modifier(modifier);
    match color.filter(|_| app.palette.on) {
        Some(color) => look.fg(color),
        None => look,
    }
}

/// A piece of harmless text.
pub(super) fn piece(app: &App, words: &str, style: Style) -> Span<'static> {
    Span::styled(text::line(words).into_owned(), look(app, style))
}

/// How many there are of what, and what today cost.
fn header(app: &App, width: usize) -> Paragraph<'static> {
    let board = &app.board;
    let counts = [
        (board.needs_you.len(), "need you", Style::Alert),
        (board.failed.len(), "failed", Style::Bad),
        (board.stalled.len(), "stalled", Style::Bad),
        (board.limited.len(), "limited", Style::Held),
        (board.working.len(), "working", Style::Good),
        (board.done.len(), "done", Style::Strong),
    ];
    let mut first = vec![piece(app, "agentmon", Style::Strong)];
    for (count, what, style) in counts {
        if count > 0 {
            first.push(Span::raw("  "));
            first.push(piece(app, &format!("{count} {what}"), style));
        }
    }
    let clock = app.zone.datetime(app.now).strftime("%H:%M:%S").to_string();
    let today = &board.today;
    let spent = format!(
        "Today {} · {} tokens in {} requests",
        human::cost(today.known_cost(), today.unpriced_requests),
        human::short_count(today.usage.total()),
        human::count(today.requests),
    );
    let quotas: Vec<String> = board
        .quotas
        .iter()
        .filter(|quota| !quota.expired)
        .map(quota)
        .collect();
    let quotas = quotas.join(" · ");
    let second = vec![Span::raw(text::line(&spent).into_owned())];
    Paragraph::new(vec![
        ends(first, piece(app, &clock, Style::Faint), width),
        ends(second, piece(app, &quotas, Style::Held), width),
    ])
}

fn quota(view: &QuotaView) -> String {
    let window = &view.window;
    let length = window.window_minutes.map_or_else(
        || window.window.to_string(),
        |minutes| human::span(Time::from_mins(i64::from(minutes))),
    );
    format!("{} {length} {:.0} %", window.agent, window.used_percent)
}

/// Text at both ends of a line; what does not fit on the right is left out.
fn ends(left: Vec<Span<'static>>, right: Span<'static>, width: usize) -> Line<'static> {
    let taken: usize = left.iter().map(Span::width).sum();
    let mut line = left;
    if let Some(space) = width.checked_sub(taken + right.width())
        && space > 0
    {
        line.push(Span::raw(" ".repeat(space)));
        line.push(right);
    }
    Line::from(line)
}

/// The sessions, scrolled so that the cursor is seen.
fn list(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let entries = entries(app);
    let width = usize::from(area.width);
    if entries.is_empty() {
        let words = if app.filter.is_empty() {
            "Nothing is going on, and nobody waits for you. Press a to see what is at rest."
        } else {
            "No session has these words. Esc shows all again."
        };
        let line = Line::from(piece(app, &text::clip(words, width), Style::Faint));
        frame.render_widget(Paragraph::new(vec![Line::default(), line]), area);
        return;
    }
    let columns = Columns::new(width);
    let is_selected = |entry: &Entry<'_>| match entry {
        Entry::Session(session) => app.selected.as_ref() == Some(&session.key),
        Entry::Heading { .. } => false,
    };
    let cursor = entries.iter().position(is_selected).unwrap_or(0);
    let height = usize::from(area.height);
    let above = (cursor + 2)
        .saturating_sub(height)
        .min(entries.len().saturating_sub(height));
    let lines: Vec<Line<'_>> = entries
        .iter()
        .skip(above)
        .take(height)
        .map(|entry| match entry {
            Entry::Heading { name, count, style } => {
                Line::from(piece(app, &format!("{name} ({count})"), *style))
            }
            Entry::Session(session) => row(app, session, is_selected(entry), &columns),
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// How wide the columns are. What has no room is 0.
struct Columns {
    project: usize,
    why: usize,
    title: usize,
    model: usize,
}

const AGENT: usize = 11;
const STATE: usize = 12;
const AGE: usize = 7;
const COST: usize = 8;

impl Columns {
    fn new(width: usize) -> Self {
        let project = (width / 4).clamp(12, 28);
        let model = if width >= MODELS { 18 } else { 0 };
        // The cursor and the shape take 4, and a space follows every other column.
        let fixed =
            4 + AGENT + 1 + project + 1 + AGE + 1 + COST + 1 + model + usize::from(model > 0);
        let rest = width.saturating_sub(fixed);
        let title = if width >= TITLES { rest * 2 / 5 } else { 0 };
        Self {
            project,
            why: rest - title - usize::from(title > 0),
            title,
            model,
        }
    }
}

/// One session.
fn row(app: &App, session: &SessionView, selected: bool, columns: &Columns) -> Line<'static> {
    let colour = style(session.state);
    let why = match app.group {
        // The heading does not say it.
        Group::Project => format!(
            "{:STATE$} {}",
            session.state.as_str(),
            why(session, app.now, &app.zone)
        ),
        Group::State => why(session, app.now, &app.zone),
    };
    let age = human::span(app.now - session.since);
    let mut cells = vec![
        cell(if selected { "▶" } else { "" }, 1, Style::Strong),
        cell(shape(session.liveness), 1, colour),
        cell(session.key.agent.as_str(), AGENT, Style::Faint),
        cell(&project(session), columns.project, Style::Plain),
        cell(&why, columns.why, colour),
    ];
    if columns.title > 0 {
        cells.push(cell(title(session), columns.title, Style::Faint));
    }
    if columns.model > 0 {
        let model = session.model.as_deref().unwrap_or_default();
        cells.push(cell(model, columns.model, Style::Faint));
    }
    cells.push(right(&age, AGE));
    cells.push(right(&cost(session), COST));
    let mut line = Line::default();
    for (words, style) in cells {
        line.push_span(Span::styled(words, look(app, style)));
        line.push_span(Span::raw(" "));
    }
    if selected {
        line.style(Look::new().add_modifier(Modifier::REVERSED))
    } else {
        line
    }
}

/// Harmless text in exactly so many columns.
fn cell(words: &str, columns: usize, style: Style) -> (String, Style) {
    let words = text::line(words);
    let shown = text::clip(&words, columns);
    let space = " ".repeat(columns.saturating_sub(text::width(&shown)));
    (format!("{shown}{space}"), style)
}

/// The same at the right end of its column.
fn right(words: &str, columns: usize) -> (String, Style) {
    let shown = text::clip(words, columns);
    let space = " ".repeat(columns.saturating_sub(text::width(&shown)));
    (format!("{space}{shown}"), Style::Plain)
}

/// What the cursor is on in full, and which keys there are.
fn footer(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let width = usize::from(area.width);
    let board = &app.board;
    let sections = [
        &board.needs_you,
        &board.failed,
        &board.stalled,
        &board.limited,
        &board.working,
        &board.done,
        &board.rest,
    ];
    let selected = sections
        .into_iter()
        .flatten()
        .find(|session| app.selected.as_ref() == Some(&session.key));
    let mut lines = Vec::new();
    if let (Some(session), true) = (selected, app.mode != Mode::Detail) {
        let about = [title(session), session.model.as_deref().unwrap_or_default()];
        let about: Vec<&str> = about.into_iter().filter(|part| !part.is_empty()).collect();
        let about = text::line(&about.join(" · ")).into_owned();
        lines.push(Line::from(piece(
            app,
            &text::clip(&about, width),
            Style::Faint,
        )));
        let state = format!("{}: {}", session.state, why(session, app.now, &app.zone));
        let state = text::line(&state).into_owned();
        lines.push(Line::from(piece(
            app,
            &text::clip(&state, width),
            style(session.state),
        )));
    } else {
        lines.extend([Line::default(), Line::default()]);
    }
    lines.push(keys(app, width));
    frame.render_widget(Paragraph::new(lines), area);
}

fn keys(app: &App, width: usize) -> Line<'static> {
    if let Some(error) = &app.error {
        let error = text::line(error).into_owned();
        return Line::from(piece(app, &text::clip(&error, width), Style::Bad));
    }
    let words = match app.mode {
        Mode::Filter => format!("/{}▏", app.filter),
        Mode::Detail => "Esc back · j k scroll · n p next, previous".to_owned(),
        Mode::Help => "any key: back".to_owned(),
        Mode::List => {
            let mut words =
                "? help · q quit · Enter details · / filter · s sort · g group · a all".to_owned();
            if !app.filter.is_empty() {
                words = format!("/{} · Esc all again · {words}", app.filter);
            }
            if app.sort != Sort::Urgency {
                words = format!("by {} · {words}", app.sort.name());
            }
            words
        }
    };
    let words = text::line(&words).into_owned();
    Line::from(piece(app, &text::clip(&words, width), Style::Faint))
}

fn help(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let height = (HELP.len() as u16 + 4).min(area.height);
    let width = 60.min(area.width);
    let popup = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    let mut lines: Vec<Line<'_>> = HELP
        .iter()
        .map(|(key, what)| {
            Line::from(vec![
                piece(app, &format!(" {key}"), Style::Strong),
                Span::raw(" ".repeat(12_usize.saturating_sub(text::width(key)))),
                Span::raw(*what),
            ])
        })
        .collect();
    lines.push(Line::default());
    lines.push(Line::from(
        " ● its process lives  ○ it is gone  ◌ not known",
    ));
    let block = Block::bordered().title(" Keys ");
    frame.render_widget(Clear, popup);
    frame.render_widget(Paragraph::new(lines).block(block), popup);
}
