//! The details of a session: what it is doing and why, its cost, its children, its last words. Pure.

use agentmon_core::model::EventStatus;
use agentmon_core::query::{EventRow, SessionView};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::app::{App, Opened};
use super::draw::piece;
use crate::cmd::sessions::{cost, project, shape, style, title};
use crate::cmd::show::first_line;
use crate::output::style::Style;
use crate::output::{human, text};

/// Lines of a question, a command or an error.
const WORDS: usize = 8;
/// Events at the end of the timeline.
const EVENTS: usize = 40;

/// Draws the details that are open, from the line on to which they were scrolled.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let block = Block::new().borders(Borders::TOP);
    let width = usize::from(area.width);
    let lines = match &app.opened {
        Some(opened) => lines(app, opened, width),
        None => vec![Line::from("…")],
    };
    let most = lines
        .len()
        .saturating_sub(usize::from(area.height.saturating_sub(2)));
    let scroll = app.scroll.min(u16::try_from(most).unwrap_or(u16::MAX));
    let name = app
        .opened
        .as_ref()
        .map_or("", |opened| title(&opened.detail.session));
    let name = text::line(name);
    let name = text::clip(&name, width.saturating_sub(4));
    let block = block.title(format!(" {name} "));
    frame.render_widget(Paragraph::new(lines).scroll((scroll, 0)).block(block), area);
}

fn lines(app: &App, opened: &Opened, width: usize) -> Vec<Line<'static>> {
    let session = &opened.detail.session;
    let mut lines = Lines {
        app,
        width,
        lines: Vec::new(),
    };
    lines.state(session);
    lines.facts(session);
    let verdict = &opened.explanation.verdict;
    if !verdict.evidence.is_empty() {
        lines.heading("Because");
        for sign in &verdict.evidence {
            let age = human::span(app.now - sign.at);
            let said = format!("{age:>7} ago  {}  {}", sign.source.as_str(), sign.signal);
            lines.text(&said, Style::Plain);
        }
    }
    if !opened.detail.children.is_empty() {
        lines.heading("Children");
        for child in &opened.detail.children {
            let words = format!(
                "{} {:<12} {:>8}  {}",
                shape(child.liveness),
                child.state,
                cost(child),
                title(child)
            );
            lines.text(&words, style(child.state));
        }
    }
    let timeline = &opened.detail.timeline;
    if !timeline.is_empty() {
        lines.heading("Lately");
        for event in timeline.iter().rev().take(EVENTS) {
            lines.event(event);
        }
    }
    lines.lines
}

/// Lines in the making.
struct Lines<'a> {
    app: &'a App,
    width: usize,
    lines: Vec<Line<'static>>,
}

impl Lines<'_> {
    /// One line of text, cut to the width.
    fn text(&mut self, words: &str, style: Style) {
        // Not folded: columns are made of spaces.
        let words: String = text::lines(words).next().unwrap_or_default();
        let shown = text::clip(&words, self.width).into_owned();
        let look = super::draw::look(self.app, style);
        self.lines.push(Line::from(Span::styled(shown, look)));
    }

    fn heading(&mut self, words: &str) {
        self.lines.push(Line::default());
        self.text(words, Style::Strong);
    }

    fn fact(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        let value = text::line(value);
        let shown = text::clip(&value, self.width.saturating_sub(10)).into_owned();
        self.lines.push(Line::from(vec![
            piece(self.app, name, Style::Faint),
            Span::raw(" ".repeat(10_usize.saturating_sub(text::width(name)))),
            Span::raw(shown),
        ]));
    }

    fn state(&mut self, session: &SessionView) {
        let state = format!(
            "{} {} for {}: {}",
            shape(session.liveness),
            session.state,
            human::span(self.app.now - session.since),
            human::reason(&session.reason, self.app.now, &self.app.zone)
        );
        self.text(&state, style(session.state));
        let detail = session.detail.as_deref().unwrap_or_default();
        for line in text::lines(detail).take(WORDS) {
            self.text(&format!("  │ {line}"), Style::Plain);
        }
    }

    fn facts(&mut self, session: &SessionView) {
        let (sums, usage) = (&session.sums, &session.sums.usage);
        let context = session.context.map(|(used, window)| match window {
            Some(window) if window > 0 => {
                let percent = used as f64 / window as f64 * 100.0;
                format!("{} tokens, {percent:.0} %", human::short_count(used))
            }
            _ => format!("{} tokens", human::short_count(used)),
        });
        let spent = format!(
            "{}  {} requests, {} in, {} out, {} cache read, {} cache write",
            cost(session),
            human::count(sums.requests),
            human::short_count(usage.input),
            human::short_count(usage.output),
            human::short_count(usage.cache_read),
            human::short_count(usage.cache_creation()),
        );
        let waited = (session.blocked.0 > 0).then(|| human::span(session.blocked));
        self.fact("Session", Some(&session.key.to_string()));
        self.fact("Project", Some(&project(session)));
        self.fact("Folder", session.cwd.as_deref());
        self.fact("Model", session.model.as_deref());
        self.fact("Cost", Some(&spent));
        self.fact("Context", context.as_deref());
        self.fact("Waited", waited.as_deref());
    }

    fn event(&mut self, event: &EventRow) {
        let app = self.app;
        let style = match event.status {
            EventStatus::Success => Style::Plain,
            EventStatus::Error | EventStatus::Timeout => Style::Bad,
        };
        let at = human::time_with_seconds(event.at, app.now, &app.zone);
        let tool = event.tool.as_deref().unwrap_or_default();
        let words = format!("{} {}", tool, first_line(&event.text));
        let line = format!(
            "{at:>11} {:<12} {}",
            event.kind.as_str(),
            words.trim_start()
        );
        self.text(&line, style);
    }
}
