//! `agentmon statusline`: Claude Code's statusline JSON on standard input becomes one line.
//!
//! It is run after every answer: it opens the store for reading, asks a few questions and looks at no agent's file.

use std::io::{IsTerminal, Read};
use std::time::{Duration, Instant};

use agentmon_core::hooks::hand_over::post;
use agentmon_core::model::QuotaWindow;
use agentmon_core::query::Present;
use agentmon_core::source::claude_code::statusline::{StatusInput, parse};
use agentmon_core::wire;

use super::quota;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::{Format, Output, human, text};

/// Longest input that is read.
const MAX_INPUT: u64 = 1024 * 1024;
/// How long a server may take to hear of plan limits.
const PATIENCE: Duration = Duration::from_millis(200);

pub(super) fn run(cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Error::Usage(
            "statusline reads Claude Code's statusline JSON on standard input: set \
             \"statusLine\": {\"type\": \"command\", \"command\": \"agentmon statusline\"} in ~/.claude/settings.json"
                .to_owned(),
        ));
    }
    let mut bytes = Vec::new();
    stdin.take(MAX_INPUT).read_to_end(&mut bytes)?;
    let input = parse(&bytes, cx.now).map_err(|error| {
        Error::Usage(format!(
            "standard input is not Claude Code's statusline JSON: {error}"
        ))
    })?;
    // Without a store, or with one that cannot be read, the client's own word is still worth a line.
    let monitor = cx.reader().ok();
    let mut present = monitor.as_ref().and_then(|monitor| {
        let present = monitor.present(&input.session, cx.zone());
        present.ok()
    });
    if let (Some(present), Some(cost)) = (&mut present, input.cost) {
        present.catch_up(cost);
    }
    match out.format {
        Format::Json => out.json(&wire::statusline(&input, present.as_ref()))?,
        _ => {
            let line = line(&input, present.as_ref(), cx, out);
            out.line(line)?;
        }
    }
    out.flush()?;
    if let Some(monitor) = monitor
        && !input.quotas.is_empty()
    {
        let known = monitor.quotas().unwrap_or_default();
        let is_known = |quota: &QuotaWindow| {
            known.iter().any(|known| {
                let known = &known.window;
                (
                    &known.agent,
                    &known.window,
                    known.used_percent,
                    known.resets_at,
                ) == (
                    &quota.agent,
                    &quota.window,
                    quota.used_percent,
                    quota.resets_at,
                )
            })
        };
        if !input.quotas.iter().all(is_known) {
            // A server that runs takes them, as it takes everything.
            let path = "/api/provider-quotas/claude/statusline";
            let deadline = Instant::now() + PATIENCE;
            let data_dir = &cx.config.data_dir.value;
            if matches!(post(data_dir, path, &bytes, cx.now, deadline), Ok(200..300)) {
                return Ok(Exit::Done);
            }
            // Whoever writes just now goes first; the next line brings the figures again.
            if let Ok(writer) = cx.writer_now() {
                let _ = writer.record_quotas(input.quotas);
            }
        }
    }
    Ok(Exit::Done)
}

fn line(input: &StatusInput, present: Option<&Present>, cx: &Context, out: &Output) -> String {
    let mut parts = Vec::new();
    let palette = out.palette;
    if let Some(model) = &input.model {
        parts.push(palette.paint(Style::Strong, text::clip(&text::line(model), 40)));
    }
    if let Some(tokens) = input.context_tokens {
        let share = input
            .context_window
            .filter(|window| *window > 0)
            .map(|window| tokens as f64 / window as f64 * 100.0);
        let text = match share {
            Some(share) => format!("{} context ({share:.0} %)", human::short_count(tokens)),
            None => format!("{} context", human::short_count(tokens)),
        };
        parts.push(palette.paint(quota::style(share.unwrap_or(0.0)), text));
    }
    let session = present
        .and_then(|present| present.session_cost)
        .or(input.cost);
    let mut costs = Vec::new();
    if let Some(cost) = session {
        costs.push(format!("{cost} session"));
    }
    if let Some(present) = present {
        costs.push(format!("{} today", present.today.cost));
    }
    if !costs.is_empty() {
        parts.push(costs.join(" / "));
    }
    let block = present.and_then(|present| present.block.as_ref());
    if let Some(block) = block {
        let rate = block.projection.map_or_else(String::new, |projection| {
            format!(", {}/h", projection.cost_per_hour)
        });
        parts.push(format!(
            "{} block ({} left{rate})",
            block.sums.cost,
            human::span(block.end - cx.now)
        ));
    }
    for quota in &input.quotas {
        let reset = quota.resets_at.map_or_else(String::new, |at| {
            format!(" until {}", human::time(at, cx.now, cx.zone()))
        });
        let text = format!(
            "{} {:.0} %{reset}",
            quota::length(quota),
            quota.used_percent
        );
        parts.push(palette.paint(quota::style(quota.used_percent), text));
    }
    parts.join(" | ")
}
