//! `agentmon explain`: the evidence behind a session's state.

use agentmon_core::query::{Explanation, RefreshOptions};
use agentmon_core::session::{EvidenceRef, Liveness};
use agentmon_core::wire;

use super::sessions::style;
use crate::args::ExplainArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human, text};

pub(super) fn run(args: &ExplainArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.fresh_monitor(RefreshOptions {
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let explanation = monitor.explain(&args.id)?;
    match out.format {
        Format::Json => out.json(&wire::explanation(&explanation))?,
        _ => show(&explanation, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(explanation: &Explanation, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let verdict = &explanation.verdict;
    let time = |at| human::time(at, cx.now, cx.zone());
    let key = explanation.session.key.to_string();
    let state = out.palette.paint(style(verdict.state), verdict.state);
    out.line(text::line(&key))?;
    out.line(format!(
        "is {state} ({}) since {}, for {}.",
        text::line(&human::reason(&verdict.reason, cx.now, cx.zone())),
        time(verdict.since),
        human::span(cx.now - verdict.since),
    ))?;
    if let Some(detail) = &verdict.detail {
        for line in text::lines(detail).take(20) {
            out.line(format!("  │ {line}"))?;
        }
    }
    let process = match verdict.liveness {
        Liveness::Alive => "Its process lives.",
        Liveness::Dead => "Its process is gone.",
        Liveness::Unknown => "Whether its process lives is not known.",
    };
    out.line(format!("{process} Confidence: {}.", verdict.confidence))?;
    if let Some(deadline) = verdict.next_deadline {
        out.line(format!(
            "Without another sign this is looked at again at {}.",
            time(deadline)
        ))?;
    }

    if verdict.evidence.is_empty() {
        out.line("There is no evidence of what it does.")?;
    } else {
        out.line("")?;
        out.table(&signs("DECIDED BY", &verdict.evidence, cx), 0)?;
    }
    if !explanation.evidence.is_empty() {
        out.line("")?;
        out.table(&signs("EVIDENCE", &explanation.evidence, cx), 0)?;
    }

    if !explanation.transitions.is_empty() {
        let mut steps = Table::new(&[
            ("SINCE", Layout::Right),
            ("FROM", Layout::Left),
            ("TO", Layout::Left),
            ("WHY", Layout::Flexible),
            ("DECIDED BY", Layout::Flexible),
        ]);
        for step in &explanation.transitions {
            let decider = step.evidence.first();
            let decider =
                decider.map(|evidence| format!("{} {}", evidence.source.as_str(), evidence.signal));
            steps.row(vec![
                Cell::styled(time(step.since), Style::Faint),
                step.from.as_str().into(),
                Cell::styled(step.to.as_str(), style(step.to)),
                human::reason(&step.reason, cx.now, cx.zone()).into(),
                decider.unwrap_or_default().into(),
            ]);
        }
        out.line("")?;
        out.table(&steps, 0)?;
    }
    Ok(())
}

fn signs(heading: &'static str, signs: &[EvidenceRef], cx: &Context) -> Table {
    let mut table = Table::new(&[
        (heading, Layout::Left),
        ("AT", Layout::Right),
        ("AGO", Layout::Right),
        ("SAID", Layout::Flexible),
    ]);
    for sign in signs {
        table.row(vec![
            sign.source.as_str().into(),
            human::time_with_seconds(sign.at, cx.now, cx.zone()).into(),
            human::span(cx.now - sign.at).into(),
            (&*sign.signal).into(),
        ]);
    }
    table
}
