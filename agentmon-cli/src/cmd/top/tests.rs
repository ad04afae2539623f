//! The board as it is drawn, without a terminal.

use agentmon_core::model::{AgentKind, NanoUsd, QuotaWindow, SessionKey, Span, Timestamp};
use agentmon_core::query::{Project, QuotaView, SessionView, Sums, Zone, board};
use agentmon_core::session::{Liveness, Reason, State};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Then};
use super::draw;
use crate::output::style::Palette;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

fn session(
    agent: AgentKind,
    id: &str,
    state: State,
    reason: Reason,
    (project, branch): (&str, &str),
    title: &str,
    seconds: i64,
) -> SessionView {
    SessionView {
        state,
        reason,
        liveness: if agent == AgentKind::ClaudeCode {
            Liveness::Alive
        } else {
            Liveness::Unknown
        },
        since: now() - Span::from_secs(seconds),
        title: Some(title.into()),
        project: Some(Project {
            name: project.into(),
            root: format!("/p/{project}").into(),
        }),
        branch: Some(branch.into()),
        model: Some("claude-opus-5-5".into()),
        sums: Sums {
            requests: 3,
            cost: NanoUsd(seconds * 10_000_000),
            ..Sums::default()
        },
        ..SessionView::new(SessionKey::new(agent, id))
    }
}

/// A board with one session of most kinds, one of them hostile.
fn app() -> App {
    let (claude, codex) = (AgentKind::ClaudeCode, AgentKind::Codex);
    let asks = SessionView {
        detail: Some("npm run db:migrate -- --env staging \u{1b}[2J\u{202e}evil".into()),
        ..session(
            claude.clone(),
            "a1",
            State::NeedsInput,
            Reason::Permission(Some("Bash".into())),
            ("shop", "main"),
            "Add a column for gift notes",
            190,
        )
    };
    let sessions = vec![
        asks,
        session(
            codex.clone(),
            "b2",
            State::Working,
            Reason::Tool("exec_command".into()),
            ("search-service", "index-v3"),
            "Write index version 3",
            40,
        ),
        session(
            claude.clone(),
            "c3",
            State::Working,
            Reason::Model,
            ("shop", "checkout-v2"),
            "日本語のタイトル",
            8,
        ),
        session(
            codex,
            "d4",
            State::Stalled,
            Reason::Silent,
            ("warehouse", "forecast"),
            "Forecast next month's stock",
            560,
        ),
        session(
            claude.clone(),
            "e5",
            State::Limited,
            Reason::RateLimit(Some(now() + Span::from_mins(95))),
            ("infra", "cheaper-nodes"),
            "Move batch jobs to cheaper nodes",
            1080,
        ),
        session(
            claude,
            "f6",
            State::Idle,
            Reason::TurnDone { seen: false },
            ("api-gateway", "main"),
            "Answer 429 with Retry-After",
            410,
        ),
    ];
    let quota = QuotaView {
        window: QuotaWindow {
            agent: AgentKind::Codex,
            limit: "codex".into(),
            window: "primary".into(),
            used_percent: 42.0,
            window_minutes: Some(300),
            resets_at: None,
            plan: None,
            at: now(),
        },
        expired: false,
    };
    let today = Sums {
        requests: 211,
        cost: NanoUsd(12_400_000_000),
        ..Sums::default()
    };
    let mut app = App::new(Zone::utc(), Palette { on: true });
    app.now = now();
    app.show(board(sessions, today, vec![quota], now()), None);
    app
}

fn press(app: &mut App, keys: &str) -> Then {
    let mut then = Then::Go;
    for key in keys.chars() {
        let code = match key {
            '\n' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            key => KeyCode::Char(key),
        };
        then = app.key(KeyEvent::new(code, KeyModifiers::NONE));
    }
    then
}

/// What stands on a terminal of this size.
fn drawn(app: &App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw::frame(frame, app)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = (0..height).map(|y| {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                row.push_str(symbol);
                skip = crate::output::text::width(symbol).max(1);
            }
            skip -= 1;
        }
        format!("{}\n", row.trim_end())
    });
    rows.collect()
}

#[test]
fn it_fits_a_small_terminal_and_uses_a_wide_one() {
    let app = app();
    insta::assert_snapshot!("small", drawn(&app, 80, 24));
    insta::assert_snapshot!("wide", drawn(&app, 150, 16));
    // Whatever the size, nothing breaks.
    for (width, height) in [(1, 1), (10, 3), (40, 6), (79, 5), (400, 100)] {
        drawn(&app, width, height);
    }
}

#[test]
fn keys_filter_sort_group_and_help() {
    let mut app = app();
    press(&mut app, "/shop\n");
    insta::assert_snapshot!("filtered", drawn(&app, 80, 12));
    press(&mut app, "\u{1b}gs");
    insta::assert_snapshot!("by_project_and_age", drawn(&app, 80, 20));
    press(&mut app, "?");
    insta::assert_snapshot!("help", drawn(&app, 80, 24));
}

#[test]
fn the_cursor_stays_on_its_session() {
    let mut app = app();
    let selected = |app: &App| app.selected.as_ref().unwrap().native_id.to_string();
    assert_eq!(selected(&app), "a1");
    press(&mut app, "jj");
    assert_eq!(selected(&app), "e5");
    // The order changes under it.
    press(&mut app, "s");
    assert_eq!(selected(&app), "e5");
    let mut board = app.board.clone();
    board.needs_you.clear();
    app.show(board.clone(), None);
    assert_eq!(selected(&app), "e5");
    // It goes: the one in its place is next.
    board.limited.clear();
    app.show(board, None);
    assert_ne!(selected(&app), "e5");
    press(&mut app, "kkkkkkkk");
    assert_eq!(selected(&app), "d4");
    assert_eq!(press(&mut app, "\n"), Then::Open);
    assert_eq!(app.open, app.selected);
    assert_eq!(press(&mut app, "q"), Then::Go);
    assert_eq!(press(&mut app, "q"), Then::Quit);
}

#[test]
fn colour_only_repeats_what_words_and_shapes_say() {
    let mut app = app();
    let coloured = drawn(&app, 80, 24);
    app.palette = Palette { on: false };
    assert_eq!(drawn(&app, 80, 24), coloured);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| draw::frame(frame, &app)).unwrap();
    let cells = &terminal.backend().buffer().content;
    assert!(
        cells
            .iter()
            .all(|cell| cell.fg == ratatui::style::Color::Reset)
    );
}

#[test]
fn text_from_agents_cannot_act() {
    let mut app = app();
    for state in ["", "g", "/evil\n", "a"] {
        press(&mut app, state);
        let shown = drawn(&app, 200, 24);
        assert!(shown.contains("evil"));
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    }
}
