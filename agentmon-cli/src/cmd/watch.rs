//! `agentmon watch`: a line whenever a session changes.

use std::collections::HashMap;
use std::time::Duration;

use agentmon_core::Monitor;
use agentmon_core::clock::{Clock, SystemClock};
use agentmon_core::model::{SessionKey, Span};
use agentmon_core::monitor::Heard;
use agentmon_core::query::{RefreshOptions, SessionFilter, SessionView};
use agentmon_core::wire;

use super::sessions::{cost, project, shape, style, title, why};
use super::words;
use crate::args::WatchArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::{Format, Output, text};

/// How often to look when another process keeps the database up to date: its changes are not announced here.
const POLL: Duration = Duration::from_secs(1);
/// How far back a look goes for sessions that are over.
const RECENT: Span = Span::from_mins(60);

pub(super) fn run(args: &WatchArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let filter = SessionFilter {
        states: args.state.clone(),
        agents: args.filter.agent.clone(),
        models: words(&args.filter.model),
        projects: cx.projects(&args.filter.project),
        hosts: words(&args.filter.host),
        ..SessionFilter::default()
    };
    cx.remove_demo_on_stop()?;
    let monitor = cx.fresh_monitor(RefreshOptions {
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let mut subscription = monitor.subscribe();
    let _watching = monitor.start()?;
    let _playing = cx.play_demo()?;
    let mut watch = Watch {
        monitor: &monitor,
        filter,
        shown: HashMap::new(),
    };
    watch.look_at_all(cx, out)?;
    if watch.shown.is_empty() && out.width.is_some() {
        cx.warn("no session is open or was active within the last hour; waiting (Ctrl-C ends)");
    }
    if monitor.other_writer().is_some() {
        loop {
            std::thread::sleep(POLL);
            watch.look_at_all(cx, out)?;
        }
    }
    while let Some(heard) = subscription.blocking_recv() {
        match heard {
            Heard::Update(update) => watch.look_at(&update.change.key, cx, out)?,
            Heard::Resync(_) => watch.look_at_all(cx, out)?,
        }
    }
    Ok(Exit::Done)
}

/// What was told so far.
struct Watch<'a> {
    monitor: &'a Monitor,
    filter: SessionFilter,
    shown: HashMap<SessionKey, SessionView>,
}

impl Watch<'_> {
    /// Tells what is new of all sessions, the oldest news first.
    fn look_at_all(&mut self, cx: &Context, out: &mut Output) -> Result<(), Error> {
        let filter = SessionFilter {
            since: Some(SystemClock.now() - RECENT),
            or_open: true,
            ..self.filter.clone()
        };
        let list = self.monitor.sessions(&filter)?;
        for session in list.sessions.into_iter().rev() {
            self.tell(session, cx, out)?;
        }
        Ok(())
    }

    /// Tells what is new of one session. A subagent that is a part of another session is told as that one.
    fn look_at(&mut self, key: &SessionKey, cx: &Context, out: &mut Output) -> Result<(), Error> {
        let filter = SessionFilter {
            sessions: vec![key.to_string().into()],
            ..self.filter.clone()
        };
        let list = self.monitor.sessions(&filter)?;
        // The filter takes a beginning of an id, too.
        let session = list
            .sessions
            .into_iter()
            .find(|session| session.key == *key);
        session.map_or(Ok(()), |session| self.tell(session, cx, out))
    }

    fn tell(&mut self, session: SessionView, cx: &Context, out: &mut Output) -> Result<(), Error> {
        let known = self.shown.get(&session.key);
        if out.format == Format::Json {
            if known != Some(&session) {
                out.json_line(&wire::session_change(&session))?;
            }
        } else if known.is_none_or(|known| verdict(known) != verdict(&session)) {
            line(&session, cx, out)?;
        }
        self.shown.insert(session.key.clone(), session);
        Ok(())
    }
}

/// What people watch: not every token that is counted.
fn verdict(session: &SessionView) -> impl PartialEq + '_ {
    (
        session.state,
        &session.reason,
        &session.detail,
        session.liveness,
    )
}

fn line(session: &SessionView, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let now = SystemClock.now();
    let at = cx.zone().datetime(now).strftime("%H:%M:%S").to_string();
    let id: String = session.key.native_id.chars().take(13).collect();
    let rest = [
        why(session, now, cx.zone()),
        project(session),
        title(session).to_owned(),
        cost(session),
    ];
    let rest: Vec<&str> = rest
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    let rest = rest.join("  ");
    let taken = "00:00:00 ● 0123456789012 waiting_self ".chars().count();
    let columns = out
        .width
        .map_or(usize::MAX, |width| width.saturating_sub(taken));
    out.line(format!(
        "{} {} {:<13} {} {}",
        out.palette.paint(Style::Faint, at),
        out.palette
            .paint(style(session.state), shape(session.liveness)),
        text::line(&id),
        out.palette
            .paint(style(session.state), format!("{:<12}", session.state)),
        text::clip(&text::line(&rest), columns),
    ))?;
    Ok(out.flush()?)
}
