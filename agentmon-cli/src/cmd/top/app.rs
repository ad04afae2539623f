//! What the board shows and what keys do to it. Pure: no terminal, no monitor, no clock.

use agentmon_core::model::{SessionKey, Timestamp};
use agentmon_core::query::{Board, Explanation, SessionDetail, Zone};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::list::{self, Entry};
use crate::output::style::Palette;

/// By what sessions of one group are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    /// As the board has them: who waits longest, who changed last.
    #[default]
    Urgency,
    /// Who is in its state longest.
    Age,
    /// The dearest.
    Cost,
    /// By title.
    Title,
}

impl Sort {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Urgency => "urgency",
            Self::Age => "age",
            Self::Cost => "cost",
            Self::Title => "title",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Urgency => Self::Age,
            Self::Age => Self::Cost,
            Self::Cost => Self::Title,
            Self::Title => Self::Urgency,
        }
    }
}

/// By what sessions are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Group {
    /// By what they want from the user.
    #[default]
    State,
    /// By project.
    Project,
}

/// What has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Mode {
    /// The list.
    #[default]
    List,
    /// The line in which the filter is typed.
    Filter,
    /// The details of a session.
    Detail,
    /// The help.
    Help,
}

/// What follows from a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Go on.
    Go,
    /// Ask for the details of [`App::open`].
    Open,
    /// End.
    Quit,
}

/// Everything about the session whose details are shown.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) detail: Box<SessionDetail>,
    pub(super) explanation: Box<Explanation>,
}

/// The board and how it is looked at.
#[derive(Debug)]
pub(super) struct App {
    pub(super) board: Board,
    /// The present; ages are told from it.
    pub(super) now: Timestamp,
    pub(super) zone: Zone,
    pub(super) palette: Palette,
    pub(super) mode: Mode,
    pub(super) sort: Sort,
    pub(super) group: Group,
    /// Whether sessions are shown that want nothing.
    pub(super) all: bool,
    pub(super) filter: String,
    /// The session under the cursor.
    pub(super) selected: Option<SessionKey>,
    /// Where the cursor was, for when that session goes.
    place: usize,
    /// The session whose details are wanted.
    pub(super) open: Option<SessionKey>,
    /// They, once they are there.
    pub(super) opened: Option<Opened>,
    /// Lines of the details above the window.
    pub(super) scroll: u16,
    /// What went wrong at the last look.
    pub(super) error: Option<String>,
}

impl App {
    pub(super) fn new(zone: Zone, palette: Palette) -> Self {
        Self {
            board: Board::default(),
            now: Timestamp::default(),
            zone,
            palette,
            mode: Mode::default(),
            sort: Sort::default(),
            group: Group::default(),
            all: false,
            filter: String::new(),
            selected: None,
            place: 0,
            open: None,
            opened: None,
            scroll: 0,
            error: None,
        }
    }

    /// Takes in what is new. The cursor stays on its session.
    pub(super) fn show(&mut self, board: Board, opened: Option<Opened>) {
        self.board = board;
        self.opened = opened;
        self.error = None;
        self.settle();
    }

    /// The keys of the sessions in the order in which they are listed.
    fn listed(&self) -> Vec<SessionKey> {
        let entries = list::entries(self);
        let keys = entries.into_iter().filter_map(|entry| match entry {
            Entry::Session(session) => Some(session.key.clone()),
            Entry::Heading { .. } => None,
        });
        keys.collect()
    }

    /// Puts the cursor on a session that is listed.
    fn settle(&mut self) {
        let listed = self.listed();
        let place = self
            .selected
            .as_ref()
            .and_then(|selected| listed.iter().position(|key| key == selected));
        self.place = place
            .unwrap_or(self.place)
            .min(listed.len().saturating_sub(1));
        self.selected = listed.get(self.place).cloned();
    }

    fn go(&mut self, by: isize) {
        self.place = self.place.saturating_add_signed(by);
        self.selected = None;
        self.settle();
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: KeyEvent) -> Then {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Then::Quit,
                _ => Then::Go,
            };
        }
        match self.mode {
            Mode::List => return self.list_key(key.code),
            Mode::Filter => self.filter_key(key.code),
            Mode::Detail => return self.detail_key(key.code),
            Mode::Help => self.mode = Mode::List,
        }
        Then::Go
    }

    fn list_key(&mut self, code: KeyCode) -> Then {
        match code {
            KeyCode::Char('q') => return Then::Quit,
            KeyCode::Char('j') | KeyCode::Down => self.go(1),
            KeyCode::Char('k') | KeyCode::Up => self.go(-1),
            KeyCode::PageDown => self.go(10),
            KeyCode::PageUp => self.go(-10),
            KeyCode::Home => self.go(isize::MIN),
            KeyCode::End => self.go(isize::MAX),
            KeyCode::Char('/') => self.mode = Mode::Filter,
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('g') => {
                self.group = match self.group {
                    Group::State => Group::Project,
                    Group::Project => Group::State,
                }
            }
            KeyCode::Char('a') => self.all = !self.all,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Enter | KeyCode::Char('l') | KeyCode::Right => {
                self.open.clone_from(&self.selected);
                if self.open.is_some() {
                    self.mode = Mode::Detail;
                    self.scroll = 0;
                    return Then::Open;
                }
            }
            _ => {}
        }
        self.settle();
        Then::Go
    }

    fn filter_key(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.mode = Mode::List,
            KeyCode::Esc => {
                self.filter.clear();
                self.mode = Mode::List;
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Down => self.go(1),
            KeyCode::Up => self.go(-1),
            KeyCode::Char(c) => self.filter.push(c),
            _ => {}
        }
        self.settle();
    }

    fn detail_key(&mut self, code: KeyCode) -> Then {
        match code {
            KeyCode::Char('j') | KeyCode::Down => self.scroll = self.scroll.saturating_add(1),
            KeyCode::Char('k') | KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll = self.scroll.saturating_add(10),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(10),
            KeyCode::Home => self.scroll = 0,
            KeyCode::Char('n' | 'p') => {
                self.go(if code == KeyCode::Char('n') { 1 } else { -1 });
                self.open.clone_from(&self.selected);
                self.scroll = 0;
                return Then::Open;
            }
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | 'h') | KeyCode::Left => {
                self.mode = Mode::List;
                self.open = None;
                self.opened = None;
            }
            _ => {}
        }
        Then::Go
    }
}
