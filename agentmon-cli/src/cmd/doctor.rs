//! `agentmon doctor`: checks the whole installation and says what to do.

use agentmon_core::query::{
    Finding, RefreshOptions, Severity, judge_database, judge_prices, judge_sources,
};
use agentmon_core::wire;

use super::empty;
use super::prices::models_in_use;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::{Format, Output, text};

pub(super) fn run(
    context: impl FnOnce() -> Result<Context, Error>,
    out: &mut Output,
) -> Result<Exit, Error> {
    // A configuration that is refused is the first thing to be told, not a reason to stop telling.
    let findings = match context() {
        Ok(cx) => findings(&cx).unwrap_or_else(|error| vec![fatal("database", &error)]),
        Err(error) => vec![fatal("configuration", &error)],
    };
    if out.format == Format::Json {
        out.json(&wire::doctor(&findings))?;
    } else {
        for finding in &findings {
            show(finding, out)?;
        }
    }
    let worst = findings.iter().map(|finding| finding.severity).max();
    Ok(if worst == Some(Severity::Problem) {
        Exit::Problems
    } else {
        Exit::Done
    })
}

fn fatal(subject: &'static str, error: &Error) -> Finding {
    Finding::new(Severity::Problem, subject, error.to_string())
}

fn findings(cx: &Context) -> Result<Vec<Finding>, Error> {
    let file = cx.config.file.display();
    let message = if cx.config.file_exists {
        format!("read from {file}")
    } else {
        format!("defaults; there is no {file}")
    };
    let mut findings = vec![Finding::new(Severity::Good, "configuration", message)];
    let monitor = cx.fresh_monitor(RefreshOptions::default())?;
    findings.extend(judge_database(
        &monitor.db_check()?,
        monitor.moved_aside(),
        monitor.other_writer(),
    ));
    findings.extend(judge_sources(&monitor.sources()?));
    let report = monitor.usage(&models_in_use(cx))?;
    findings.extend(judge_prices(monitor.prices(), &report, cx.now));
    Ok(findings)
}

fn show(finding: &Finding, out: &mut Output) -> Result<(), Error> {
    let (sign, style) = match finding.severity {
        Severity::Good => ("✓", Style::Good),
        Severity::Note => ("!", Style::Held),
        Severity::Problem => ("✗", Style::Bad),
    };
    let sign = out.palette.paint(style, sign);
    for (index, line) in text::lines(&finding.message).enumerate() {
        if index == 0 {
            out.line(format!("{sign} {:<13} {line}", finding.subject))?;
        } else {
            out.line(format!("                {line}"))?;
        }
    }
    if let Some(advice) = &finding.advice {
        empty::hint(out, &format!("                {advice}"))?;
    }
    Ok(())
}
