//! What a server says when it listens, and how it logs: the same for `agentmon serve` and the binary.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};

use crate::args::LogFormat;
use crate::serve::Server;

/// Says where the server is, one fact a line, and opens a browser where somebody sits in front.
///
/// Scripts read the first line: its last word is the URL.
pub fn announce(server: &Server, no_open: bool) {
    let mut out = std::io::stdout().lock();
    // Whoever does not listen has lost nothing.
    let _ = writeln!(out, "agentmon listens on {}", server.url());
    let login = server.login_url();
    if let Some(login) = &login {
        let _ = writeln!(out, "open it in a browser (works once): {login}");
    }
    if let Some(address) = server.otlp_grpc() {
        let _ = writeln!(out, "OTLP over gRPC: http://{address}");
    }
    let _ = out.flush();
    if let (Some(login), false, true) = (login, no_open, std::io::stdout().is_terminal()) {
        open_browser(&login);
    }
}

/// Opens a browser, if this machine has a screen.
fn open_browser(url: &str) {
    let screen = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else if screen("DISPLAY") || screen("WAYLAND_DISPLAY") {
        "xdg-open"
    } else {
        return;
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::debug!(%error, program, "cannot open a browser");
    }
}

/// Logs to standard error what `AGENTMON_LOG` asks for (`info` without it), as text on a terminal and as JSON elsewhere
/// unless a format is chosen.
pub fn log_to_stderr(format: Option<LogFormat>) {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_from_env("AGENTMON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::stderr().is_terminal();
    let log = fmt()
        .with_env_filter(filter)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr);
    let usual = if is_terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    };
    // A program that embeds the server may log already.
    let _ = match format.unwrap_or(usual) {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}
