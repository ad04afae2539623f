//! `agentmon hook AGENT`: passes an agent's hook on to the server, or leaves it for later. The agent waits meanwhile, so
//! that nothing of what other commands start with is started: no parser of arguments, no configuration, no runtime.
//!
//! Whatever happens, it prints nothing and succeeds: an agent would show a failure to its user, or stop.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use agentmon_core::clock::{Clock, SystemClock};
use agentmon_core::config::default_data_dir;
use agentmon_core::hooks::HookAgent;
use agentmon_core::hooks::hand_over::{MAX_PAYLOAD, hand_over};
use agentmon_core::source::Env;

/// How long an agent may be kept waiting for a server.
const PATIENCE: Duration = Duration::from_millis(150);
/// How long it may take to say what it has to say, from the start.
const INPUT_PATIENCE: Duration = Duration::from_millis(130);

/// What follows `agentmon hook`.
#[derive(Debug, PartialEq, Eq)]
struct Call {
    agent: HookAgent,
    data_dir: Option<PathBuf>,
    /// The payload, where the agent gives it as an argument and not on standard input.
    payload: Option<Vec<u8>>,
}

/// Passes on what an agent tells. `arguments` are those behind `hook`.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) {
    let begin = Instant::now();
    let at = SystemClock.now();
    let Some(call) = parse(arguments) else { return };
    let Some(payload) = call.payload.or_else(|| input(begin + INPUT_PATIENCE)) else {
        return;
    };
    if payload.len() > MAX_PAYLOAD || payload.trim_ascii().is_empty() {
        return;
    }
    let data_dir = call.data_dir.unwrap_or_else(|| {
        let env = Env::from_process();
        let set = env.var("AGENTMON_DATA_DIR").map(|path| env.expand(path));
        set.unwrap_or_else(|| default_data_dir(&env))
    });
    hand_over(&data_dir, call.agent, &payload, at, begin + PATIENCE);
}

fn parse(mut arguments: impl Iterator<Item = OsString>) -> Option<Call> {
    let mut call = Call {
        agent: HookAgent::parse(arguments.next()?.to_str()?)?,
        data_dir: None,
        payload: None,
    };
    while let Some(argument) = arguments.next() {
        if argument == "--data-dir" {
            call.data_dir = Some(arguments.next()?.into());
        } else if let Ok(text) = argument.into_string()
            && text.starts_with('{')
        {
            // Codex adds its notice as the last argument.
            call.payload = Some(text.into_bytes());
        }
    }
    Some(call)
}

/// Standard input to its end, if that comes in time.
fn input(deadline: Instant) -> Option<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .spawn(move || {
            let mut bytes = Vec::new();
            let limit = MAX_PAYLOAD as u64 + 1;
            let read = std::io::stdin().lock().take(limit).read_to_end(&mut bytes);
            // Nobody waits any more for what comes too late.
            let _ = sender.send(read.map(|_| bytes));
        })
        .ok()?;
    let left = deadline.saturating_duration_since(Instant::now());
    receiver.recv_timeout(left).ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_without_a_parser() {
        let call = |words: &[&str]| parse(words.iter().map(OsString::from));
        let plain = |agent| Call {
            agent,
            data_dir: None,
            payload: None,
        };
        assert_eq!(call(&["claude-code"]), Some(plain(HookAgent::ClaudeCode)));
        assert_eq!(
            call(&["codex", "Stop", "--data-dir", "/x", "{}"]),
            Some(Call {
                agent: HookAgent::Codex,
                data_dir: Some("/x".into()),
                payload: Some(b"{}".to_vec()),
            })
        );
        for words in [&[][..], &["nobody"], &["gemini", "--data-dir"]] {
            assert_eq!(call(words), None, "{words:?}");
        }
    }
}
